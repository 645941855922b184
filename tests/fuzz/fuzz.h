#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/error.h"

/// What a fuzz target is called with, many times in one process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// What the fuzz targets share. A target ends the program where it finds something: by an exception other
/// than Error, by what a sanitizer reports, or by finding().
namespace bsbr::fuzz {

[[noreturn]] inline void finding(const std::string& what) {
  std::fprintf(stderr, "finding: %s\n", what.c_str());
  std::abort();
}

inline void expect(bool holds, const char* what) {
  if (!holds) finding(what);
}

/// Runs what reads foreign bytes. An Error is an answer to them, unless it blames this program; other
/// exceptions pass. Returns whether there was none.
template <class Action>
bool reads(const Action& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Internal) finding(error.what());
    expect(*error.what() != '\0', "an error says nothing");
    return false;
  }
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline volatile unsigned touched;
/// Adds up what a reader offers, so that a sanitizer sees every byte of it.
inline void touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  touched = sum;
}

/// A folder that is removed when the program ends.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "bsbr-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) finding("no temporary folder");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const char* name, std::string_view text) const {
    std::filesystem::path file = path_ / name;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    if (!out) finding("cannot write " + file.string());
    return file;
  }

 private:
  std::filesystem::path path_;
};

/// Takes an input apart: numbers from its beginning, zeros once it is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  template <class T>
  T number() {
    T value{};
    const std::size_t size = std::min(sizeof value, left_.size());
    if (size > 0) std::memcpy(&value, left_.data(), size);
    left_ = left_.subspan(size);
    return value;
  }
  /// From `least` to `most`.
  std::size_t between(std::size_t least, std::size_t most) {
    return least + number<std::uint16_t>() % (most - least + 1);
  }
  bool flag() { return number<std::uint8_t>() % 2 != 0; }
  template <class T, std::size_t N>
  T one_of(const T (&choices)[N]) {
    return choices[number<std::uint8_t>() % N];
  }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace bsbr::fuzz
