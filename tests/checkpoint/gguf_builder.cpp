#include "tests/checkpoint/gguf_builder.h"

namespace bsbr::test {

std::string gguf_string(std::string_view text) {
  return raw(std::uint64_t{text.size()}).append(text);
}

std::string gguf_array(std::uint32_t type, std::uint64_t count, const std::string& elements) {
  return raw(type) + raw(count) + elements;
}

GgufBuilder& GgufBuilder::pair(std::string_view key, std::uint32_t type, const std::string& value) {
  ++pairs_;
  metadata_ += gguf_string(key) + raw(type) + value;
  return *this;
}

GgufBuilder& GgufBuilder::tensor(std::string_view name, const std::vector<std::uint64_t>& dims,
                                 std::uint32_t type, const std::string& data,
                                 std::optional<std::uint64_t> offset) {
  ++tensors_;
  data_.append((alignment - data_.size() % alignment) % alignment, '\0');
  infos_ += gguf_string(name) + raw(static_cast<std::uint32_t>(dims.size()));
  for (const std::uint64_t dimension : dims) infos_ += raw(dimension);
  infos_ += raw(type) + raw(offset.value_or(data_.size()));
  data_ += data;
  return *this;
}

GgufBuilder& GgufBuilder::floats(std::string_view name, const std::vector<std::uint64_t>& dims,
                                 const std::vector<float>& values) {
  std::string data;
  for (const float value : values) data += raw(value);
  return tensor(name, dims, 0, data);
}

GgufBuilder& GgufBuilder::floats(std::string_view name, const std::vector<std::uint64_t>& dims, float value) {
  std::size_t count = 1;
  for (const std::uint64_t dimension : dims) count *= dimension;
  return floats(name, dims, std::vector<float>(count, value));
}

std::string GgufBuilder::bytes() const {
  std::string out = magic + raw(version) + raw(tensor_count.value_or(tensors_)) +
                    raw(pair_count.value_or(pairs_)) + metadata_ + infos_;
  if (data_.empty()) return out;
  out.append((alignment - out.size() % alignment) % alignment, '\0');
  return out + data_;
}

}  // namespace bsbr::test
