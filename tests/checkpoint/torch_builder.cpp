#include "tests/checkpoint/torch_builder.h"

#include "tests/checkpoint/gguf_builder.h"

namespace bsbr::test {
namespace pickle {

std::string text(std::string_view value) {
  return "X" + raw(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
std::string integer(std::int64_t value) {
  return "\x8A\x08" + raw(value);
}
std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
std::string tuple(const std::string& items) {
  return "(" + items + "t";
}
std::string integers(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const std::int64_t value : values) items += integer(value);
  return tuple(items);
}
std::string call(const std::string& function, const std::string& arguments) {
  return function + arguments + "R";
}
std::string dict(const std::string& keys_and_values) {
  return "}(" + keys_and_values + "u";
}
std::string storage(std::string_view type, std::string_view key, std::int64_t count) {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + integer(count)) + "Q";
}
std::string tensor_arguments(const std::string& storage, std::int64_t offset,
                             const std::vector<std::int64_t>& shape,
                             const std::vector<std::int64_t>& stride) {
  return tuple(storage + integer(offset) + integers(shape) + integers(stride) + "\x89" +
               call(global("collections", "OrderedDict"), ")"));
}
std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& stride) {
  return call(global("torch._utils", "_rebuild_tensor_v2"), tensor_arguments(storage, offset, shape, stride));
}
std::string whole(const std::string& value) {
  return "\x80\x02" + value + ".";
}

}  // namespace pickle

namespace {

template <class T>
std::string raw_as(std::uint64_t value) {
  return raw(static_cast<T>(value));
}

/// Signature, and what local header and directory have in common, up to the sizes of name and extra field.
std::string entry_head(const ZipPart& part, bool zip64) {
  const std::uint64_t size = zip64 ? 0xFFFFFFFF : part.bytes.size();
  return raw(std::uint16_t{20}) + raw(part.flags) + raw(part.method) + std::string(4, '\0') +
         std::string(4, '\0') + raw_as<std::uint32_t>(size) + raw_as<std::uint32_t>(size);
}

}  // namespace

std::string zip(const std::vector<ZipPart>& parts, bool zip64) {
  std::string out;
  std::string directory;
  for (const ZipPart& part : parts) {
    const std::uint64_t begin = out.size();
    const std::string& name = part.local_name.empty() ? part.name : part.local_name;
    const std::string size = raw(std::uint64_t{part.bytes.size()});
    const std::string sizes =
        zip64 ? "\x01" + std::string(1, '\0') + raw(std::uint16_t{16}) + size + size : "";
    out += "PK\x03\x04" + entry_head(part, zip64) + raw_as<std::uint16_t>(name.size()) +
           raw_as<std::uint16_t>(sizes.size()) + name + sizes + part.bytes;
    const std::string extra =
        zip64 ? "\x01" + std::string(1, '\0') + raw(std::uint16_t{24}) + size + size + raw(begin) : "";
    directory += "PK\x01\x02" + raw(std::uint16_t{20}) + entry_head(part, zip64) +
                 raw_as<std::uint16_t>(part.name.size()) + raw_as<std::uint16_t>(extra.size()) +
                 std::string(10, '\0') + raw_as<std::uint32_t>(zip64 ? 0xFFFFFFFF : begin) + part.name +
                 extra;
  }
  const std::uint64_t at = out.size();
  const std::uint64_t count = parts.size();
  out += directory;
  if (zip64) {
    const std::uint64_t end = out.size();
    out += "PK\x06\x06" + raw(std::uint64_t{44}) + raw(std::uint32_t{0}) + raw(std::uint64_t{0}) +
           raw(count) + raw(count) + raw(std::uint64_t{directory.size()}) + raw(at);
    out += "PK\x06\x07" + raw(std::uint32_t{0}) + raw(end) + raw(std::uint32_t{1});
  }
  out += "PK\x05\x06" + raw(std::uint32_t{0}) + raw_as<std::uint16_t>(zip64 ? 0xFFFF : count) +
         raw_as<std::uint16_t>(zip64 ? 0xFFFF : count) +
         raw_as<std::uint32_t>(zip64 ? 0xFFFFFFFF : directory.size()) +
         raw_as<std::uint32_t>(zip64 ? 0xFFFFFFFF : at) + raw(std::uint16_t{0});
  return out;
}

std::string torch_zip(const std::string& value, const std::map<std::string, std::string>& storages) {
  std::vector<ZipPart> parts{{"archive/data.pkl", pickle::whole(value)}, {"archive/byteorder", "little"}};
  for (const auto& [key, bytes] : storages) parts.push_back({"archive/data/" + key, bytes});
  return zip(parts);
}

std::string torch_old(const std::string& value, const std::map<std::string, std::string>& storages,
                      std::size_t element) {
  std::string keys = "](";
  std::string data;
  for (const auto& [key, bytes] : storages) {
    keys += pickle::text(key);
    data += raw(std::uint64_t{bytes.size() / element}) + bytes;
  }
  return pickle::whole("\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19") + pickle::whole("M\xE9\x03") +
         pickle::whole("}") + pickle::whole(value) + pickle::whole(keys + "e") + data;
}

}  // namespace bsbr::test
