#include <QtTest>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "engine/base/json_file.h"
#include "engine/tokenizer/chat_template.h"
#include "tests/support/files.h"
#include "tests/support/places.h"
#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ChatMessage;
using bsbr::ErrorKind;

namespace {

constexpr std::time_t kThen = 1'700'000'000;  // 2023-11-14 22:13:20 UTC

constexpr const char* kChatMl =
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const std::vector<ChatMessage> kHello = {{"user", "Hello"}};

const std::filesystem::path kGolden = bsbr::test::in_repository("tests/tokenizer/golden");

std::string hello(const std::optional<bsbr::ChatTemplate>& chat) {
  return chat ? bsbr::render_chat(*chat, kHello, false) : "no template";
}

}  // namespace

class TestChatTemplate : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void initTestCase() {
    setenv("TZ", "UTC", 1);
    tzset();
  }

  /// Published templates, as transformers renders them.
  void equalsTransformers() {
    const auto golden = bsbr::read_json_object(kGolden / "chats.json");
    QVERIFY(golden["templates"].size() >= 30);
    for (const auto& row : golden["templates"]) {
      const auto name = row["name"].get<std::string>();
      const auto source = bsbr::read_text_file(kGolden / "chat_templates" / name, 1 << 20);
      const auto chat = bsbr::parse_chat_template(source, golden["special_tokens"], name);
      for (std::size_t i = 0; i < golden["conversations"].size(); ++i) {
        std::vector<ChatMessage> messages;
        for (const auto& message : golden["conversations"][i]) {
          messages.push_back({message["role"], message["content"]});
        }
        for (const bool generate : {false, true}) {
          const auto& expected = row["texts"][i][generate ? 1 : 0];
          const auto render = [&] { return bsbr::render_chat(chat, messages, generate, kThen); };
          if (expected.is_null()) {
            expect_error(render, ErrorKind::InvalidArgument, {name.c_str(), ": the chat template"});
          } else {
            QCOMPARE(QByteArray::fromStdString(name + "\n" + render()),
                     QByteArray::fromStdString(name + "\n" + expected.get<std::string>()));
          }
        }
      }
    }
  }

  void refusesConversation() {
    const auto chat =
        bsbr::parse_chat_template("{{ raise_exception('Roles must alternate') }}", {}, "here.json");
    expect_error([&] { return bsbr::render_chat(chat, kHello, true); }, ErrorKind::InvalidArgument,
                 {"here.json: the chat template refuses this conversation: Roles must alternate"});
    const auto undefined = bsbr::parse_chat_template("\n{{ absent.x }}", {}, "here.json");
    expect_error([&] { return bsbr::render_chat(undefined, kHello, true); }, ErrorKind::InvalidArgument,
                 {"here.json: the chat template, line 2: 'absent' is undefined"});
  }

  void refusesTemplate() {
    const auto parse = [](const char* source) {
      return [=] { return bsbr::parse_chat_template(source, {}, "here.json"); };
    };
    expect_error(parse("a\n{% if x %}"), ErrorKind::InvalidFile,
                 {"here.json: the chat template, line 2", "endif"});
    expect_error(parse("{% include 'x' %}"), ErrorKind::Unsupported,
                 {"line 1", "{% include %}", "plain text instead"});
    const auto chat = bsbr::parse_chat_template("{{ 'x' | urlize }}", {}, "here.json");
    expect_error([&] { return bsbr::render_chat(chat, kHello, true); }, ErrorKind::Unsupported,
                 {"line 1", "\"urlize\"", "plain text instead"});
  }

  /// Where transformers looks for a template, the first one first.
  void folder() {
    const SmallTokenizer files;
    const auto read = [&] { return bsbr::read_chat_template(files.folder()); };
    QVERIFY(!read());
    files.write("tokenizer_config.json", "{}");
    QVERIFY(!read());

    nlohmann::json config;
    config["chat_template"] = "text of the configuration";
    files.write("tokenizer_config.json", config.dump());
    QCOMPARE(hello(read()), std::string("text of the configuration"));

    config["chat_template"] = {{{"name", "tool_use"}, {"template", "x"}},
                               {{"name", "default"}, {"template", "list"}}};
    files.write("tokenizer_config.json", config.dump());
    QCOMPARE(hello(read()), std::string("list"));
    config["chat_template"] = {{"default", "object"}};
    files.write("tokenizer_config.json", config.dump());
    QCOMPARE(hello(read()), std::string("object"));

    files.write("chat_template.jinja", "text of the file\n");
    QCOMPARE(hello(read()), std::string("text of the file"));
    std::filesystem::create_directory(files.folder() / "additional_chat_templates");
    files.write("additional_chat_templates/tool_use.jinja", "x");
    QCOMPARE(hello(read()), std::string("text of the file"));
    std::filesystem::remove(files.folder() / "chat_template.jinja");
    expect_error(read, ErrorKind::Unsupported, {"additional_chat_templates", "default"});
    files.write("additional_chat_templates/default.jinja", "additional");
    QCOMPARE(hello(read()), std::string("additional"));
  }

  void badFolder() {
    const SmallTokenizer files;
    const auto read = [&] { return bsbr::read_chat_template(files.folder()); };
    files.write("tokenizer_config.json", R"({"chat_template": 3})");
    expect_error(read, ErrorKind::InvalidFile, {"tokenizer_config.json", "chat_template", "list"});
    files.write("tokenizer_config.json", R"({"chat_template": [{"name": "other", "template": "x"}]})");
    expect_error(read, ErrorKind::Unsupported, {"tokenizer_config.json", "\"default\""});
    files.write("tokenizer_config.json", "{\"chat_template\": \"{{ 1 +\"}");
    expect_error(read, ErrorKind::InvalidFile, {"tokenizer_config.json: the chat template, line 1"});
    files.write("chat_template.jinja", "\xFF");
    expect_error(read, ErrorKind::InvalidFile, {"chat_template.jinja", "UTF-8"});
  }

  /// The variables that transformers gives to templates for special tokens.
  void specialTokens_data() {
    QTest::addColumn<QByteArray>("config");
    QTest::addColumn<QByteArray>("map");
    QTest::addColumn<QByteArray>("tokens");
    const auto row = [](const char* name, const char* config, const char* map, const char* tokens) {
      QTest::newRow(name) << QByteArray(config) << QByteArray(map) << QByteArray(tokens);
    };
    row("none", "{}", "", ",,");
    row("configuration", R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}})", "", "<s>,</s>,");
    row("map", R"({"bos_token": "<s>"})", R"({"bos_token": "<b>", "unk_token": {"content": "<u>"}})",
        "<b>,,<u>");
    row("map of old", R"({"bos_token": "<s>", "added_tokens_decoder": {}})", R"({"bos_token": "<b>"})",
        "<s>,,");
    row("class", R"({"tokenizer_class": "GPT2TokenizerFast"})", "",
        "<|endoftext|>,<|endoftext|>,<|endoftext|>");
    row("other class", R"({"tokenizer_class": "PreTrainedTokenizerFast"})", "", ",,");
    row("null", R"({"tokenizer_class": "Qwen2Tokenizer", "unk_token": null})", "", ",<|endoftext|>,");
  }
  void specialTokens() {
    QFETCH(QByteArray, config);
    QFETCH(QByteArray, map);
    QFETCH(QByteArray, tokens);
    const SmallTokenizer files;
    files.write("chat_template.jinja", "{{ bos_token }},{{ eos_token }},{{ unk_token }}");
    files.write("tokenizer_config.json", bytes(config));
    if (!map.isEmpty()) files.write("special_tokens_map.json", bytes(map));
    QCOMPARE(hello(bsbr::read_chat_template(files.folder())), bytes(tokens));
  }

  void specialTokensOfModel() {
    const SmallTokenizer files;
    files.write("chat_template.jinja", "{{ bos_token }},{{ eos_token }}");
    files.write("config.json", R"({"model_type": "qwen2"})");
    QCOMPARE(hello(bsbr::read_chat_template(files.folder())), std::string(",<|endoftext|>"));
  }

  void endOfAnswer_data() {
    QTest::addColumn<QByteArray>("jinja");
    QTest::addColumn<bool>("found");
    const auto row = [](const char* name, const char* jinja, bool found) {
      QTest::newRow(name) << QByteArray(jinja) << found;
    };
    row("after", "{% for m in messages %}{{ m.content + '<|endoftext|>\n' }}{% endfor %}", true);
    row("after a blank", "{% for m in messages %}{{ m.content + ' ' + eos_token }}{% endfor %}", true);
    row("between messages",
        "{% for m in messages %}{{ m.content }}{% if not loop.last %}{{ eos_token }}{% endif %}{% endfor %}",
        true);
    row("nothing", "{% for m in messages %}{{ m.content }}{% endfor %}", false);
    row("text", "{% for m in messages %}{{ m.content }} end<|endoftext|>{% endfor %}", false);
    row("no answers", "{% if messages|length > 1 %}{{ raise_exception('') }}{% endif %}", false);
  }
  void endOfAnswer() {
    QFETCH(QByteArray, jinja);
    QFETCH(bool, found);
    const SmallTokenizer files;
    const auto tokenizer = files.load();
    const auto chat = bsbr::parse_chat_template(bytes(jinja), {{"eos_token", "<|endoftext|>"}}, "test");
    QCOMPARE(bsbr::end_of_answer(chat, tokenizer),
             found ? std::optional<bsbr::TokenId>(260) : std::optional<bsbr::TokenId>());
  }

  void badConversations() {
    const auto chat = bsbr::parse_chat_template(kChatMl, {}, "test");
    QCOMPARE(bsbr::render_chat(chat, kHello, true),
             std::string("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"));
    expect_error([&] { return bsbr::render_chat(chat, {}, true); }, ErrorKind::InvalidArgument, {"message"});
    const std::vector<ChatMessage> nobody = {{"", "x"}};
    expect_error([&] { return bsbr::render_chat(chat, nobody, true); }, ErrorKind::InvalidArgument, {"role"});
    const std::vector<ChatMessage> bad = {{"user", "\xFF\xC3"}};
    QCOMPARE(bsbr::render_chat(chat, bad, false), std::string("<|im_start|>user\n\xFF\xC3<|im_end|>\n"));
  }
};

QTEST_APPLESS_MAIN(TestChatTemplate)
#include "test_chat_template.moc"
