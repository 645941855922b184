#include <QtTest>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/base/printable.h"
#include "engine/base/utf8.h"

using bsbr::ErrorKind;

class TestBase : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void utf8_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("prefix");
    QTest::newRow("empty") << QByteArray() << 0;
    QTest::newRow("ascii") << QByteArray("abc") << 3;
    QTest::newRow("four bytes") << QByteArray("\xF0\x9F\x98\x80") << 4;
    QTest::newRow("cut short") << QByteArray("a\xE2\x82") << 1;
    QTest::newRow("overlong") << QByteArray("\xC0\xAF") << 0;
    QTest::newRow("surrogate") << QByteArray("x\xED\xA0\x80") << 1;
    QTest::newRow("past U+10FFFF") << QByteArray("\xF4\x90\x80\x80") << 0;
    QTest::newRow("lone continuation") << QByteArray("ab\x80") << 2;
  }
  void utf8() {
    QFETCH(QByteArray, text);
    QFETCH(int, prefix);
    QCOMPARE(bsbr::valid_utf8_prefix({text.data(), std::size_t(text.size())}), std::size_t(prefix));
  }

  void cutUtf8_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("suffix");
    QTest::newRow("empty") << QByteArray() << 0;
    QTest::newRow("ascii") << QByteArray("abc") << 0;
    QTest::newRow("whole") << QByteArray("a\xF0\x9F\x98\x80") << 0;
    QTest::newRow("three of four") << QByteArray("a\xF0\x9F\x98") << 3;
    QTest::newRow("two of three") << QByteArray("a\xE2\x82") << 2;
    QTest::newRow("one of two") << QByteArray("\xC3\xA9\xC3") << 1;
    QTest::newRow("overlong") << QByteArray("\xE0\x80") << 0;
    QTest::newRow("surrogate") << QByteArray("\xED\xA0") << 0;
    QTest::newRow("past U+10FFFF") << QByteArray("\xF4\x90") << 0;
    QTest::newRow("no lead") << QByteArray("\x80\x80") << 0;
    QTest::newRow("never valid") << QByteArray("\xFF") << 0;
  }
  void cutUtf8() {
    QFETCH(QByteArray, text);
    QFETCH(int, suffix);
    QCOMPARE(bsbr::cut_utf8_suffix({text.data(), std::size_t(text.size())}), std::size_t(suffix));
  }

  void badJson_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("says");
    QTest::newRow("empty") << QByteArray() << QByteArray("not valid JSON");
    QTest::newRow("array") << QByteArray("[1]") << QByteArray("object");
    QTest::newRow("twice") << QByteArray(R"({"a":1,"a":2})") << QByteArray("\"a\" occurs twice");
    QTest::newRow("twice, inside") << QByteArray(R"({"a":[{"b":{},"c":1,"b":2}]})")
                                   << QByteArray("\"b\" occurs twice");
    QTest::newRow("too large a number") << QByteArray(R"({"a":1e999})") << QByteArray("not valid JSON");
    QTest::newRow("more after the end") << QByteArray("{} {}") << QByteArray("not valid JSON");
    QTest::newRow("deep") << QByteArray("{\"a\":" + QByteArray(100000, '['))
                          << QByteArray("nested more than 64");
    QTest::newRow("zero byte") << QByteArray("{}\0,!", 5) << QByteArray("byte 2 is zero");
    QTest::newRow("bytes") << QByteArray("{\"a\":\"\xFF\"}") << QByteArray("byte 6 is not valid UTF-8");
  }
  void badJson() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, says);
    try {
      bsbr::parse_json_object({text.data(), std::size_t(text.size())}, "some/config.json");
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), ErrorKind::InvalidFile);
      QVERIFY2(QByteArray(error.what()).startsWith("some/config.json: "), error.what());
      QVERIFY2(QByteArray(error.what()).contains(says), error.what());
    }
  }

  void pythonJson() {
    std::vector<std::string> warnings;
    const auto read = [&](const char* text) { return bsbr::parse_python_json(text, "f", warnings); };
    const auto json = read(
        "{\"a\": NaN, \"b\": [1, Infinity, -2.5e3, -Infinity, 7], \"NaN\": \"Infinity, \\\"NaN\\\\\", "
        "\"c\": 18446744073709551616, \"d\": NaN}");
    QVERIFY(std::isnan(json["a"].get<double>()));
    QVERIFY(std::isnan(json["d"].get<double>()));
    QCOMPARE(json["b"][0].get<int>(), 1);
    QCOMPARE(json["b"][1].get<double>(), HUGE_VAL);
    QCOMPARE(json["b"][2].get<double>(), -2500.0);
    QCOMPARE(json["b"][3].get<double>(), -HUGE_VAL);
    QCOMPARE(json["b"][4].get<int>(), 7);
    QCOMPARE(json["NaN"].get<std::string>(), std::string("Infinity, \"NaN\\"));
    QVERIFY(warnings.empty());
    QCOMPARE(read("{\"a\":{\"b\":1},\"c\":{\"x\\u001b\":1,\"x\\u001b\":2},\"a\":[3]}"),
             nlohmann::json::parse("{\"a\":[3],\"c\":{\"x\\u001b\":2}}"));
    QCOMPARE(warnings.size(), std::size_t(1));
    QCOMPARE(warnings[0], std::string("f: repeats the keys \"a\", \"x\\x1B\" in one object; the last value "
                                      "counts, as in Python"));
    for (const char* bad : {"{'a': nan}", "{'a': 1NaN}", "{'a': NaN1}", "{'a': +Infinity}", "NaN",
                            "{'a': --Infinity}", "{NaN: 1}", "{'a': 'x}"}) {
      QVERIFY_THROWS_EXCEPTION(bsbr::Error, read(QByteArray(bad).replace('\'', '"')));
    }
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, bsbr::parse_json_object("{\"a\": NaN}", "f"));
  }

  void printable_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("shown");
    const auto row = [](const char* name, const char* text, const char* shown) {
      QTest::newRow(name) << QByteArray(text) << QByteArray(shown);
    };
    row("plain", "a \\ é 漢 🙂", "a \\ é 漢 🙂");
    row("control", "a\n\t\x1B[31m\x7F", "a\\x0A\\x09\\x1B[31m\\x7F");
    row("C1",
        "a\xC2\x9B"
        "31m\xC2\xA0",
        "a\\xC2\\x9B"
        "31m\xC2\xA0");
    row("direction",
        "\xE2\x80\xAE"
        "a\xE2\x81\xA6",
        "\\xE2\\x80\\xAE"
        "a\\xE2\\x81\\xA6");
    row("bytes",
        "\xFF"
        "a\xC3",
        "\\xFFa\\xC3");
  }
  void printable() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, shown);
    QCOMPARE(bsbr::printable(text.toStdString()), shown.toStdString());
    QCOMPARE(bsbr::printable(std::string_view("\0x", 2)), std::string("\\x00x"));
  }

  void jsonValues() {
    const char* text =
        R"({"a": [1, -2, 2.5, "é", null, true, {}, [], {"b": [[3], {"c": 4}]}], "z": {"y": [5]}, "": 6})";
    QCOMPARE(bsbr::parse_json_object(text, "f"), nlohmann::json::parse(text));
  }

  void jsonDepth() {
    const auto nested = [](int levels) {
      return "{\"a\":" + std::string(std::size_t(levels) - 1, '[') +
             std::string(std::size_t(levels) - 1, ']') + "}";
    };
    QCOMPARE(bsbr::parse_json_object(nested(64), "f"), nlohmann::json::parse(nested(64)));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, bsbr::parse_json_object(nested(65), "f"));
  }

  void sameKeyInTwoObjects() {
    const auto json = bsbr::parse_json_object(R"({"a":{"x":1},"b":{"x":2}})", "f");
    QCOMPARE(json["b"]["x"].get<int>(), 2);
  }
};

QTEST_APPLESS_MAIN(TestBase)
#include "test_base.moc"
