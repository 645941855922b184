#include <array>
#include <bit>
#include <cmath>

#include "engine/checkpoint/gguf_file.h"
#include "engine/checkpoint/safetensors.h"
#include "tests/checkpoint/damaged_gguf.h"
#include "tests/checkpoint/gguf_builder.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

using bsbr::Error;
using bsbr::ErrorKind;
using bsbr::GgufFile;
using bsbr::GgufType;
using bsbr::test::Damage;
using bsbr::test::gguf_array;
using bsbr::test::gguf_string;
using bsbr::test::GgufBuilder;
using bsbr::test::raw;
using bsbr::test::write_file;
namespace fs = std::filesystem;

namespace {

constexpr std::array kTypes{GgufType::F32,  GgufType::F16,  GgufType::BF16, GgufType::Q8_0,
                            GgufType::Q4_0, GgufType::Q4_1, GgufType::Q5_0, GgufType::Q5_1,
                            GgufType::Q4_K, GgufType::Q5_K, GgufType::Q6_K};

/// Something of everything that the format has.
GgufBuilder rich() {
  GgufBuilder file;
  file.alignment = 8;
  return file.pair("u8", 0, raw(std::uint8_t{200}))
      .pair("i8", 1, raw(std::int8_t{-100}))
      .pair("u16", 2, raw(std::uint16_t{60'000}))
      .pair("i16", 3, raw(std::int16_t{-30'000}))
      .number("u32", 4'000'000'000u)
      .pair("i32", 5, raw(std::int32_t{-2'000'000'000}))
      .real("f32", 0.1F)
      .pair("yes", 7, "\x01")
      .text("text", "zwölf")
      .pair("u64", 10, raw(std::uint64_t{1} << 40))
      .pair("u64 above", 10, raw(~std::uint64_t{0}))
      .pair("i64", 11, raw(std::int64_t{-1}))
      .pair("f64", 12, raw(0.1))
      .pair("tokens", 9, gguf_array(8, 3, gguf_string("a") + gguf_string("") + gguf_string("\xFF")))
      .pair("scores", 9, gguf_array(6, 2, raw(0.5F) + raw(-2.0F)))
      .pair("types", 9, gguf_array(5, 2, raw(std::int32_t{1}) + raw(std::int32_t{-1})))
      .pair("flags", 9, gguf_array(7, 2, std::string("\x00\x01", 2)))
      .pair("none", 9, gguf_array(8, 0, ""))
      .number("general.alignment", 8)
      .floats("matrix", {3, 2}, {1, 2, 3, 4, 5, 6})
      .floats("scalar", {}, 7)
      .tensor("blocks", {32, 2}, 8, std::string(68, '\x02'));
}

}  // namespace

class TestGguf : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder folder_;

 private Q_SLOTS:
  void values() {
    const auto file = GgufFile::open(write_file(folder_ / "rich.gguf", rich().bytes()));
    const auto integer = [&](const char* key) { return *file->get<std::int64_t>(key); };
    QCOMPARE(file->metadata().size(), std::size_t(19));
    QCOMPARE(integer("u8"), std::int64_t(200));
    QCOMPARE(integer("i8"), std::int64_t(-100));
    QCOMPARE(integer("u16"), std::int64_t(60'000));
    QCOMPARE(integer("i16"), std::int64_t(-30'000));
    QCOMPARE(integer("u32"), std::int64_t(4'000'000'000));
    QCOMPARE(integer("i32"), std::int64_t(-2'000'000'000));
    QCOMPARE(integer("u64"), std::int64_t(1) << 40);
    QCOMPARE(integer("i64"), std::int64_t(-1));
    QCOMPARE(*file->get<std::uint64_t>("u64 above"), ~std::uint64_t{0});
    QCOMPARE(*file->get<double>("f32"), double{0.1F});
    QCOMPARE(*file->get<double>("f64"), 0.1);
    QCOMPARE(*file->get<bool>("yes"), true);
    QCOMPARE(*file->get<std::string>("text"), std::string("zwölf"));
    QCOMPARE(*file->get<std::vector<std::string>>("tokens"), (std::vector<std::string>{"a", "", "\xFF"}));
    QCOMPARE(*file->get<std::vector<double>>("scores"), (std::vector<double>{0.5, -2}));
    QCOMPARE(*file->get<std::vector<std::int64_t>>("types"), (std::vector<std::int64_t>{1, -1}));
    QCOMPARE(*file->get<std::vector<std::int64_t>>("flags"), (std::vector<std::int64_t>{0, 1}));
    QVERIFY(file->get<std::vector<std::string>>("none")->empty());
    QVERIFY(file->get<std::string>("no such key") == nullptr);
    EXPECT_ERROR((void)file->get<std::string>("u8"), ErrorKind::InvalidFile, "rich.gguf: metadata \"u8\"",
                 "is an integer, not a string");
  }

  void tensors() {
    const auto file = GgufFile::open(write_file(folder_ / "rich.gguf", rich().bytes()));
    QCOMPARE(file->tensors().size(), std::size_t(3));
    const bsbr::GgufTensor* const matrix = file->find("matrix");
    QCOMPARE(matrix, &file->tensors()[0]);
    QCOMPARE(matrix->shape, (std::vector<std::int64_t>{2, 3}));
    std::array<float, 6> out{};
    bsbr::dequantize(matrix->type, matrix->bytes, out);
    QCOMPARE(out, (std::array<float, 6>{1, 2, 3, 4, 5, 6}));
    QVERIFY(file->find("scalar")->shape.empty());
    QCOMPARE(file->find("scalar")->bytes.size(), std::size_t(4));
    QCOMPARE(file->find("blocks")->shape, (std::vector<std::int64_t>{2, 32}));
    QCOMPARE(file->find("blocks")->bytes.size(), std::size_t(68));
    QVERIFY(file->find("no such tensor") == nullptr);
  }

  void nothingInside() {
    const auto file = GgufFile::open(write_file(folder_ / "none.gguf", GgufBuilder().bytes()));
    QVERIFY(file->metadata().empty() && file->tensors().empty());
  }

  void damaged_data() {
    QTest::addColumn<int>("index");
    int index = 0;
    for (const Damage& damage : bsbr::test::damaged_gguf_files())
      QTest::newRow(damage.what.c_str()) << index++;
  }
  void damaged() {
    QFETCH(int, index);
    static const std::vector<Damage> all = bsbr::test::damaged_gguf_files();
    const Damage& damage = all[std::size_t(index)];
    const auto path = write_file(folder_ / "damaged.gguf", damage.bytes);
    const auto error = bsbr::test::error_of([&] { GgufFile::open(path); });
    std::string problem = bsbr::test::mismatch(error, damage.kind, {path.string() + ": "});
    for (const std::string& part : damage.says) {
      if (problem.empty()) problem = bsbr::test::mismatch(error, damage.kind, {part});
    }
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY2(std::string_view(error->what()).size() < 4000, "the message is too long to read");
  }

  void everyPrefixIsRefused() {
    const std::string whole = rich().bytes();
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto path = write_file(folder_ / "prefix.gguf", std::string_view(whole).substr(0, size));
      const auto error = bsbr::test::error_of([&] { GgufFile::open(path); });
      const std::string problem = bsbr::test::mismatch(error, ErrorKind::InvalidFile, {path.string()});
      QVERIFY2(problem.empty(), bsbr::cat(size, " bytes: ", problem).c_str());
    }
  }

  void folderAndNothing() {
    EXPECT_ERROR(GgufFile::open(folder_.path()), ErrorKind::InvalidFile, "is a folder");
    EXPECT_ERROR(GgufFile::open(folder_ / "gone.gguf"), ErrorKind::NotFound, "does not exist");
  }

  void dequantization_data() {
    QTest::addColumn<int>("type");
    for (const GgufType type : kTypes) QTest::newRow(std::string(to_string(type)).c_str()) << int(type);
  }
  void dequantization() {
    QFETCH(int, type);
    const auto kind = GgufType(type);
    const auto goldens = bsbr::SafetensorsFile::open(
        bsbr::test::in_repository("tests/checkpoint/golden/gguf_quants.safetensors"));
    const std::string name(to_string(kind));
    const auto* const bytes = goldens.find(name + ".bytes");
    const auto* const values = goldens.find(name + ".values");
    QVERIFY(bytes != nullptr && values != nullptr);
    std::vector<float> expected(values->bytes.size() / sizeof(float));
    std::memcpy(expected.data(), values->bytes.data(), values->bytes.size());
    const bsbr::GgufBlock block = bsbr::gguf_block(kind);
    QCOMPARE(bytes->bytes.size() / block.bytes * block.values, expected.size());

    // One byte further than it should be: blocks may begin anywhere.
    std::vector<std::byte> shifted(bytes->bytes.size() + 1);
    std::ranges::copy(bytes->bytes, shifted.begin() + 1);
    std::vector<float> out(expected.size(), -1.0F);
    bsbr::dequantize(kind, std::span(shifted).subspan(1), out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      QVERIFY2(std::bit_cast<std::uint32_t>(out[i]) == std::bit_cast<std::uint32_t>(expected[i]),
               bsbr::cat("value ", i, " is ", out[i], ", not ", expected[i]).c_str());
    }
  }

  void dequantizationOfWrongSizes() {
    std::vector<std::byte> bytes(34);
    std::vector<float> out(64);
    EXPECT_ERROR(bsbr::dequantize(GgufType::Q8_0, bytes, out), ErrorKind::InvalidArgument, "34 bytes of Q8_0",
                 "64 values");
    EXPECT_ERROR(bsbr::dequantize(GgufType::Q8_0, std::span(bytes).first(33), std::span(out).first(32)),
                 ErrorKind::InvalidArgument, "33 bytes");
    EXPECT_ERROR(bsbr::dequantize(GgufType(4), bytes, out), ErrorKind::InvalidArgument, "34 bytes");
    bsbr::dequantize(GgufType::Q8_0, {}, {});
  }

  void types() {
    for (const GgufType type : kTypes) QCOMPARE(*bsbr::gguf_type(std::uint32_t(type)), type);
    QVERIFY(!bsbr::gguf_type(10) && !bsbr::gguf_type(4) && !bsbr::gguf_type(~0u));
    QCOMPARE(bsbr::gguf_type_name(10), std::string_view("Q2_K"));
    QCOMPARE(bsbr::gguf_type_name(30), std::string_view("BF16"));
    QCOMPARE(bsbr::gguf_type_name(39), std::string_view("MXFP4"));
    QCOMPARE(bsbr::gguf_type_name(40), std::string_view());
  }
};

QTEST_APPLESS_MAIN(TestGguf)
#include "test_gguf.moc"
