#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
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
    QVERIFY_EXCEPTION_THROWN(bsbr::parse_json_object(nested(65), "f"), bsbr::Error);
  }

  void sameKeyInTwoObjects() {
    const auto json = bsbr::parse_json_object(R"({"a":{"x":1},"b":{"x":2}})", "f");
    QCOMPARE(json["b"]["x"].get<int>(), 2);
  }
};

QTEST_APPLESS_MAIN(TestBase)
#include "test_base.moc"
