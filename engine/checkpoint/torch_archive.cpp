#include "engine/checkpoint/torch_archive.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "engine/base/utf8.h"
#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/zip_archive.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;
using Storages = std::vector<std::span<const std::byte>>;

constexpr std::string_view kZipMagic = "PK\x03\x04";
// 0x1950a86a20f9469cfc6c, as a pickled integer has it.
constexpr std::string_view kOldMagic = "\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19";
constexpr std::size_t kOldMagicWithin = 32;
constexpr std::int64_t kOldVersion = 1001;
constexpr std::size_t kTarMagicAt = 257;
constexpr std::size_t kMaxName = 65'535;

std::string_view head_of(std::span<const std::byte> file, std::size_t most) {
  return {reinterpret_cast<const char*>(file.data()), std::min(file.size(), most)};
}

[[noreturn]] void fail(const fs::path& path, const std::string& what,
                       ErrorKind kind = ErrorKind::InvalidFile) {
  throw Error(kind, cat(path.string(), ": ", what));
}

/// The names and tensors of the dictionary that the pickle made.
std::vector<TorchEntry> state_dict(PickleValue value, TorchObjects& objects, const Storages& storages,
                                   const fs::path& path) {
  if (value.kind != PickleKind::Dict) {
    fail(
        path,
        cat("holds ", name_of(value.kind), ", not a state dict; save one: torch.save(model.state_dict(), …)"),
        ErrorKind::Unsupported);
  }
  std::vector<TorchEntry> entries;
  std::set<std::string_view> names;
  std::size_t dimensions = 0;
  Problems problems(path);
  for (const auto& [key, tensor] : objects.heap().pairs(value)) {
    if (key.kind != PickleKind::Text) {
      problems.add(cat("a key of its dictionary is ", name_of(key.kind), ", not a tensor's name"));
      continue;
    }
    const std::string_view name = objects.text(key);
    if (tensor.kind != PickleKind::Tensor) {
      problems.add(cat(in_quotes(name), " is ", name_of(tensor.kind), ", not a tensor"),
                   ErrorKind::Unsupported);
    } else if (name.size() > kMaxName) {
      problems.add(cat("the tensor name ", in_quotes(name), " is ", name.size(), " bytes long"));
    } else if (!is_valid_utf8(name)) {
      problems.add(cat("the tensor name ", in_quotes(name), " is not valid UTF-8"));
    } else if (!names.insert(name).second) {
      problems.add(cat("the tensor name ", in_quotes(name), " occurs twice"));
    } else {
      const TorchTensor& made = objects.tensors()[tensor.index];
      dimensions += made.layout.shape.size();
      if (entries.size() >= kMaxTorchTensors || dimensions > kMaxTorchDimensions) {
        fail(path, cat("names more than ", entries.size(), " tensors; no checkpoint has so many"));
      }
      entries.push_back({std::string(name), made, storages[made.storage]});
    }
  }
  problems.throw_if_any(
      "a checkpoint's file must hold a model's state dict alone: torch.save(model.state_dict(), …)");
  return entries;
}

const ZipEntry* find(const std::vector<ZipEntry>& entries, std::string_view name) {
  const auto at = std::ranges::lower_bound(entries, name, {}, &ZipEntry::name);
  return at == entries.end() || at->name != name ? nullptr : &*at;
}

/// The archive's name before "/data.pkl": all that torch.save writes lies in one folder.
std::string archive_folder(const std::vector<ZipEntry>& entries, const fs::path& path) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string folder;
  for (const ZipEntry& entry : entries) {
    if (!entry.name.ends_with(kPickle)) continue;
    const std::string_view before = entry.name.substr(0, entry.name.size() - kPickle.size());
    if (before.empty() || before.find('/') != before.npos) continue;
    if (!folder.empty()) fail(path, "is a zip archive with more than one data.pkl");
    folder = before;
  }
  if (folder.empty()) {
    fail(path, "is a zip archive, but none of torch.save: it has no data.pkl", ErrorKind::Unsupported);
  }
  if (find(entries, folder + "/constants.pkl") != nullptr) {
    fail(path,
         "is a TorchScript program (torch.jit.save), not a state dict; save one: "
         "torch.save(model.state_dict(), …)",
         ErrorKind::Unsupported);
  }
  return folder;
}

