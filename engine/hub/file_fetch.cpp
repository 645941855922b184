#include "engine/hub/file_fetch.h"

#include <algorithm>
#include <charconv>

#include "engine/hub/file_lock.h"
#include "engine/hub/incomplete_file.h"
#include "engine/hub/patience.h"

namespace bsbr {
namespace {

/// Where the bytes of an answer of status 206 begin, from "bytes FROM-TO/TOTAL"; nothing where it does not
/// say.
std::optional<std::uint64_t> range_begin(const HttpAnswer& answer) {
  std::string_view text = answer.header("content-range");
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  std::uint64_t begin = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), begin);
  if (error != std::errc() || end == text.data() + text.size() || *end != '-') return std::nullopt;
  return begin;
}

/// 0 where it is not said.
std::uint64_t content_length(const HttpAnswer& answer) {
  const std::string_view text = answer.header("content-length");
  std::uint64_t length = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

class Fetching {
 public:
  Fetching(HubApi& hub, const HubFile& file, const std::string& commit,
           const std::function<void(std::int64_t)>& advanced, const Job& job)
      : hub_(hub), file_(file), commit_(commit), advanced_(advanced), job_(job) {}

  void fill(IncompleteFile& out) {
    Patience patience(hub_.settings(), job_);
    std::uint64_t most = out.size();
    while (out.size() < file_.size) {
      try {
        ask(out);
        if (out.size() < file_.size)
          throw PassingError(cat(file_.name, ": the server sent less than all of it"));
      } catch (const PassingError& error) {
        if (out.size() > most) patience.made_progress();
        most = std::max(most, out.size());
        patience.wait_after(error);
      }
    }
  }
  void restart(IncompleteFile& out) {
    const auto lost = static_cast<std::int64_t>(out.size());
    out.restart();
    if (lost != 0) advanced_(-lost);
  }

 private:
  void ask(IncompleteFile& out) {
    bool begun = false;
    const auto sink = [&](const HttpAnswer& answer, std::span<const std::byte> bytes) {
      if (!begun) begin(out, answer);
      begun = true;
      if (bytes.size() > file_.size - out.size()) refuse_more(out);
      out.add(bytes);
      advanced_(static_cast<std::int64_t>(bytes.size()));
    };
    const HttpAnswer answer = hub_.fetch(file_, commit_, out.size(), sink, job_);
    if (answer.status == 416) restart(out);
  }
  /// A server may send all of it where a part was asked for.
  void begin(IncompleteFile& out, const HttpAnswer& answer) {
    if (answer.status == 200) {
      restart(out);
    } else if (range_begin(answer) != out.size()) {
      restart(out);
      throw PassingError(cat(file_.name, ": the server sent another part than it was asked for"));
    }
    if (content_length(answer) > file_.size - out.size()) refuse_more(out);
  }
  [[noreturn]] void refuse_more(const IncompleteFile& out) const {
    out.remove();
    throw Error(ErrorKind::InvalidFile, cat(file_.name, ": the server sends more than the ", file_.size,
                                            " bytes that it should have; what has come was removed"));
  }

  HubApi& hub_;
  const HubFile& file_;
  const std::string& commit_;
  const std::function<void(std::int64_t)>& advanced_;
  const Job& job_;
};

}  // namespace

void fetch_blob(HubApi& hub, const CacheWriter& cache, const HubFile& file, const std::string& commit,
                const std::function<void(std::int64_t)>& advanced, const Job& job) {
  const FileLock lock(cache.lock(file.hash), cat("waiting for another program that fetches ", file.name),
                      job);
  if (cache.has_blob(file)) return;
  IncompleteFile out(cache.incomplete(file.hash), file, job);
  Fetching fetching(hub, file, commit, advanced, job);
  // What was begun earlier may be of another making; then all of it is fetched once more.
  for (bool last = out.size() == 0;; last = true) {
    fetching.fill(out);
    if (out.has_right_hash()) return out.commit(cache.blob(file.hash));
    if (last) break;
    fetching.restart(out);
  }
  out.remove();
  throw Error(ErrorKind::InvalidFile,
              cat(file.name, ": what came does not have the hash that the hub names (", file.hash,
                  "), so it was removed; try again, and check proxies and HF_ENDPOINT if it stays so"));
}

}  // namespace bsbr
