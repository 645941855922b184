#include <random>

#include "engine/base/json_file.h"
#include "engine/checkpoint/safetensors_layout.h"
#include "engine/checkpoint/torch_archive.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

namespace fs = std::filesystem;

namespace {

using Random = std::mt19937;
constexpr std::size_t kMutants = 8000;  // of each file

const fs::path kGolden = bsbr::test::in_repository("tests/checkpoint/golden/torch");

std::size_t below(Random& random, std::size_t bound) {
  return bound == 0 ? 0 : random() % bound;
}

/// Places that are worth a change: of twelve, eleven among the bytes that are not zero, which padding is.
std::size_t place(const std::string& bytes, Random& random) {
  const std::size_t at = below(random, bytes.size());
  if (below(random, 12) == 0) return at;
  const std::size_t used = bytes.find_first_not_of('\0', at);
  return used == std::string::npos ? at : used;
}

void mutate(std::string& bytes, Random& random) {
  static const std::string kOpcodes =
      "().0]}NQRaebhjqrstuXKMJGUc\x80\x81\x85\x86\x87\x88\x89\x8A\x8C\x93\x94";
  static constexpr std::uint64_t kNumbers[]{0,          1,          0x7F,       0xFF, 0xFFFF,
                                            0x7FFFFFFF, 0xFFFFFFFF, 1ull << 62, ~0ull};
  const std::size_t at = place(bytes, random);
  switch (below(random, 8)) {
    case 0:
      bytes[at] = char(random());
      break;
    case 1:
      bytes[at] = char(bytes[at] ^ (1 << below(random, 8)));
      break;
    case 2:
      bytes[at] = kOpcodes[below(random, kOpcodes.size())];
      break;
    case 3: {
      const std::string number = bsbr::test::little_endian(kNumbers[below(random, std::size(kNumbers))]);
      const std::size_t size = std::size_t{1} << below(random, 4);
      bytes.replace(at, std::min(size, bytes.size() - at), number.substr(0, size));
      break;
    }
    case 4:
      bytes.erase(at, 1 + below(random, 8));
      break;
    case 5:
      bytes.insert(at, bytes.substr(place(bytes, random), 1 + below(random, 40)));
      break;
    case 6: {
      const std::string part = bytes.substr(place(bytes, random), 1 + below(random, 40));
      bytes.replace(at, std::min(part.size(), bytes.size() - at), part);
      break;
    }
    default:
      if (below(random, 8) == 0) bytes.resize(at);
      break;
  }
  if (bytes.empty()) bytes.push_back('P');
}

/// Reads every value of every tensor, so that a sanitizer sees what lies outside the file.
std::size_t read_all(const std::vector<bsbr::TorchEntry>& entries) {
  std::size_t read = 0;
  for (const bsbr::TorchEntry& entry : entries) {
    const auto& layout = entry.tensor.layout;
    const auto bytes = bsbr::tensor_bytes(layout.shape, entry.tensor.dtype).value();
    if (bytes > (1u << 20)) continue;
    std::vector<std::byte> out(bytes);
    bsbr::copy_row_major(entry.storage, layout, bsbr::size_of(entry.tensor.dtype), out);
    read += out.size();
  }
  return read;
}

}  // namespace

/// Thousands of changed files: each is read or refused with an Error that names it, and nothing else happens.
class TestTorchFuzz : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void mutants_data() {
    QTest::addColumn<int>("seed");
    int seed = 1;
    for (const char* name : {"zip-2", "zip-4", "zip-5", "old-2", "old-4", "module-zip", "module-old"}) {
      QTest::newRow(name) << seed++;
    }
  }
  void mutants() {
    QFETCH(int, seed);
    const std::string original =
        bsbr::read_text_file(kGolden / (std::string(QTest::currentDataTag()) + ".bin"), 1u << 20);
    Random random{Random::result_type(seed)};
    std::size_t sound = 0;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < kMutants; ++i) {
      std::string bytes = original;
      for (std::size_t n = 1 + below(random, 4); n > 0; --n) mutate(bytes, random);
      const std::vector<char> exact(bytes.begin(), bytes.end());
      try {
        read_all(bsbr::read_torch_archive(std::as_bytes(std::span(exact)), "mutant"));
        ++sound;
      } catch (const bsbr::Error& error) {
        QVERIFY2(std::string_view(error.what()).starts_with("mutant: "), error.what());
        QVERIFY(error.kind() == bsbr::ErrorKind::InvalidFile || error.kind() == bsbr::ErrorKind::Unsupported);
        ++refused;
      }
    }
    // Values may change unseen, and so may padding; most changes must not.
    QVERIFY2(sound > kMutants / 50 && refused > kMutants / 5,
             bsbr::cat(sound, " sound, ", refused, " refused").c_str());
  }
};

QTEST_APPLESS_MAIN(TestTorchFuzz)
#include "test_torch_fuzz.moc"
