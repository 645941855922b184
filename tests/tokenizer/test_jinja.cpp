#include <QtTest>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/tokenizer/jinja/template.h"
#include "tests/support/places.h"

using bsbr::Error;
using bsbr::ErrorKind;
using bsbr::jinja::Template;

namespace {

constexpr std::time_t kThen = 1'700'000'000;  // 2023-11-14 22:13:20 UTC

bsbr::jinja::Variables variables() {
  using bsbr::jinja::Value;
  const Value message = bsbr::jinja::make_dict({{"role", "user"}, {"content", "hé \"q\""}});
  return {{"messages", bsbr::jinja::make_list({message})},
          {"tools", bsbr::jinja::None()},
          {"documents", bsbr::jinja::None()},
          {"add_generation_prompt", true}};
}

}  // namespace

class TestJinja : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    setenv("TZ", "UTC", 1);
    tzset();
  }

  void equalsTransformers() {
    const auto golden =
        bsbr::read_json_object(bsbr::test::in_repository("tests/tokenizer/golden/jinja.json"));
    QVERIFY(golden["rows"].size() >= 150);
    for (const auto& row : golden["rows"]) {
      const auto source = row[0].get<std::string>();
      std::string text;
      bool failed = false;
      try {
        text = Template(source, "test").render(variables(), kThen);
      } catch (const Error& error) {
        text = error.what();
        failed = true;
      }
      const bool raises = row[1].is_null();
      if (raises) {
        QVERIFY2(failed, (source + "\n" + text).c_str());
      } else {
        QCOMPARE(QByteArray::fromStdString(source + "\n" + text),
                 QByteArray::fromStdString(source + "\n" + row[1].get<std::string>()));
      }
    }
  }

  /// What is not done is refused by its name.
  void refused_data() {
    QTest::addColumn<QByteArray>("jinja");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* jinja, const char* says) {
      QTest::newRow(jinja) << QByteArray(jinja) << QByteArray(says);
    };
    row("{% for m in messages recursive %}{% endfor %}", "recursive");
    row("{% extends 'x' %}", "{% extends %}");
    row("{% block x %}{% endblock %}", "{% block %}");
    row("{{ 'a' | truncate }}", "\"truncate\"");
    row("{{ 'a' is escaped }}", "\"escaped\"");
    row("{{ 'a'.translate({}) }}", "translate");
    row("{{ messages | map('upper') }}", "generator");
    row("{{ range }}", "function");
    row("{{ cycler('a') }}", "cycler");
    row("{{ 9223372036854775807 + 1 }}", "64 bits");
    row("{{ 99999999999999999999 }}", "64 bits");
    row("{{ '<' | e ~ 'x' }}", "\"e\"");
    row("{{ strftime_now('%f') }}", "%f");
    row("{{ '\\N{DASH}' }}", "\\N");
    row("{{ 0x10 }}", "decimal");
  }
  void refused() {
    QFETCH(QByteArray, jinja);
    QFETCH(QByteArray, says);
    try {
      const auto text = Template(jinja.toStdString(), "test").render(variables(), kThen);
      QFAIL(text.c_str());
    } catch (const Error& error) {
      QVERIFY2(error.kind() == ErrorKind::Unsupported, error.what());
      QVERIFY2(QByteArray(error.what()).startsWith("test, line 1: "), error.what());
      QVERIFY2(QByteArray(error.what()).contains(says), error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestJinja)
#include "test_jinja.moc"
