#include <QtTest>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/base/json_file.h"
#include "engine/tokenizer/nfc.h"
#include "engine/tokenizer/oniguruma_pattern.h"
#include "tests/support/places.h"
#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ErrorKind;
using bsbr::Tokenizer;
using nlohmann::json;

namespace {

constexpr std::size_t kMerges = 5000;  // as in make_pipelines.py

const json& golden() {
  static const json document =
      bsbr::read_json_object(bsbr::test::in_repository("tests/tokenizer/golden/pipelines.json"));
  return document;
}

// GPT-2's bytes and first merges, in the two spellings.
json gpt2_model(bool pairs) {
  const std::string folder = bsbr::test::in_golden("gpt2-tokenizer");
  json model = {
      {"type", "BPE"}, {"unk_token", nullptr}, {"vocab", json::object()}, {"merges", json::array()}};
  const json vocabulary = bsbr::read_json_object(folder + "/vocab.json");
  for (const auto& [text, id] : vocabulary.items()) {
    if (id < 256 + kMerges) model["vocab"][text] = id;
  }
  std::istringstream lines(bsbr::read_text_file(folder + "/merges.txt", 1u << 20));
  std::string line;
  std::getline(lines, line);
  while (model["merges"].size() < kMerges && std::getline(lines, line)) {
    const auto space = line.find(' ');
    if (pairs) {
      model["merges"].push_back({line.substr(0, space), line.substr(space + 1)});
    } else {
      model["merges"].push_back(line);
    }
  }
  return model;
}

json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
}

