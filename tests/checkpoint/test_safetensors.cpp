#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "engine/checkpoint/safetensors.h"
#include "tests/checkpoint/damaged_files.h"
#include "tests/support/files.h"

using bsbr::Dtype;
using bsbr::Error;
using bsbr::ErrorKind;
using bsbr::SafetensorsFile;
using bsbr::TensorView;
using bsbr::test::Damage;
using bsbr::test::damaged_files;
using bsbr::test::entry;
using bsbr::test::file;
using bsbr::test::little_endian;
using bsbr::test::repeat;
using bsbr::test::safetensors;
using bsbr::test::write_file;

namespace {

constexpr std::array kDtypes{Dtype::Bool, Dtype::U8,   Dtype::I8,  Dtype::I16, Dtype::U16,
                             Dtype::F16,  Dtype::BF16, Dtype::I32, Dtype::U32, Dtype::F32,
                             Dtype::F64,  Dtype::I64,  Dtype::U64};

}  // namespace

class TestSafetensors : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder folder_;

 private Q_SLOTS:
  void roundTrip() {
    std::vector<std::vector<std::byte>> bytes;
    std::vector<TensorView> tensors;
    for (const Dtype dtype : kDtypes) {
      bytes.emplace_back(6 * bsbr::size_of(dtype));
      for (std::size_t i = 0; i < bytes.back().size(); ++i)
        bytes.back()[i] = std::byte(i * 37 + bytes.size());
    }
    for (std::size_t i = 0; i < kDtypes.size(); ++i) {
      // Names in falling order, so that the data's order is not the names'.
      tensors.push_back({std::string(1, char('z' - int(i))) + "é\"\\\n", kDtypes[i], {2, 3}, bytes[i]});
    }
    const float scalar = 3.5F;
    tensors.push_back({"scalar", Dtype::F32, {}, std::as_bytes(std::span(&scalar, 1))});
    tensors.push_back({"empty", Dtype::F32, {0, 7}, {}});
    const auto path = folder_ / "round.safetensors";
    bsbr::write_safetensors(path, tensors, {{"format", "pt"}, {"ü", "two\nlines"}});

    const auto opened = SafetensorsFile::open(path);
    QCOMPARE(opened.path(), path);
    QCOMPARE(opened.metadata().size(), std::size_t(2));
    QCOMPARE(opened.metadata().at("ü"), std::string("two\nlines"));
    QCOMPARE(opened.tensors().size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const TensorView& read = opened.tensors()[i];
      // The empty tensor has no bytes of its own and so no certain place.
      const TensorView* const same = opened.find(tensors[i].name);
      QVERIFY(same != nullptr);
      if (!tensors[i].bytes.empty()) QCOMPARE(read.name, tensors[i].name);
      QCOMPARE(same->dtype, tensors[i].dtype);
      QCOMPARE(same->shape, tensors[i].shape);
      QVERIFY(std::ranges::equal(same->bytes, tensors[i].bytes));
    }
    QVERIFY(opened.find("no such tensor") == nullptr);
    QVERIFY(opened.find("") == nullptr);
  }

  void viewsOutliveTheFirstCopy() {
    const auto path = write_file(folder_ / "copy.safetensors", bsbr::test::safetensors_of({"a", "b"}));
    std::optional<SafetensorsFile> first = SafetensorsFile::open(path);
    const SafetensorsFile second = *first;
    const TensorView* const view = first->find("b");
    first.reset();
    QCOMPARE(view->bytes.size(), std::size_t(4));
    QCOMPARE(view->bytes[3], std::byte('x'));
    QCOMPARE(second.find("b"), view);
  }

  void soundFiles_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("count");
    const auto row = [](const char* name, const std::string& bytes, int count) {
      QTest::newRow(name) << QByteArray(bytes.data(), qsizetype(bytes.size())) << count;
    };
    row("no tensors", safetensors("{}"), 0);
    row("padded", safetensors("{" + entry("[1]", "[0,4]") + "}     ", "xxxx"), 1);
    row("blanks within", safetensors("{\n \t" + entry("[ 1 ]", "[ 0 , 4 ]") + "\n}", "xxxx"), 1);
    row("empty tensor", file(entry("[0]", "[0,0]"), 0), 1);
    row("64 dimensions", file(entry("[" + repeat("1,", 63) + "1]", "[0,4]"), 4), 1);
    // The length of this header begins with a pickle's first bytes, 0x80 0x02.
    const std::string header = "{" + entry("[1]", "[0,4]") + "}";
    row("header of 640 bytes", safetensors(header + std::string(640 - header.size(), ' '), "xxxx"), 1);
  }
  void soundFiles() {
    QFETCH(QByteArray, bytes);
    QFETCH(int, count);
    const auto path = write_file(folder_ / "sound.safetensors", {bytes.data(), std::size_t(bytes.size())});
    QCOMPARE(SafetensorsFile::open(path).tensors().size(), std::size_t(count));
  }

  void damaged_data() {
    QTest::addColumn<int>("index");
    int index = 0;
    for (const Damage& damage : damaged_files()) QTest::newRow(damage.what.c_str()) << index++;
  }
  void damaged() {
    QFETCH(int, index);
    static const std::vector<Damage> all = damaged_files();
    const Damage& damage = all[std::size_t(index)];
    const auto path = write_file(folder_ / "damaged.safetensors", damage.bytes);
    const auto error = bsbr::test::error_of([&] { SafetensorsFile::open(path); });
    std::string problem = bsbr::test::mismatch(error, damage.kind, {path.string() + ": "});
    for (const std::string& part : damage.says) {
      if (problem.empty()) problem = bsbr::test::mismatch(error, damage.kind, {part});
    }
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY2(std::string_view(error->what()).size() < 4000, "the message is too long to read");
  }

  void badTensorsAreListedTogether() {
    std::string header;
    for (int i = 0; i < 25; ++i) {
      header += (i > 0 ? "," : "{") + entry("[2]", "[0,4]", "t" + std::to_string(i));
    }
    const auto path = write_file(folder_ / "many.safetensors", safetensors(header + "}", "xxxx"));
    EXPECT_ERROR(SafetensorsFile::open(path), ErrorKind::InvalidFile, "25 problems", "\"t0\"", "\"t9\"",
                 "and 15 more");
    const auto error = bsbr::test::error_of([&] { SafetensorsFile::open(path); });
    QVERIFY(std::string_view(error->what()).find("\"t10\"") == std::string_view::npos);
  }

  void tooManyTensors() {
    std::string header = "{";
    for (int i = 0; i <= 200000; ++i) header += entry("[0]", "[0,0]", std::to_string(i)) + ",";
    const auto path = write_file(folder_ / "tensors.safetensors", safetensors(header));
    EXPECT_ERROR(SafetensorsFile::open(path), ErrorKind::InvalidFile, "names more than 200000 tensors");
  }

  void notAFile() {
    const auto fifo = folder_ / "fifo.safetensors";
    QCOMPARE(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_ERROR(SafetensorsFile::open(fifo), ErrorKind::InvalidFile, fifo.string(), "not a regular file");
    const auto folder = folder_ / "folder.safetensors";
    std::filesystem::create_directory(folder);
    EXPECT_ERROR(SafetensorsFile::open(folder), ErrorKind::InvalidFile, folder.string(), "is a folder");
    EXPECT_ERROR(SafetensorsFile::open("/dev/zero"), ErrorKind::InvalidFile, "/dev/zero",
                 "not a regular file");
    EXPECT_ERROR(SafetensorsFile::open(folder_ / "nowhere"), ErrorKind::NotFound, "nowhere: does not exist");
    EXPECT_ERROR(SafetensorsFile::open(folder_ / std::string(5000, 'n')), ErrorKind::Io, "too long");
  }

  // Hostile headers of the largest size: neither their text nor what they claim may be bought with memory.
  void memoryStaysSmall_data() {
    QTest::addColumn<QByteArray>("begin");
    QTest::addColumn<QByteArray>("repeated");
    QTest::newRow("zeros") << QByteArray() << QByteArray();
    QTest::newRow("depth") << QByteArray("{\"a\":") << QByteArray("[");
    QTest::newRow("string") << QByteArray("{\"") << QByteArray("a");
    QTest::newRow("number") << QByteArray("{\"a\":1") << QByteArray("1");
  }
  void memoryStaysSmall() {
#if defined(__SANITIZE_ADDRESS__)
    QSKIP("AddressSanitizer keeps freed memory");
#endif
    QFETCH(QByteArray, begin);
    QFETCH(QByteArray, repeated);
    const auto path = write_file(folder_ / "large.safetensors", little_endian(100000000));
    if (repeated.isEmpty()) {
      std::filesystem::resize_file(path, 100000008);
    } else {
      std::string all = little_endian(100000000) + begin.toStdString();
      all.resize(100000008, repeated[0]);
      write_file(path, all);
    }
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
      rusage before{};
      ::getrusage(RUSAGE_SELF, &before);
      const auto error = bsbr::test::error_of([&] { SafetensorsFile::open(path); });
      rusage after{};
      ::getrusage(RUSAGE_SELF, &after);
      const bool small = after.ru_maxrss - before.ru_maxrss < 200L * 1024;
      ::_exit(!error || error->kind() != ErrorKind::InvalidFile ? 1 : small ? 0 : 2);
    }
    int status = 0;
    QCOMPARE(::waitpid(child, &status, 0), child);
    std::filesystem::remove(path);
    QVERIFY(WIFEXITED(status));
    QCOMPARE(WEXITSTATUS(status), 0);
  }
};

QTEST_APPLESS_MAIN(TestSafetensors)
#include "test_safetensors.moc"
