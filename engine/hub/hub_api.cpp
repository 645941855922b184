#include "engine/hub/hub_api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/base/json_file.h"
#include "engine/checkpoint/problems.h"
#include "engine/hub/digest.h"
#include "engine/hub/patience.h"
#include "engine/hub/url.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxListing = 32u << 20;
constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 50;

std::uint64_t size_of(const nlohmann::json& json, const std::string& where) {
  if (!json.is_number_unsigned() || json.get<std::uint64_t>() > kMaxFile)
    throw Error(ErrorKind::InvalidFile, cat(where, ": a file's size is ", in_quotes(json.dump())));
  return json.get<std::uint64_t>();
}

HubFile read_file(const nlohmann::json& sibling, const std::string& where) {
  HubFile file;
  if (!sibling.is_object() || !sibling.contains("rfilename") || !sibling["rfilename"].is_string())
    throw Error(ErrorKind::InvalidFile, cat(where, ": lists a file without a name"));
  file.name = sibling["rfilename"].get<std::string>();
  const auto text = [](const nlohmann::json& in, const char* key) {
    const auto at = in.find(key);
    return at != in.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const auto lfs = sibling.find("lfs");
  const bool large = lfs != sibling.end() && lfs->is_object();
  const nlohmann::json& source = large ? *lfs : sibling;
  const std::string hash = text(source, large ? "sha256" : "blobId");
  if (!Digest::is_hash(hash) || !source.contains("size")) return file;
  file.hash = hash;
  file.size = size_of(source["size"], where);
  return file;
}

/// An ETag without its quotes and its mark of weakness.
std::string plain_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

}  // namespace

const HubFile* HubListing::find(std::string_view file) const {
  const auto at = std::ranges::find(files, file, &HubFile::name);
  return at == files.end() ? nullptr : &*at;
}

HubListing parse_listing(const std::string& body, const std::string& where) {
  const nlohmann::json json = parse_json_object(body, where);
  HubListing listing;
  const auto sha = json.find("sha");
  if (sha == json.end() || !sha->is_string() || !is_commit_hash(sha->get<std::string>()))
    throw Error(ErrorKind::InvalidFile, cat(where, ": names no commit, so it is no hub's answer"));
  listing.commit = sha->get<std::string>();
  const auto siblings = json.find("siblings");
  if (siblings == json.end() || !siblings->is_array())
    throw Error(ErrorKind::InvalidFile, cat(where, ": lists no files, so it is no hub's answer"));
  for (const nlohmann::json& sibling : *siblings) listing.files.push_back(read_file(sibling, where));
  return listing;
}

HubApi::HubApi(HubSettings settings, HubName name)
    : settings_(std::move(settings)), name_(std::move(name)), client_(settings_) {}

std::string HubApi::page() const {
  return parse_origin(settings_.endpoint)->text() + "/" + name_.model;
}

std::string HubApi::file_url(const std::string& file, const std::string& commit) const {
  return cat(settings_.endpoint, '/', name_.model, "/resolve/", percent_encode(commit), '/',
             percent_encode(file, "/"));
}

void HubApi::check(const HttpAnswer& answer) const {
  if (answer.status / 100 == 2) return;
  const std::string who = cat(name_.model, ": ", answer.from);
  const std::string_view code = answer.header("x-error-code");
  const auto fail = [&](ErrorKind kind, const auto&... words) { throw Error(kind, cat(who, words...)); };
  const std::string tokens = parse_origin(settings_.endpoint)->text() + "/settings/tokens";
  if (may_pass(answer)) {
    throw PassingError(cat(who, answer.status == 429 ? " is asked too often" : " fails for now", " (HTTP ",
                           answer.status, ")"),
                       retry_after_seconds(answer));
  }
  if (code == "GatedRepo" || (answer.status == 403 && answer.from_endpoint)) {
    fail(ErrorKind::Io, " wants its conditions accepted before it gives this model (HTTP ", answer.status,
         "); visit ", page(), " and accept them, then ",
         settings_.token.empty() ? "set HF_TOKEN to a token of that account (" + tokens + ")"
                                 : "try again with HF_TOKEN set to a token of that account");
  }
  if (code == "RevisionNotFound")
    fail(ErrorKind::NotFound, " has no revision ", in_quotes(name_.revision), " of it; see ", page());
  if (answer.status == 401 && !settings_.token.empty() && code != "RepoNotFound") {
    fail(ErrorKind::Io, " does not take the token (HTTP 401); renew it at ", tokens,
         ", or unset HF_TOKEN and remove the file that holds it");
  }
  if (code == "EntryNotFound")
    fail(ErrorKind::NotFound, " has no such file of this model any more (HTTP ", answer.status, ")");
  if (answer.status == 401 || answer.status == 404 || code == "RepoNotFound") {
    fail(ErrorKind::NotFound, " has no model of this name, and there is no such path here (HTTP ",
         answer.status,
         "); check the spelling, as in \"gpt2\" or \"org/name\"; for a private model set HF_TOKEN to a token "
         "that ",
         "may read it (", tokens, ")");
  }
  fail(ErrorKind::Io, " refuses (HTTP ", answer.status, "); see ", page());
}

HubListing HubApi::list(const Job& job) {
  const std::string url = cat(settings_.endpoint, "/api/models/", name_.model, "/revision/",
                              percent_encode(name_.revision), "?blobs=true");
  Patience patience(settings_, job);
  return patience.until_done([&] {
    std::string body;
    const HttpAnswer answer = client_.get_text(url, body, kMaxListing, job);
    check(answer);
    return parse_listing(body, answer.from);
  });
}

HubFile HubApi::describe(const HubFile& file, const std::string& commit, const Job& job) {
  if (!file.hash.empty()) return file;
  Patience patience(settings_, job);
  return patience.until_done([&] {
    const HttpAnswer answer = client_.head(file_url(file.name, commit), job);
    const bool elsewhere = answer.status / 100 == 3;
    if (!elsewhere) check(answer);
    HubFile known = file;
    const std::string_view linked = answer.header("x-linked-etag");
    known.hash = plain_etag(linked.empty() ? answer.header("etag") : linked);
    std::string_view size = answer.header("x-linked-size");
    if (size.empty() && !elsewhere) size = answer.header("content-length");
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), known.size);
    if (!Digest::is_hash(known.hash) || error != std::errc() || end != size.data() + size.size() ||
        known.size > kMaxFile) {
      throw Error(ErrorKind::InvalidFile,
                  cat(name_.model, ": ", answer.from, " does not say size and hash of ", file.name,
                      ", so it could not be checked; is HF_ENDPOINT a hub?"));
    }
    return known;
  });
}

HttpAnswer HubApi::fetch(const HubFile& file, const std::string& commit, std::uint64_t from,
                         const HttpClient::Sink& sink, const Job& job) {
  HttpAnswer answer = client_.get(file_url(file.name, commit), sink, job, from);
  if (answer.status != 416) check(answer);
  return answer;
}

}  // namespace bsbr
