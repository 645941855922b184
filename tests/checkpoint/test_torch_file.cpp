#include "engine/checkpoint/torch_file.h"
#include "tests/checkpoint/damaged_torch.h"
#include "tests/checkpoint/gguf_builder.h"
#include "tests/checkpoint/torch_builder.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

using bsbr::Dtype;
using bsbr::ErrorKind;
using bsbr::SafetensorsFile;
using bsbr::TensorView;
using bsbr::TorchFile;
using bsbr::test::raw;
using bsbr::test::torch_old;
using bsbr::test::torch_zip;
using bsbr::test::write_file;
namespace fs = std::filesystem;
namespace pickle = bsbr::test::pickle;

namespace {

const fs::path kGolden = bsbr::test::in_repository("tests/checkpoint/golden/torch");

std::string floats(std::initializer_list<float> values) {
  std::string out;
  for (const float value : values) out += raw(value);
  return out;
}

const TensorView* find(const TorchFile& file, const std::string& name) {
  const auto at = std::ranges::find(file.tensors(), name, &TensorView::name);
  return at == file.tensors().end() ? nullptr : &*at;
}

std::string_view chars(const TensorView& view) {
  return {reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()};
}

}  // namespace

class TestTorchFile : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder temp_;

  fs::path with(const std::string& bytes) { return write_file(temp_ / "pytorch_model.bin", bytes); }

 private Q_SLOTS:
  /// What torch.save wrote, against the same tensors as safetensors.
  void goldens_data() {
    QTest::addColumn<QByteArray>("expected");
    for (const char* name : {"zip-2", "zip-4", "zip-5", "old-2", "old-4"}) {
      QTest::newRow(name) << QByteArray("kinds");
    }
    for (const char* name : {"module-zip", "module-old"}) QTest::newRow(name) << QByteArray("module");
  }
  void goldens() {
    QFETCH(QByteArray, expected);
    const TorchFile file = TorchFile::open(kGolden / (std::string(QTest::currentDataTag()) + ".bin"));
    const SafetensorsFile golden = SafetensorsFile::open(kGolden / (expected.toStdString() + ".safetensors"));
    QCOMPARE(file.tensors().size(), golden.tensors().size());
    for (const TensorView& tensor : file.tensors()) {
      const TensorView* const same = golden.find(tensor.name);
      QVERIFY2(same != nullptr, tensor.name.c_str());
      QCOMPARE(tensor.dtype, same->dtype);
      QCOMPARE(tensor.shape, same->shape);
      QVERIFY2(std::ranges::equal(tensor.bytes, same->bytes), tensor.name.c_str());
    }
  }

  void sharedTensorsStayShared() {
    const TorchFile file = TorchFile::open(kGolden / "zip-2.bin");
    const auto begin = [&](const char* name) { return find(file, name)->bytes.data(); };
    QCOMPARE(begin("tied"), begin("whole"));
    QCOMPARE(begin("rows"), begin("whole") + 2 * 8 * sizeof(float));
    QCOMPARE(begin("transposed again"), begin("transposed"));
    QVERIFY(begin("transposed") != begin("whole"));
  }

  void viewsOutliveTheFirstCopy() {
    std::optional<TorchFile> first = TorchFile::open(kGolden / "zip-2.bin");
    const TorchFile second = *first;
    const TensorView* const mapped = find(*first, "whole");
    const TensorView* const copied = find(*first, "transposed");
    first.reset();
    QCOMPARE(mapped->bytes[0], copied->bytes[0]);
    QCOMPARE(find(second, "whole"), mapped);
  }

  void soundFiles_data() {
    QTest::addColumn<QByteArray>("bytes");
    const auto row = [](const char* name, const std::string& bytes) {
      QTest::newRow(name) << QByteArray(bytes.data(), qsizetype(bytes.size()));
    };
    using namespace bsbr::test::pickle;
    const std::map<std::string, std::string> values{{"0", floats({1, 2, 3, 4})}};
    const std::string numbers = storage("FloatStorage", "0", 4);
    const std::string made = tensor(numbers, 1, {2}, {2});
    const std::string plain = dict(text("w") + made);
    row("zip", torch_zip(plain, values));
    row("old", torch_old(plain, values));
    row("zip64", bsbr::test::zip({{"a/data.pkl", whole(plain)}, {"a/data/0", values.at("0")}}, true));
    row("comment", [&] {
      std::string bytes = torch_zip(plain, values);
      bytes.replace(bytes.size() - 2, 2, raw(std::uint16_t{3}));
      return bytes + "hey";
    }());
    const std::string ordered = global("collections", "OrderedDict");
    row("ordered", torch_zip(call(ordered, ")") + "(" + text("w") + made + "u", values));
    row("attributes",
        torch_zip(call(ordered, ")") + "(" + text("w") + made + "u" + dict(text("_metadata") + "}") + "b",
                  values));
    // An OrderedDict of Python 2, whose texts are byte strings.
    row("Python 2", torch_old(call(ordered, tuple("](](U\x01w" + made + "ee")), values));
    row("by NEWOBJ", torch_zip(ordered + ")\x81(" + text("w") + made + "u", values));
    row("first rebuild",
        torch_zip(dict(text("w") + call(global("torch._utils", "_rebuild_tensor"),
                                        tuple(numbers + integer(1) + integers({2}) + integers({2})))),
                  values));
    row("parameter", torch_zip(dict(text("w") + call(global("torch._utils", "_rebuild_parameter"),
                                                     tuple(made + "\x88" + call(ordered, ")")))),
                               values));
    row("parameter with state",
        torch_zip(dict(text("w") +
                       call(global("torch._utils", "_rebuild_parameter_with_state"), tuple(made + "\x88}}"))),
                  values));
    row("old parameter",
        torch_zip(dict(text("w") + call(global("torch.nn.parameter", "Parameter"), tuple(made + "\x88"))),
                  values));
    row("dictionary within itself", torch_zip("}q\x01(" + text("w") + made +
                                                  "uh\x01"
                                                  "0",
                                              values));
    row("negative number", torch_zip("\x8A\x01\xFF"
                                     "0J\xFF\xFF\xFF\xFF"
                                     "0" +
                                         plain,
                                     values));
  }
  void soundFiles() {
    QFETCH(QByteArray, bytes);
    const TorchFile file = TorchFile::open(with(bytes.toStdString()));
    QCOMPARE(file.path(), temp_ / "pytorch_model.bin");
    QCOMPARE(file.tensors().size(), std::size_t(1));
    const TensorView& tensor = file.tensors()[0];
    QCOMPARE(tensor.name, std::string("w"));
    QCOMPARE(tensor.dtype, Dtype::F32);
    QCOMPARE(tensor.shape, std::vector<std::int64_t>{2});
    QVERIFY(chars(tensor) == floats({2, 4}));
  }

  void emptyTensors() {
    using namespace bsbr::test::pickle;
    const std::string value = dict(text("w") + tensor(storage("HalfStorage", "0", 0), 0, {0, 3}, {3, 1}) +
                                   text("v") + tensor(storage("HalfStorage", "0", 0), 7, {0}, {1}));
    for (const std::string& bytes : {torch_zip(value, {{"0", ""}}), torch_old(value, {{"0", ""}}, 2)}) {
      const TorchFile file = TorchFile::open(with(bytes));
      QCOMPARE(file.tensors().size(), std::size_t(2));
      QCOMPARE(file.tensors()[0].shape, (std::vector<std::int64_t>{0, 3}));
      QVERIFY(file.tensors()[0].bytes.empty() && file.tensors()[1].bytes.empty());
    }
    QCOMPARE(TorchFile::open(with(torch_zip("}"))).tensors().size(), std::size_t(0));
  }

  /// Strides of dimensions of one are never taken and mean nothing.
  void strangeStrides() {
    using namespace bsbr::test::pickle;
    const std::string numbers = storage("FloatStorage", "0", 4);
    const std::string value = dict(text("w") + tensor(numbers, 0, {1, 4, 1}, {INT64_MAX, 1, 17}) + text("v") +
                                   tensor(numbers, 0, {2, 1, 2}, {1, INT64_MAX, 2}));
    const TorchFile file = TorchFile::open(with(torch_zip(value, {{"0", floats({1, 2, 3, 4})}})));
    QVERIFY(chars(file.tensors()[0]) == floats({1, 2, 3, 4}));
    QVERIFY(chars(file.tensors()[1]) == floats({1, 3, 2, 4}));
  }

  void damaged_data() {
    QTest::addColumn<int>("index");
    int index = 0;
    for (const auto& damage : bsbr::test::damaged_torch_files())
      QTest::newRow(damage.what.c_str()) << index++;
  }
  void damaged() {
    QFETCH(int, index);
    static const std::vector<bsbr::test::Damage> all = bsbr::test::damaged_torch_files();
    const bsbr::test::Damage& damage = all[std::size_t(index)];
    const auto path = with(damage.bytes);
    const auto error = bsbr::test::error_of([&] { TorchFile::open(path); });
    std::string problem = bsbr::test::mismatch(error, damage.kind, {path.string() + ": "});
    for (const std::string& part : damage.says) {
      if (problem.empty()) problem = bsbr::test::mismatch(error, damage.kind, {part});
    }
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY2(std::string_view(error->what()).size() < 4000, "the message is too long to read");
  }

  void cancelled() {
    bsbr::CancelToken token;
    token.cancel();
    EXPECT_ERROR(TorchFile::open(kGolden / "zip-2.bin", {{}, &token}), ErrorKind::Cancelled, "cancelled");
  }
};

QTEST_APPLESS_MAIN(TestTorchFile)
#include "test_torch_file.moc"