std::vector<TorchEntry> read_zip_form(std::span<const std::byte> file, const fs::path& path) {
  const std::vector<ZipEntry> entries = read_zip(file, path);
  const std::string folder = archive_folder(entries, path);
  if (const ZipEntry* order = find(entries, folder + "/byteorder")) {
    const std::string_view text = head_of(order->bytes, 16);
    if (text != "little") {
      fail(path, cat("its byte order is ", in_quotes(text), "; only little-endian files can be read"),
           ErrorKind::Unsupported);
    }
  }
  const std::span<const std::byte> pickle = find(entries, folder + "/data.pkl")->bytes;
  const auto begin = static_cast<std::size_t>(pickle.data() - file.data());
  PickleStream stream(file, begin, begin + pickle.size(), path);
  TorchObjects objects(stream);
  const PickleValue value = run_pickle(stream, objects);

  Storages storages;
  Problems problems(path);
  for (const TorchStorage& storage : objects.storages()) {
    const ZipEntry* const entry = find(entries, cat(folder, "/data/", storage.key));
    if (entry == nullptr) {
      problems.add(cat("storage ", in_quotes(storage.key), " is not in the archive"));
    } else if (entry->bytes.size() != storage.bytes) {
      problems.add(cat("storage ", in_quotes(storage.key), " has ", entry->bytes.size(),
                       " bytes in the archive, but its pickle says ", storage.bytes));
    } else {
      storages.push_back(entry->bytes);
    }
  }
  problems.throw_if_any("the file is damaged; download or save it again");
  return state_dict(value, objects, storages, path);
}

/// The storages behind the pickles of the old form: for each key, the number of elements and the values.
Storages read_old_storages(PickleValue keys, PickleStream& stream, TorchObjects& objects) {
  Storages found(objects.storages().size());
  std::vector<bool> read(found.size());
  if (keys.kind != PickleKind::List) {
    stream.fail(stream.position(), cat("the list of storages is ", name_of(keys.kind)));
  }
  for (const PickleValue& key : objects.heap().elements(keys)) {
    const std::size_t at = stream.position();
    if (key.kind != PickleKind::Text) stream.fail(at, cat("the key of a storage is ", name_of(key.kind)));
    const std::string name = in_quotes(objects.text(key));
    const auto index = objects.find_storage(objects.text(key));
    if (!index) stream.fail(at, cat("no tensor has the storage ", name));
    if (read[*index]) stream.fail(at, cat("storage ", name, " occurs twice"));
    read[*index] = true;
    const TorchStorage& storage = objects.storages()[*index];
    const std::uint64_t expected = storage.bytes / size_of(storage.dtype);
    if (const auto count = stream.number<std::uint64_t>(); count != expected) {
      stream.fail(at,
                  cat("storage ", name, " has ", count, " elements here, but its pickle says ", expected));
    }
    found[*index] = std::as_bytes(std::span(stream.take(storage.bytes)));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!read[i]) {
      stream.fail(stream.position(),
                  cat("the list of storages lacks ", in_quotes(objects.storages()[i].key)));
    }
  }
  return found;
}

/// Five pickles (magic number, version, the writer's types, the object, storages' keys), then the storages.
std::vector<TorchEntry> read_old_form(std::span<const std::byte> file, const fs::path& path) {
  PickleStream stream(file, 0, file.size(), path);
  TorchObjects objects(stream);
  const PickleValue magic = run_pickle(stream, objects);
  if (magic.kind != PickleKind::Long || objects.text(magic) != kOldMagic) {
    stream.fail(0, "the magic number of torch.save is not here");
  }
  const std::size_t at = stream.position();
  const PickleValue version = run_pickle(stream, objects);
  if (version.kind != PickleKind::Int || version.number != kOldVersion) {
    stream.fail(at, cat("the version of the format is not ", kOldVersion), ErrorKind::Unsupported);
  }
  (void)run_pickle(stream, objects);
  const PickleValue value = run_pickle(stream, objects);
  const PickleValue keys = run_pickle(stream, objects);
  return state_dict(value, objects, read_old_storages(keys, stream, objects), path);
}

[[noreturn]] void refuse_other(std::span<const std::byte> file, const fs::path& path) {
  if (file.empty()) fail(path, "is empty (0 bytes); download or save it again");
  const std::string_view head = head_of(file, 512);
  refuse_misnamed(file, path);
  if (head.size() > kTarMagicAt + 5 && head.substr(kTarMagicAt, 5) == "ustar") {
    fail(
        path,
        "is a tar archive, as torch.save wrote before 2017, which cannot be read; load it with torch.load(…) "
        "and save it again",
        ErrorKind::Unsupported);
  }
  if (head.size() > 8 && head[8] == '{') {
    fail(path, "seems to be a safetensors file; name it model.safetensors", ErrorKind::Unsupported);
  }
  if (head.size() >= 2 && head[0] == '\x80' && head[1] >= '\x02' && head[1] <= '\x05') {
    fail(path, "is a Python pickle, but none of torch.save; only torch.save's files are read",
         ErrorKind::Unsupported);
  }
  fail(path,
       "is no file of torch.save: it begins neither as a zip archive nor with torch's magic number; it is "
       "damaged, download it again");
}

}  // namespace

std::vector<TorchEntry> read_torch_archive(std::span<const std::byte> file, const fs::path& path) {
  if (head_of(file, kZipMagic.size()) == kZipMagic) return read_zip_form(file, path);
  if (head_of(file, kOldMagicWithin).find(kOldMagic) != std::string_view::npos) {
    return read_old_form(file, path);
  }
  refuse_other(file, path);
}

}  // namespace bsbr
