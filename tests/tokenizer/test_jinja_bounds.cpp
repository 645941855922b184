#include <QtTest>
#include <filesystem>
#include <random>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/tokenizer/chat_template.h"
#include "tests/support/places.h"

using bsbr::Error;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// What comes of a template: its text, or its error's.
std::string outcome(const std::string& source) {
  const std::vector<bsbr::ChatMessage> messages = {
      {"system", " Be kind. "}, {"user", "Hello é"}, {"assistant", "x"}};
  try {
    return bsbr::render_chat(bsbr::parse_chat_template(source, {{"bos_token", "<s>"}}, "test"), messages,
                             true);
  } catch (const Error& error) {
    return std::string("error: ") + error.what();
  }
}

}  // namespace

/// Templates that mean harm, or are damaged: an answer or an error, soon.
class TestJinjaBounds : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void hostile_data() {
    QTest::addColumn<QByteArray>("jinja");
    const auto row = [](const char* name, const std::string& jinja) {
      QTest::newRow(name) << QByteArray::fromStdString(jinja);
    };
    row("recursive macro", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
    row("two macros",
        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}");
    row("huge range", "{% for i in range(10**12) %}{% endfor %}");
    row("nested ranges", repeated("{% for i in range(99999) %}", 5) + repeated("{% endfor %}", 5));
    row("huge string", "{{ 'a' * 10**9 }}");
    row("huge list", "{{ [0] * 10**9 }}");
    row("doubling",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}");
#ifndef __SANITIZE_ADDRESS__
    // AddressSanitizer looks at all of a text at each search in it, which takes minutes.
    row("doubling by replace",
        "{% set ns = namespace(s='aa') %}{% for i in range(99) %}"
        "{% set ns.s = ns.s.replace('a', 'aa') %}{% endfor %}");
#endif
    row("doubling list",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ "
        "ns.s }}");
    row("nesting list",
        "{% set ns = namespace(s=[]) %}{% for i in range(9999) %}{% set ns.s = [ns.s] %}{% endfor %}");
    row("nesting methods",
        "{% set ns = namespace(s=1) %}{% for i in range(9999) %}{% set ns.s = {'a': ns.s}.get %}{% endfor "
        "%}");
    row("equal twins",
        "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(90) %}{% set ns.a = [ns.a, ns.a] %}"
        "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}");
    row("slow search",
        "{% set a = 'a' * 999999 %}{{ a.rfind('b' + 'a' * 499999) }}{{ a.find('a' * 499999 + 'b') }}");
    row("slow splits", "{{ ('a' * 999999).split('a') | length }}{{ ('a' * 999999).rsplit('a') | length }}");
    row("wide padding", "{{ 'a'.zfill(10**15) }}{{ 'a' | indent(10**15) }}");
    row("wide format", "{{ '%999999999d' % 1 }}");
    row("big power", "{{ 10 ** 10 ** 10 }}");
    row("division", "{{ -9223372036854775807 - 1 }}{{ (-9223372036854775807 - 1) // -1 }}");
    row("remainder", "{{ (-9223372036854775807 - 1) % -1 }}");
    row("slices",
        "{{ 'abc'[9223372036854775807:-9223372036854775807:-9223372036854775807] }}{{ "
        "'abc'[::9223372036854775807] }}");
    row("edge of ranges",
        "{{ range(-9223372036854775807, 9223372036854775807, 9223372036854775807) | list }}");
    row("parentheses", "{{ " + repeated("(", 99999) + repeated(")", 99999) + " }}");
    row("brackets", "{{ " + repeated("[", 99999) + " }}");
    row("minus", "{{ " + repeated("-", 99999) + "1 }}");
    row("not", "{{ " + repeated("not ", 99999) + "1 }}");
    row("sums", "{{ 1" + repeated("+1", 99999) + " }}");
    row("filters", "{{ 1" + repeated("|string", 99999) + " }}");
    row("attributes", "{{ a" + repeated(".a", 99999) + " }}");
    row("ifs", repeated("{% if 1 %}", 99999));
    row("elifs", "{% if 0 %}" + repeated("{% elif 0 %}", 20000) + "{% endif %}");
    row("conditions", "{{ 1" + repeated(" if 1 else 1", 9999) + " }}");
    row("targets", "{% set " + repeated("(", 99999) + " = 1 %}");
    row("too long", repeated("a", 2'000'000));
    row("date", "{{ strftime_now('%c' * 99999) }}");
    row("sorting", "{{ ((range(99999) | list) * 9) | sort | length }}");
    row("cycle of namespaces",
        "{% set a = namespace() %}{% set a.a = a %}{% set a.l = [a] %}{{ a.l == a.l }}");
    row("chain of loops",
        "{% set ns = namespace(l=0) %}{% for i in range(99999) %}{% for x in [ns.l] %}"
        "{% set ns.l = loop %}{% endfor %}{% endfor %}");
    row("chain of macros",
        "{% set ns = namespace(f=0) %}{% for i in range(9999) %}{% set g = ns.f %}"
        "{% macro f() %}{% endmacro %}{% set ns.f = f %}{% endfor %}");
    row("zero byte", std::string("{{ '\0' }}{{ strftime_now('\0%Y') }}", 34));
    row("stars", "{{ dict(**{}) }}{{ range(*range(99999)) }}");
  }
  void hostile() {
    QFETCH(QByteArray, jinja);
    QVERIFY(outcome(jinja.toStdString()).size() < (1U << 28U));
  }

  void mutations() {
    std::vector<std::string> sources;
    const std::filesystem::path folder = bsbr::test::in_repository("tests/tokenizer/golden/chat_templates");
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.file_size() < 5000) sources.push_back(bsbr::read_text_file(entry.path(), 1 << 20));
    }
    std::sort(sources.begin(), sources.end());
    QVERIFY(sources.size() >= 25);
    std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same every time
    const std::string_view pieces = "{}%#()[]|.,:'\"-+*/~ \n\\09azé_<=!";
    std::size_t errors = 0;
    for (int round = 0; round < 3000; ++round) {
      std::string source = sources[random() % sources.size()];
      for (unsigned change = 0; change <= random() % 3; ++change) {
        const std::size_t at = random() % source.size();
        switch (random() % 3) {
          case 0:
            source[at] = static_cast<char>(random() % 256);
            break;
          case 1:
            source.insert(at, 1, pieces[random() % pieces.size()]);
            break;
          default:
            source.erase(at, 1 + random() % 8);
        }
      }
      if (outcome(source).starts_with("error: ")) ++errors;
    }
    QVERIFY2(errors > 300 && errors < 2900, qPrintable(QString::number(errors)));
  }
};

QTEST_APPLESS_MAIN(TestJinjaBounds)
#include "test_jinja_bounds.moc"
