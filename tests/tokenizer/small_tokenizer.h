#pragma once

#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/support/places.h"

/// A folder with a tokenizer of 256 bytes (id == byte), a few merges and <|endoftext|>, to be damaged by
/// tests.
class SmallTokenizer {
 public:
  nlohmann::json vocabulary;
  std::string merges = "#version: 0.2\nh e\nl l\nhe ll\nĠ hell\n";

  SmallTokenizer() {
    for (int byte = 0; byte < 256; ++byte) vocabulary[std::string(bsbr::byte_symbol(char(byte)))] = byte;
    vocabulary["he"] = 256;
    vocabulary["ll"] = 257;
    vocabulary["hell"] = 258;
    vocabulary["Ġhell"] = 259;
    vocabulary["<|endoftext|>"] = 260;
  }

  [[nodiscard]] std::filesystem::path folder() const { return dir_.path().toStdString(); }
  void write(const std::string& name, const std::string& text) const {
    QFile file(dir_.filePath(QString::fromStdString(name)));
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(text.data(), qint64(text.size())), qint64(text.size()));
  }
  void write_both() const {
    write("vocab.json", vocabulary.dump());
    write("merges.txt", merges);
  }
  [[nodiscard]] bsbr::Tokenizer load() const {
    write_both();
    return bsbr::Tokenizer::load(folder());
  }

 private:
  QTemporaryDir dir_;
};

using Ids = std::vector<bsbr::TokenId>;

inline std::string bytes(const QByteArray& text) {
  return text.toStdString();
}

/// The tokenizer of GPT-2.
inline const bsbr::Tokenizer& gpt2() {
  static const auto tokenizer = bsbr::Tokenizer::load(bsbr::test::in_golden("gpt2-tokenizer"));
  return tokenizer;
}

/// Checks that `call` throws such an Error, whose message has these parts.
template <class Call>
void expect_error(const Call& call, bsbr::ErrorKind kind, const QByteArrayList& says) {
  try {
    static_cast<void>(call());
    QFAIL("no error");
  } catch (const bsbr::Error& error) {
    QVERIFY2(error.kind() == kind, error.what());
    for (const QByteArray& part : says) QVERIFY2(QByteArray(error.what()).contains(part), error.what());
  }
}