// The small tokenizer as a tokenizer.json.
json small_document() {
  SmallTokenizer files;
  files.vocabulary.erase("<|endoftext|>");
  return {{"added_tokens", {{{"id", 260}, {"content", "<|endoftext|>"}, {"special", true}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level()},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"}, {"vocab", files.vocabulary}, {"merges", {"h e", "l l", "he ll", "Ġ hell"}}}}};
}

Tokenizer load(const json& document) {
  const SmallTokenizer files;
  files.write("tokenizer.json", document.dump());
  return Tokenizer::load(files.folder());
}

}  // namespace

class TestTokenizerJson : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void pipelines_data() {
    QTest::addColumn<int>("index");
    QVERIFY(golden()["pipelines"].size() >= 20);
    for (std::size_t i = 0; i < golden()["pipelines"].size(); ++i) {
      QTest::newRow(golden()["pipelines"][i]["name"].get<std::string>().c_str()) << int(i);
    }
  }
  void pipelines() {
    QFETCH(int, index);
    const json& row = golden()["pipelines"][std::size_t(index)];
    static const std::array<json, 2> models = {gpt2_model(false), gpt2_model(true)};
    json document = {{"decoder", byte_level()}, {"model", models[std::size_t(index % 2)]}};
    for (const char* entry : {"pre_tokenizer", "normalizer", "added_tokens"}) document[entry] = row[entry];
    document["model"]["ignore_merges"] = row["ignore_merges"];
    for (const json& token : row["added_tokens"])
      document["model"]["vocab"][token["content"].get<std::string>()] = token["id"];
    const Tokenizer tokenizer = load(document);
    for (std::size_t i = 0; i < golden()["texts"].size(); ++i) {
      const auto text = golden()["texts"][i].get<std::string>();
      const auto expected = row["ids"][i].get<Ids>();
      const Ids found = tokenizer.encode(text);
      QVERIFY2(found == expected,
               (text + ": " + json(found).dump() + ", not " + json(expected).dump()).c_str());
    }
  }

  void small() {
    const auto tokenizer = load(small_document());
    QCOMPARE(tokenizer.encode("hell<|endoftext|> hell"), (Ids{258, 260, 259}));
    QCOMPARE(tokenizer.special_token("<|endoftext|>"), std::optional<bsbr::TokenId>(260));
    QCOMPARE(tokenizer.vocabulary_size(), 261);
    QCOMPARE(tokenizer.decode(tokenizer.encode("a\xFFz")), std::string("a\xFFz"));
  }

  void besideVocabJson() {
    // vocab.json and merges.txt do not count where there is a tokenizer.json, which may be newer.
    SmallTokenizer files;
    files.write_both();
    json document = small_document();
    document["model"]["merges"] = json::array();
    files.write("tokenizer.json", document.dump());
    QCOMPARE(Tokenizer::load(files.folder()).encode("hell"), (Ids{'h', 'e', 'l', 'l'}));
  }

  void ownPipeline_data() {
    QTest::addColumn<QByteArray>("config");
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<Ids>("ids");  // of "1 2  hell e\u0301"
    const auto row = [](const char* config, const char* model, const Ids& ids) {
      QTest::newRow(config) << QByteArray(config) << QByteArray(model) << ids;
    };
    const char* llama = R"({"model_type": "llama"})";
    const Ids file = {'1', ' ', '2', ' ', ' ', 'h', 'e', 'l', 'l', ' ', 'e', 0xCC, 0x81};
    const Ids gpt2 = {'1', ' ', '2', ' ', 259, ' ', 'e', 0xCC, 0x81};
    const Ids qwen2 = {'1', ' ', '2', ' ', 259, ' ', 0xC3, 0xA9};
    row(R"({})", llama, file);
    row(R"({"tokenizer_class": "PreTrainedTokenizerFast"})", llama, file);
    row(R"({"tokenizer_class": "PreTrainedTokenizerFast", "a": 1})", R"({"model_type": "gpt2"})", file);
    row(R"({"tokenizer_class": "TokenizersBackend"})", llama, file);
    row(R"({"tokenizer_class": "LlamaTokenizerFast"})", llama, file);
    row(R"({"tokenizer_class": "NobodysTokenizer"})", llama, file);
    row(R"({"tokenizer_class": "GPT2TokenizerFast"})", llama, gpt2);
    row(R"({"a": 1})", R"({"model_type": "gpt2"})", gpt2);
    row(R"({"a": 2})", R"({"model_type": "llama", "tokenizer_class": "GPT2Tokenizer"})", gpt2);
    row(R"({"tokenizer_class": "Qwen2TokenizerFast"})", llama, qwen2);
    row(R"({"tokenizer_class": "PreTrainedTokenizerFast", "a": 2})", R"({"model_type": "qwen2"})", qwen2);
    row(R"({"tokenizer_class": "GPTNeoXTokenizer"})", llama, qwen2);
  }
  void ownPipeline() {
    QFETCH(QByteArray, config);
    QFETCH(QByteArray, model);
    QFETCH(Ids, ids);
    SmallTokenizer files;
    json document = small_document();
    document["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", "[^é]"}}}, {"behavior", "Isolated"}}, byte_level()}}};
    files.write("tokenizer.json", document.dump());
    files.write("tokenizer_config.json", bytes(config));
    files.write("config.json", bytes(model));
    QCOMPARE(Tokenizer::load(files.folder()).encode("1 2  hell e\xCC\x81"), ids);
  }

  void normalizers_data() {
    QTest::addColumn<QByteArray>("normalizer");
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("normal");
    const auto row = [](const char* normalizer, const char* text, const char* normal) {
      QTest::newRow(normalizer) << QByteArray(normalizer) << QByteArray(text) << QByteArray(normal);
    };
    row(R"({"type": "NFD"})", "\u00e9\uac00", "e\u0301\u1100\u1161");
    row(R"({"type": "NFKC"})", "\ufb01 \u2460e\u0301", "fi 1\u00e9");
    row(R"({"type": "NFKD"})", "\ufb01\u00e9", "fie\u0301");
    row(R"({"type": "Lowercase"})", "A\u0130\u03a3\xFF Z", "ai\u0307\u03c3\xFF z");
    row(R"({"type": "Strip", "strip_left": true, "strip_right": false})", " \u3000a ", "a ");
    row(R"({"type": "Strip"})", " a\u00a0", "a");
    row(R"({"type": "Prepend", "prepend": "_"})", "a b", "_a b");
    row(R"({"type": "Replace", "pattern": {"String": "bb"}, "content": "x"})", "abbb", "axb");
    row(R"({"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "NFC"}]})", "E\u0301",
        "\u00e9");
  }
  void normalizers() {
    QFETCH(QByteArray, normalizer);
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, normal);
    json document = small_document();
    document["normalizer"] = json::parse(bytes(normalizer));
    const auto tokenizer = load(document);
    QCOMPARE(QByteArray::fromStdString(tokenizer.decode(tokenizer.encode(bytes(text)))), normal);
    QCOMPARE(tokenizer.encode(""), Ids{});
  }

  void prefixSpace() {
    json document = small_document();
    document["pre_tokenizer"] = {{"type", "ByteLevel"}};
    QCOMPARE(load(document).encode("hell<|endoftext|>hell"), (Ids{259, 260, 259}));
    document["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Digits"}, {"individual_digits", true}}, {{"type", "ByteLevel"}, {"use_regex", false}}}}};
    QCOMPARE(load(document).encode("hell12 hell"), (Ids{259, ' ', '1', ' ', '2', 259}));
  }

  void around_data() {
    QTest::addColumn<QByteArray>("processor");
    QTest::addColumn<Ids>("ids");  // of "he"
    const auto row = [](const char* processor, const Ids& ids) {
      QTest::newRow(processor) << QByteArray(processor) << ids;
    };
    row(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<a>"}},
            {"SpecialToken": {"id": "<b>"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<b>"}}],
            "special_tokens": {"<a>": {"ids": [5, 6]}, "<b>": {"ids": [7]}}})",
        {5, 6, 7, 256, 7});
    row(R"({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 3]})", {3, 256, 2});
    row(R"({"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 3]})", {3, 256, 2});
    row(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},
            {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 3]}]})",
        {3, 256, 2});
    row(R"({"type": "ByteLevel"})", {256});
  }
  void around() {
    QFETCH(QByteArray, processor);
    QFETCH(Ids, ids);
    json document = small_document();
    document["post_processor"] = json::parse(bytes(processor));
    QCOMPARE(load(document).encode_with_special("he"), ids);
    QCOMPARE(load(document).encode("he"), Ids{256});
  }

  void repeatedMerge() {
    json document = small_document();
    document["model"]["vocab"]["el"] = 260;
    document["added_tokens"] = json::array();
    document["model"]["merges"] = {"h e", "e l"};
    QCOMPARE(load(document).encode("hel"), (Ids{256, 'l'}));
    document["model"]["merges"] = {"h e", "e l", "h e"};
    QCOMPARE(load(document).encode("hel"), (Ids{'h', 260}));
  }

  void harmlessOptions() {
    // Every byte has a token, so none is ever unknown.
    json document = small_document();
    document["model"].update({{"unk_token", "<unk>"}, {"fuse_unk", true}, {"byte_fallback", true}});
    document["decoder"] = {{"type", "Sequence"}, {"decoders", {{{"type", "ByteLevel"}}}}};
    document["truncation"] = {{"max_length", 1}};
    document["padding"] = {{"strategy", {{"Fixed", 12}}}};
    QCOMPARE(load(document).encode_with_special("hell hell"), (Ids{258, 259}));
  }

  void normalizedAddedTokens() {
    json document = small_document();
    document["normalizer"] = {{"type", "NFC"}};
    document["added_tokens"].push_back({{"id", 261}, {"content", "e\xCC\x81"}, {"normalized", true}});
    document["added_tokens"].push_back({{"id", 262}, {"content", "\xC3\xA9!"}, {"special", true}});
    const auto tokenizer = load(document);
    QCOMPARE(tokenizer.encode("he\xCC\x81"), (Ids{'h', 261}));
    QCOMPARE(tokenizer.encode("h\xC3\xA9"), (Ids{'h', 261}));
    QCOMPARE(tokenizer.encode("\xC3\xA9!"), Ids{262});
    QCOMPARE(tokenizer.encode("e\xCC\x81!"), (Ids{261, '!'}));
    QCOMPARE(tokenizer.decode(261), std::string("e\xCC\x81"));
  }

  void missingBytes() {
    json document = small_document();
    document["model"]["vocab"].erase(std::string(bsbr::byte_symbol(4)));
    document["model"]["vocab"]["unused"] = 4;
    QCOMPARE(load(document).encode("he\x04ll"), (Ids{256, 257}));
    document["model"]["unk_token"] = "l";
    QCOMPARE(load(document).encode("h\x04"), (Ids{'h', 'l'}));
  }

  void beginningToken() {
    json document = small_document();
    document["post_processor"] = {
        {"type", "Sequence"},
        {"processors",
         {{{"type", "ByteLevel"}},
          {{"type", "TemplateProcessing"},
           {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
           {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {260}}}}}}}}}};
    QCOMPARE(load(document).beginning_token(), std::optional<bsbr::TokenId>(260));
    QCOMPARE(load(document).encode("he"), Ids{256});
    document["post_processor"]["processors"][1]["single"].erase(0);
    QCOMPARE(load(document).beginning_token(), std::nullopt);
  }

  void nfc_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("normal");
    QTest::newRow("composed") << QByteArray("e\xCC\x81") << QByteArray("\xC3\xA9");
    QTest::newRow("order") << QByteArray("a\xCC\x81\xCC\xA3") << QByteArray("\xE1\xBA\xA1\xCC\x81");
    QTest::newRow("Hangul") << QByteArray("\u1100\u1161\u11A8") << QByteArray("\uAC01");
    QTest::newRow("U+11A7") << QByteArray("\u1100\u1161\u11A7") << QByteArray("\uAC00\u11A7");
    QTest::newRow("excluded") << QByteArray("\u0958") << QByteArray("\u0915\u093C");
    QTest::newRow("invalid") << QByteArray(
                                    "\xFF"
                                    "e\xCC\x81\xCC")
                             << QByteArray("\xFF\xC3\xA9\xCC");
    QTest::newRow("zero") << QByteArray("\0e\xCC\x81", 4) << QByteArray("\0\xC3\xA9", 3);
  }
  void nfc() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, normal);
    QVERIFY(bsbr::may_need_nfc(bytes(text)));
    QCOMPARE(QByteArray::fromStdString(bsbr::to_nfc(bytes(text))), normal);
    QCOMPARE(QByteArray::fromStdString(bsbr::to_nfc(bytes(normal))), normal);
  }

  void longRuns() {
    json document = small_document();
    document["pre_tokenizer"] = golden()["pipelines"][4]["pre_tokenizer"];
    document["normalizer"] = {{"type", "NFC"}};
    const auto tokenizer = load(document);
    for (const char* unit : {" ", "a", "7", "=", "\n", " \n", "\xC3\xA9", "\xFF", "\u11A7", "'s"}) {
      const std::string text = bytes(QByteArray(unit).repeated(1 << 17));
      QVERIFY(tokenizer.decode(tokenizer.encode(text)) == text);
    }
  }

  void refused_data() {
    QTest::addColumn<QByteArray>("change");  // merged into the small document (RFC 7386)
    QTest::addColumn<bool>("unsupported");   // else the file is invalid
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, bool unsupported, const char* change, const char* says) {
      QTest::newRow(name) << QByteArray(change) << unsupported << QByteArray(says);
    };
    row("no model", false, R"({"model": null})", "model is missing");
    row("model list", false, R"({"model": []})", "model is not an object");
    row("unigram", true, R"({"model": {"type": "Unigram"}})", "model.type is \"Unigram\"");
    row("dropout", true, R"({"model": {"dropout": 0.1}})", "model.dropout");
    row("prefix", true, R"({"model": {"continuing_subword_prefix": "@@"}})",
        "continuing_subword_prefix is \"@@\"");
    row("suffix", true, R"({"model": {"end_of_word_suffix": "</w>"}})", "model.end_of_word_suffix");
    // "ÿ" is a byte: where one has no token, it matters what is done without.
    row("byte fallback", true, R"({"model": {"vocab": {"ÿ": null}, "byte_fallback": true}})",
        "model.byte_fallback");
    row("fuse", true, R"({"model": {"vocab": {"ÿ": null}, "fuse_unk": true}})", "model.fuse_unk");
    row("unknown token", false, R"({"model": {"vocab": {"ÿ": null}, "unk_token": "<unk>"}})",
        "model.unk_token is \"<unk>\"");
    row("flag", false, R"({"model": {"ignore_merges": 1}})", "model.ignore_merges is neither");
    row("no vocabulary", false, R"({"model": {"vocab": null}})", "model.vocab is not an object");
    row("id", false, R"({"model": {"vocab": {"xx": -1}}})", "model.vocab gives \"xx\"");
    row("same id", false, R"({"model": {"vocab": {"xx": 5}}})", "the same id 5");
    row("letter", false, R"({"model": {"vocab": {"A": null, "xx": 65}}})", "0x41");
    row("no merges", false, R"({"model": {"merges": null}})", "model.merges is not a list");
    row("merge", false, R"({"model": {"merges": ["h e", "l"]}})", "model.merges[1] is wrong: \"l\"");
    row("merge of three", false, R"({"model": {"merges": [["h", "e", "l"]]}})", "model.merges[0]");
    row("merge of numbers", false, R"({"model": {"merges": [[1, 2]]}})", "model.merges[0]");
    row("merge result", false, R"({"model": {"merges": [["h", "h"]]}})", "\"hh\", which is not in");
    row("normalizer", true, R"({"normalizer": {"type": "Nmt"}})", "normalizer is a \"Nmt\"");
    row("normalizers", true,
        R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled"}]}})",
        "normalizer.normalizers[0] is a \"Precompiled\"");
    row("replaced pattern", true,
        R"({"normalizer": {"type": "Replace", "pattern": {"Regex": "a"}, "content": ""}})",
        "normalizer.pattern");
    row("no splits", true, R"({"pre_tokenizer": null})", "pre_tokenizer is null");
    row("Metaspace", true, R"({"pre_tokenizer": {"type": "Metaspace"}})", "pre_tokenizer is a \"Metaspace\"");
    row("no type", false, R"({"pre_tokenizer": {"type": null}})", "pre_tokenizer.type is not a string");
    row("digits only", true, R"({"pre_tokenizer": {"type": "Digits"}})", "does not end in ByteLevel");
    row("after ByteLevel", true,
        R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "ByteLevel", "add_prefix_space": false}, {"type": "Digits"}]}})",
        "pretokenizers[1] comes after ByteLevel");
    row("behavior", true,
        R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "Doubled"}})",
        "pre_tokenizer.behavior is \"Doubled\"");
    row("no pattern", false, R"({"pre_tokenizer": {"type": "Split", "pattern": {}, "behavior": "Isolated"}})",
        "pre_tokenizer.pattern has neither");
    row("pattern", true,
        R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a&&b]"}, "behavior": "Isolated"}})",
        "pre_tokenizer.pattern cannot be used: ");
    row("property", true,
        R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\p{Klingon}"}, "behavior": "Isolated"}})",
        "pre_tokenizer.pattern cannot be used: ");
    row("decoder", true, R"({"decoder": {"type": "WordPiece"}})", "decoder is a \"WordPiece\"");
    row("no decoder", true, R"({"decoder": null})", "decoder is null");
    row("decoders", true, R"({"decoder": {"type": "Sequence", "decoders": [{"type": "ByteLevel"},
            {"type": "Strip"}]}})",
        "decoder.decoders is not");
    row("processor", true, R"({"post_processor": {"type": "Other"}})", "post_processor is a");
    row("pair", false, R"({"post_processor": {"type": "BertProcessing", "cls": ["a"], "sep": ["b", 1]}})",
        "post_processor.cls is not");
    row("two around", true,
        R"({"post_processor": {"type": "Sequence", "processors": [
            {"type": "BertProcessing", "cls": ["a", 1], "sep": ["b", 1]},
            {"type": "BertProcessing", "cls": ["a", 1], "sep": ["b", 1]}]}})",
        "processors[1] is the second");
    row("no text", true, R"({"post_processor": {"type": "TemplateProcessing", "single": []}})",
        "leaves the text");
    row("text twice", true,
        R"({"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}},
            {"Sequence": {"id": "A"}}]}})",
        "the text twice");
    row("second text", false,
        R"({"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}]}})",
        "id is \"B\"");
    row("template piece", false,
        R"({"post_processor": {"type": "TemplateProcessing", "special_tokens": {}, "single": [{}]}})",
        "single[0] is neither");
    row("template token", false,
        R"({"post_processor": {"type": "TemplateProcessing", "special_tokens": {},
            "single": [{"SpecialToken": {"id": "a"}}, {}]}})",
        "special_tokens.a");
    row("added", false, R"({"added_tokens": {}})", "added_tokens is not a list");
    row("added text", false, R"({"added_tokens": [{"id": 260}]})", "added_tokens[0].content");
    row("added empty", false, R"({"added_tokens": [{"id": 260, "content": ""}]})", "empty text");
    row("added id", false, R"({"added_tokens": [{"id": 1e3, "content": "x1"}]})", "added_tokens[0].id");
    row("added other id", false, R"({"added_tokens": [{"id": 270, "content": "x1"}]})", "gives it 260");
    row("added huge id", false, R"({"added_tokens": [{"id": 4294967296, "content": "x1"}]})", "too large");
    row("added taken id", false, R"({"added_tokens": [{"id": 256, "content": "x1"}]})", "\"he\"");
  }
  void refused() {
    QFETCH(QByteArray, change);
    QFETCH(bool, unsupported);
    QFETCH(QByteArray, says);
    json document = small_document();
    document.merge_patch(json::parse(bytes(change)));
    try {
      static_cast<void>(load(document));
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), unsupported ? ErrorKind::Unsupported : ErrorKind::InvalidFile);
      QVERIFY2(QByteArray(error.what()).contains(says), error.what());
      QVERIFY2(QByteArray(error.what()).contains("tokenizer.json"), error.what());
    }
  }

  void patterns_data() {
    QTest::addColumn<QByteArray>("oniguruma");
    QTest::addColumn<QByteArray>("pcre2");  // empty: refused
    const auto row = [](const char* oniguruma, const char* pcre2) {
      QTest::newRow(oniguruma) << QByteArray(oniguruma) << QByteArray(pcre2);
    };
    row("a|b+", "a|b+");
    row("(?i:'s)(?=x)(?<!y)", "(?i:'s)(?=x)(?<!y)");
    row("(?i)x", "(?i)x");
    row("\\h\\v[\\h\\v]", "[0-9A-Fa-f]\\x0B[0-9A-Fa-f\\x0B]");
    row("\\u30A0[\\x{4e00}-\\u9fff\\x41]", "\\x{30A0}[\\x{4e00}-\\x{9fff}\\x{41}]");
    row("\\p{Lu}\\P{^N}\\p{Han}", "\\p{Lu}\\P{^N}\\p{sc:Han}");
    row("a{2}b{,3}c{1,}d{x}{,}", "a{2}b{0,3}c{1,}d\\{x}\\{,}");
    row("[\\]\\\\a-]\\.", "[\\]\\\\a-]\\.");
    for (const char* refused :
         {"(?m)x", "a(?i)b", "(?<n>x)", "(*UTF)", "[[:alpha:]]", "[a&&b]", "[\\W]", "[]a]",
          "\\1",   "\\b",    "\\K",     "\\Qx",   "\\xC3",       "\\u12",  "\\x{}", "\\x{12",
          "\\p{L", "\\pL",   "a{2}+",   "a{2}?",  "[a",          "a\\",    "(?#x)"}) {
      row(refused, "");
    }
  }
  void patterns() {
    QFETCH(QByteArray, oniguruma);
    QFETCH(QByteArray, pcre2);
    if (pcre2.isEmpty()) {
      QVERIFY_THROWS_EXCEPTION(bsbr::Error, static_cast<void>(bsbr::pcre2_pattern_of(bytes(oniguruma))));
    } else {
      QCOMPARE(QByteArray::fromStdString(bsbr::pcre2_pattern_of(bytes(oniguruma))), pcre2);
    }
  }
};

QTEST_APPLESS_MAIN(TestTokenizerJson)
#include "test_tokenizer_json.moc"
