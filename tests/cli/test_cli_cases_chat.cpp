#include <nlohmann/json.hpp>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;

/// Inputs from the field: chat templates. What is right is transformers' apply_chat_template and greedy
/// generation.
class TestCliCasesChat : public QObject {
  Q_OBJECT
  TempFolder temp_;

  static RunResult chat(const std::filesystem::path& checkpoint, const char* tokens = "10") {
    return run_bsbr({"generate", checkpoint.string(), "--chat", "--prompt=  What is the tide?  \n",
                     "--tokens", tokens, "--json"});
  }

  /// A case whose template is replaced.
  std::filesystem::path with_template(const std::string& source) {
    const auto folder = copy_checkpoint(case_checkpoint("chat-text-before-content"), temp_ / "changed");
    json config = bsbr::read_json_object(folder / "tokenizer_config.json");
    config["chat_template"] = source;
    write_file(folder / "tokenizer_config.json", config.dump());
    return folder;
  }

 private Q_SLOTS:
  void systemInVariable() {
    QCOMPARE(chat(case_checkpoint("chat-system-in-variable")).json()["tokens"],
             json({143, 66, 225, 211, 323, 384, 272, 48, 276, 258}));
  }

  void textBeforeContent() {
    QCOMPARE(chat(case_checkpoint("chat-text-before-content")).json()["tokens"],
             json({224, 249, 84, 376, 276, 250, 236, 75, 222, 325}));
  }

  /// A template that writes the same in another way gives the same.
  void sameText() {
    const auto folder = with_template(
        "{%- macro turn(role, text) %}<|im_start|>{{ role ~ '\\n' ~ text }}<|im_end|>{{ '\\n' }}{% endmacro "
        "-%}\n"
        "{% for m in messages %}\n{{ turn(m.role, ('[Q] ' if m.role == 'user') ~ m.content) }}{% endfor %}\n"
        "{{ '<|im_start|>assistant\\n' if add_generation_prompt }}");
    QCOMPARE(chat(folder).json()["tokens"],
             chat(case_checkpoint("chat-text-before-content")).json()["tokens"]);
  }

  void refused() {
    EXPECT_REFUSAL(chat(with_template("{{ raise_exception('No users here') }}")), "tokenizer_config.json",
                   "the chat template refuses this conversation: No users here");
    EXPECT_REFUSAL(chat(with_template("\n{{ messages | pprint }}")), "tokenizer_config.json", "line 2",
                   "\"pprint\"", "plain text");
    EXPECT_REFUSAL(chat(with_template("{% for m in messages %}")), "tokenizer_config.json", "line 1",
                   "endfor");
    EXPECT_REFUSAL(chat(with_template("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")),
                   "calls itself too deeply");
  }
};

QTEST_GUILESS_MAIN(TestCliCasesChat)
#include "test_cli_cases_chat.moc"
