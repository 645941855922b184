#include <QtTest>

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

  void badJson_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("says");
    QTest::newRow("empty") << QByteArray() << QByteArray("not valid JSON");
    QTest::newRow("array") << QByteArray("[1]") << QByteArray("object");
    QTest::newRow("twice") << QByteArray(R"({"a":1,"a":2})") << QByteArray("\"a\" occurs twice");
    QTest::newRow("deep") << QByteArray("{\"a\":" + QByteArray(100000, '[')) << QByteArray("nested more than 64");
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

  void sameKeyInTwoObjects() {
    const auto json = bsbr::parse_json_object(R"({"a":{"x":1},"b":{"x":2}})", "f");
    QCOMPARE(json["b"]["x"].get<int>(), 2);
  }
};

QTEST_APPLESS_MAIN(TestBase)
#include "test_base.moc"
