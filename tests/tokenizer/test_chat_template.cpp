#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/base/json_file.h"
#include "engine/tokenizer/chat_template.h"
#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ChatMessage;
using bsbr::ErrorKind;

namespace {

constexpr const char* kChatMl =
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

const std::vector<ChatMessage> kHello = {{"user", "Hello"}};

template <class Call>
void expect_error(const Call& call, ErrorKind kind, const QByteArrayList& says) {
  try {
    static_cast<void>(call());
    QFAIL("no error");
  } catch (const bsbr::Error& error) {
    QCOMPARE(bsbr::to_string(error.kind()), bsbr::to_string(kind));
    for (const QByteArray& part : says) QVERIFY2(QByteArray(error.what()).contains(part), error.what());
  }
}

}  // namespace

class TestChatTemplate : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void equalsTransformers() {
    const auto golden = bsbr::read_json_object(BSBR_SOURCE_DIR "/tests/tokenizer/golden/chats.json");
    QVERIFY(golden["templates"].size() >= 6);
    for (const auto& row : golden["templates"]) {
      const auto chat =
          bsbr::recognise_chat_template(row["template"].get<std::string>(), "<|begin_of_text|>", "test");
      for (std::size_t i = 0; i < golden["conversations"].size(); ++i) {
        std::vector<ChatMessage> messages;
        for (const auto& message : golden["conversations"][i]) {
          messages.push_back({message["role"], message["content"]});
        }
        for (const bool generate : {false, true}) {
          const auto expected = row["texts"][i][generate ? 1 : 0].get<std::string>();
          QVERIFY2(bsbr::render_chat(chat, messages, generate) == expected,
                   row["name"].get<std::string>().c_str());
        }
      }
    }
  }

  void parts() {
    const auto chat = bsbr::recognise_chat_template(kChatMl, "", "test");
    QCOMPARE(chat.end_of_message(), std::string_view("<|im_end|>"));
    QVERIFY(!chat.default_system);
    QCOMPARE(bsbr::render_chat(chat, kHello, true),
             std::string("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"));
  }

  void plainText() {
    const auto chat = bsbr::recognise_chat_template(
        "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}",
        "", "test");
    QCOMPARE(chat.default_system, std::optional<std::string>("Be kind."));
  }

  void today() {
    const auto chat = bsbr::recognise_chat_template(
        "{% set date_string = strftime_now(\"%d %b %Y\") %}<|start_header_id|>system<|end_header_id|>\n\n"
        "Cutting Knowledge Date: December 2023\n{{ date_string }}<|eot_id|>",
        "", "test");
    QVERIFY(QRegularExpression("Today Date: \\d\\d [A-Z][a-z]{2} \\d{4}\n\n$")
                .match(QString::fromStdString(chat.system_preamble))
                .hasMatch());
  }

  void refused_data() {
    QTest::addColumn<QByteArray>("jinja");
    QTest::addColumn<QByteArray>("says");
    QTest::newRow("empty") << QByteArray() << QByteArray("unknown form");
    QTest::newRow("Mistral") << QByteArray("{{ '[INST] ' + m['content'] + ' [/INST]' }}")
                             << QByteArray("unknown form");
    QTest::newRow("both") << QByteArray("<|im_start|><|im_end|>\n<|start_header_id|><|eot_id|>")
                          << QByteArray("unknown form");
    QTest::newRow("no line end") << QByteArray("{{'<|im_start|>' + m.role + '<|im_end|>'}}")
                                 << QByteArray("<|im_end|>");
    QTest::newRow("thinking") << QByteArray(kChatMl) + "{{ '<think>' }}" << QByteArray("<think>");
    QTest::newRow("date") << QByteArray("<|start_header_id|><|eot_id|>{{ strftime_now('%Y') }}")
                          << QByteArray("date");
    QTest::newRow("other date") << QByteArray(
                                       "<|start_header_id|><|eot_id|>Cutting Knowledge Date: December 2023")
                                << QByteArray("date");
    QTest::newRow("cut short") << QByteArray("<|im_start|>system\\") << QByteArray("unknown form");
    QTest::newRow("cut short in a string")
        << QByteArray("<|im_end|> '<|im_start|>system\\n\\") << QByteArray("<|im_end|>");
  }
  void refused() {
    QFETCH(QByteArray, jinja);
    QFETCH(QByteArray, says);
    expect_error([&] { return bsbr::recognise_chat_template(bytes(jinja), "", "here.json"); },
                 ErrorKind::Unsupported, {"here.json: ", says});
  }

  void folder() {
    const SmallTokenizer files;
    QVERIFY(!bsbr::read_chat_template(files.folder()));
    files.write("tokenizer_config.json", "{}");
    QVERIFY(!bsbr::read_chat_template(files.folder()));

    nlohmann::json config;
    config["bos_token"]["content"] = "<s>";
    config["chat_template"] = std::string("{{ bos_token }}") + kChatMl;
    files.write("tokenizer_config.json", config.dump());
    QCOMPARE(bsbr::read_chat_template(files.folder())->beginning, std::string("<s>"));

    config["chat_template"] = {{{"name", "tools"}, {"template", "x"}},
                               {{"name", "default"}, {"template", kChatMl}}};
    files.write("tokenizer_config.json", config.dump());
    QCOMPARE(bsbr::read_chat_template(files.folder())->beginning, std::string());

    config["chat_template"][1]["name"] = "other";
    files.write("tokenizer_config.json", config.dump());
    expect_error([&] { return bsbr::read_chat_template(files.folder()); }, ErrorKind::Unsupported,
                 {"tokenizer_config.json", "default"});

    files.write("chat_template.jinja", "nothing");
    expect_error([&] { return bsbr::read_chat_template(files.folder()); }, ErrorKind::Unsupported,
                 {"chat_template.jinja"});
    files.write("tokenizer_config.json", R"({"chat_template": 3})");
    std::filesystem::remove(files.folder() / "chat_template.jinja");
    expect_error([&] { return bsbr::read_chat_template(files.folder()); }, ErrorKind::InvalidFile,
                 {"chat_template", "list"});
  }

  void badConversations() {
    const auto chat = bsbr::recognise_chat_template(kChatMl, "", "test");
    expect_error([&] { return bsbr::render_chat(chat, {}, true); }, ErrorKind::InvalidArgument, {"message"});
    const std::vector<ChatMessage> nobody = {{"", "x"}};
    expect_error([&] { return bsbr::render_chat(chat, nobody, true); }, ErrorKind::InvalidArgument, {"role"});
  }
};

QTEST_APPLESS_MAIN(TestChatTemplate)
#include "test_chat_template.moc"
