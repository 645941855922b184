#include "engine/base/json_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/printable.h"
#include "engine/base/utf8.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxDepth = 64;
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

using nlohmann::json;

[[noreturn]] void fail(const std::filesystem::path& where, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, cat(where.string(), ": ", what));
}

/// What Python's json reads and JSON does not have.
struct PythonNotes {
  std::map<std::size_t, double> not_finite;  // by their place among all numbers
  std::set<std::string> repeated;            // keys
};

// Builds the document from nlohmann's events. nlohmann's own parser keeps the last of equal keys, and with a
// callback to watch them it takes quadratic time for an object of many objects.
class Builder {
 public:
  /// `notes`: the rules of Python; nullptr: those of JSON.
  Builder(json& root, const std::filesystem::path& where, PythonNotes* notes)
      : root_(root), where_(where), notes_(notes) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(json::number_integer_t value) { return number(value); }
  bool number_unsigned(json::number_unsigned_t value) { return number(value); }
  bool number_float(json::number_float_t value, const std::string&) { return number(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(json::binary_t& value) { return put(std::move(value)); }
  bool start_object(std::size_t) { return open(json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    const auto [entry, fresh] = open_.back()->get_ref<json::object_t&>().try_emplace(std::move(name));
    if (!fresh && notes_ == nullptr)
      fail(where_, cat("the key \"", printable(entry->first), "\" occurs twice in one object"));
    if (!fresh) notes_->repeated.insert(entry->first);
    next_ = &entry->second;
    return true;
  }

  [[noreturn]] bool parse_error(std::size_t, const std::string&, const json::exception& error) const {
    fail(where_, cat("is not valid JSON: ", error.what()));
  }

 private:
  json& place(json&& value) {
    if (open_.empty()) return root_ = std::move(value);
    json& parent = *open_.back();
    if (parent.is_object()) return *next_ = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }
  bool number(json value) {
    const std::size_t at = numbers_++;
    if (notes_ != nullptr && notes_->not_finite.contains(at)) value = notes_->not_finite.at(at);
    return put(std::move(value));
  }
  bool put(json value) {
    place(std::move(value));
    return true;
  }
  bool open(json container) {
    if (open_.size() == kMaxDepth) fail(where_, cat("JSON is nested more than ", kMaxDepth, " levels deep"));
    open_.push_back(&place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json& root_;
  const std::filesystem::path& where_;
  PythonNotes* notes_;
  std::size_t numbers_ = 0;
  std::vector<json*> open_;  // an element moves only while no container inside it is open
  json* next_ = nullptr;     // the value that the last key waits for
};

struct Constant {
  std::string_view name, stand_in;  // of equal lengths, so that places in messages stay right
  double value;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array<Constant, 3> kConstants{{{"NaN", "0.0", std::numeric_limits<double>::quiet_NaN()},
                                              {"Infinity", "0.000000", kInfinity},
                                              {"-Infinity", "-0.000000", -kInfinity}}};

/// Behind the string that begins at `begin`.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return text.size();
}

/// Replaces Python's constants by numbers and notes which those are.
std::string without_constants(std::string text, PythonNotes& notes) {
  constexpr std::string_view kToken = "+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  std::size_t numbers = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      i = end_of_string(text, i);
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of(kToken, i), text.size());
    const std::string_view token = std::string_view(text).substr(i, end - i);
    const auto* const known = std::ranges::find(kConstants, token, &Constant::name);
    if (known != kConstants.end()) {
      text.replace(i, token.size(), known->stand_in);
      notes.not_finite.emplace(numbers, known->value);
    }
    if (end > i && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))) ++numbers;
    i = std::max(end, i + 1);
  }
  return text;
}

json parse_object(std::string_view text, const std::filesystem::path& where, PythonNotes* notes) {
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) fail(where, cat("byte ", valid, " is not valid UTF-8; JSON must be UTF-8"));
  // The parser takes a zero byte for the end of the text, and would ignore what follows.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {
    fail(where, cat("byte ", zero, " is zero; JSON has no such bytes"));
  }
  json parsed;
  Builder builder(parsed, where, notes);
  if (notes == nullptr) {
    json::sax_parse(text, &builder);
  } else {
    json::sax_parse(without_constants(std::string(text), *notes), &builder);
  }
  if (!parsed.is_object()) {
    fail(where, cat("is JSON, but ", parsed.type_name(), " where an object {…} is expected"));
  }
  return parsed;
}

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
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": is not a regular file"));
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
  if (text.starts_with(kLfsMagic)) {
    throw Error(
        ErrorKind::Unsupported,
        cat(path.string(), ": is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder"));
  }
  return text;
}

nlohmann::json parse_json_object(std::string_view text, const std::filesystem::path& where) {
  return parse_object(text, where, nullptr);
}

nlohmann::json parse_python_json(std::string_view text, const std::filesystem::path& where,
                                 std::vector<std::string>& warnings) {
  constexpr std::size_t kMostNamed = 5;
  PythonNotes notes;
  json parsed = parse_object(text, where, &notes);
  if (notes.repeated.empty()) return parsed;
  std::string names;
  std::size_t named = 0;
  for (const std::string& key : notes.repeated) {
    if (named == kMostNamed) break;
    ++named;
    names += cat(names.empty() ? "\"" : ", \"", printable(key), '"');
  }
  if (notes.repeated.size() > kMostNamed) names += cat(" and ", notes.repeated.size() - kMostNamed, " more");
  warnings.push_back(cat(where.string(), ": repeats ", notes.repeated.size() == 1 ? "the key " : "the keys ",
                         names, " in one object; the last value counts, as in Python"));
  return parsed;
}

std::int64_t integer_or(const nlohmann::json& object, const char* key, std::int64_t absent,
                        std::int64_t least, std::int64_t most) {
  if (!object.is_object()) {
    throw Error(ErrorKind::InvalidFile,
                cat("there is ", object.type_name(), " where an object with ", key, " is expected"));
  }
  const auto found = object.find(key);
  if (found == object.end()) return absent;
  const bool held = found->is_number_unsigned() ? std::in_range<std::int64_t>(found->get<std::uint64_t>())
                                                : found->is_number_integer();
  if (held) {
    const auto value = found->get<std::int64_t>();
    if (value >= least && value <= most) return value;
  }
  throw Error(ErrorKind::InvalidFile, cat(key, " is ", printable(found->dump()), "; an integer from ", least,
                                          " to ", most, " is expected"));
}

nlohmann::json read_json_object(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse_json_object(read_text_file(path, max_bytes), path);
}

nlohmann::json read_python_json(const std::filesystem::path& path, std::uint64_t max_bytes,
                                std::vector<std::string>& warnings) {
  return parse_python_json(read_text_file(path, max_bytes), path, warnings);
}

nlohmann::json read_python_json(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostBytes = 64U << 20;
  std::vector<std::string> untold;
  return read_python_json(path, kMostBytes, untold);
}

}  // namespace bsbr
