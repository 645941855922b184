#pragma once

#include <sys/stat.h>

#include <QTemporaryDir>
#include <QtTest>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace bsbr::test {

/// A folder that is removed at the end; open to other users, so that tests can drop root's rights.
class TempFolder {
 public:
  TempFolder() {
    if (!dir_.isValid()) qFatal("no temporary folder");
    path_ = dir_.path().toStdString();
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  QTemporaryDir dir_;
  std::filesystem::path path_;
};

/// Writes a file, and the folders above it.
inline std::filesystem::path write_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) qFatal("cannot write %s", path.c_str());
  return path;
}

inline std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) qFatal("cannot read %s", path.c_str());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string little_endian(std::uint64_t value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

/// A safetensors file of that header and that data, right or wrong.
inline std::string safetensors(std::string_view header, std::string_view data = {}) {
  return little_endian(header.size()).append(header).append(data);
}

/// A sound safetensors file with one F32 tensor of one value for each name.
inline std::string safetensors_of(std::initializer_list<std::string_view> names) {
  std::string header;
  std::size_t at = 0;
  for (const std::string_view name : names) {
    header += cat(header.empty() ? "{" : ",", '"', name, R"(":{"dtype":"F32","shape":[1],"data_offsets":[)",
                  at, ",", at + 4, "]}");
    at += 4;
  }
  return safetensors(header + "}", std::string(at, 'x'));
}

/// The Error that `action` throws, if any; other exceptions pass.
template <class Action>
std::optional<Error> error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// For QVERIFY2(problem.empty(), problem.c_str()): what is not as it should be with an error.
inline std::string mismatch(const std::optional<Error>& error, ErrorKind kind,
                            std::initializer_list<std::string_view> parts) {
  if (!error) return "no error was thrown";
  const std::string message = error->what();
  if (error->kind() != kind) return cat("kind ", to_string(error->kind()), ": ", message);
  for (const std::string_view part : parts) {
    if (message.find(part) == std::string::npos) return cat("\"", part, "\" is not in: ", message);
  }
  return {};
}

}  // namespace bsbr::test

/// Checks that `action` throws Error(kind) whose message contains every further argument.
#define EXPECT_ERROR(action, kind, ...)                                                   \
  do {                                                                                    \
    const std::string problem_ =                                                          \
        bsbr::test::mismatch(bsbr::test::error_of([&] { action; }), kind, {__VA_ARGS__}); \
    QVERIFY2(problem_.empty(), problem_.c_str());                                         \
  } while (false)
