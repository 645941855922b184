#include "engine/base/json_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/utf8.h"

namespace bsbr {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::string_view kLfsMagic = "version https://git-lfs.github.com/spec/";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    const ErrorKind kind = errno == ENOENT || errno == ENOTDIR ? ErrorKind::NotFound : ErrorKind::Io;
    throw Error(kind, cat(path.string(), ": cannot open: ", system_message(errno)));
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) {
    throw Error(ErrorKind::Io, cat(path.string(), ": cannot read: ", system_message(errno)));
  }
  if (!S_ISREG(info.st_mode)) throw Error(ErrorKind::InvalidFile, cat(path.string(), ": is not a regular file"));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_bytes) {
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": is ", size, " bytes long; at most ", max_bytes,
                                            " are expected in such a file"));
  }
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorKind::Io, cat(path.string(), ": cannot read: ", system_message(errno)));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

nlohmann::json parse_json_object(std::string_view text, const std::filesystem::path& where) {
  const auto fail = [&](const std::string& what) { throw Error(ErrorKind::InvalidFile, cat(where.string(), ": ", what)); };
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) fail(cat("byte ", valid, " is not valid UTF-8; JSON must be UTF-8"));
  // The parser takes a zero byte for the end of the text, and would ignore what follows.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) fail(cat("byte ", zero, " is zero; JSON has no such bytes"));

  std::vector<std::set<std::string, std::less<>>> keys;
  using json = nlohmann::json;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth >= kMaxDepth) fail(cat("JSON is nested more than ", kMaxDepth, " levels deep"));
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      fail(cat("the key \"", value.get<std::string>(), "\" occurs twice in one object"));
    }
    return true;
  };
  json parsed;
  try {
    parsed = json::parse(text, watch);
  } catch (const json::exception& error) {
    fail(cat("is not valid JSON: ", error.what()));
  }
  if (!parsed.is_object()) fail(cat("is JSON, but ", parsed.type_name(), " where an object {…} is expected"));
  return parsed;
}

nlohmann::json read_json_object(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const std::string text = read_text_file(path, max_bytes);
  if (text.starts_with(kLfsMagic)) {
    throw Error(ErrorKind::Unsupported,
                cat(path.string(), ": is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder"));
  }
  return parse_json_object(text, path);
}

}  // namespace bsbr
