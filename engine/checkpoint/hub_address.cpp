#include "engine/checkpoint/hub_address.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr std::array<std::string_view, 5> kHosts{"huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co",
                                                 "hub-ci.huggingface.co"};

/// First parts of addresses that are no model's, and what they are.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kOthers{
    {{"datasets", "a data set"},
     {"spaces", "a Space, which is a program"},
     {"collections", "a collection; give one of its models"},
     {"papers", "a paper"},
     {"docs", "a page of the documentation"},
     {"blog", "an article"},
     {"models", "a list of models; give one of them"},
     {"tasks", "a page about a task"},
     {"learn", "a course"},
     {"posts", "a post"},
     {"settings", "a page of settings"},
     {"organizations", "an organisation; give one of its models"},
     {"chat", "a chat"},
     {"api", "an address for programs; give the model's page"}}};

/// What follows a model's name in addresses of its pages: `file` says that a path may follow the revision.
struct Page {
  std::string_view name;
  bool revision, file;
};
constexpr std::array<Page, 11> kPages{{{"tree", true, false},
                                       {"blob", true, true},
                                       {"resolve", true, true},
                                       {"raw", true, true},
                                       {"blame", true, true},
                                       {"edit", true, true},
                                       {"commit", true, false},
                                       {"commits", true, false},
                                       {"discussions", false, false},
                                       {"settings", false, false},
                                       {"activity", false, false}}};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view without_scheme(std::string_view text) {
  const std::size_t at = text.find("://");
  if (at == text.npos) return text;
  const std::string scheme = lower(text.substr(0, at));
  return scheme == "http" || scheme == "https" ? text.substr(at + 3) : std::string_view();
}

/// The path of an address of the hub, nothing for others.
std::optional<std::string_view> hub_path(std::string_view text) {
  if (lower(text.substr(0, 5)) == "hf://") return text.substr(5);
  if (const char* const endpoint = std::getenv("HF_ENDPOINT"); endpoint != nullptr && *endpoint != '\0') {
    std::string_view own = endpoint;
    while (own.ends_with('/')) own.remove_suffix(1);
    if (!own.empty() && text.starts_with(own) && text.substr(own.size()).starts_with('/'))
      return text.substr(own.size() + 1);
  }
  const std::string_view rest = without_scheme(text);
  const std::size_t slash = rest.find('/');
  const std::string host = lower(rest.substr(0, slash));
  if (std::ranges::find(kHosts, host) == kHosts.end()) return std::nullopt;
  return slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  path = path.substr(0, path.find_first_of("?#"));
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(percent_decoded(path.substr(0, slash)));
    if (slash == path.npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < parts.size(); ++i) out += (i > from ? "/" : "") + parts[i];
  return out;
}

const Page* page_of(const std::string& name) {
  const auto* const at = std::ranges::find(kPages, name, &Page::name);
  return at == kPages.end() ? nullptr : at;
}

/// Takes the revision from the parts at `at`: one of them, or refs/pr/N.
std::string take_revision(const std::vector<std::string>& parts, std::size_t& at) {
  if (at + 2 < parts.size() && parts[at] == "refs" && (parts[at + 1] == "pr" || parts[at + 1] == "convert")) {
    at += 3;
    return cat("refs/", parts[at - 2], '/', parts[at - 1]);
  }
  return at < parts.size() ? parts[at++] : HubName().revision;
}

HubAddress problem(std::string what) {
  return {std::nullopt, std::move(what)};
}

/// What follows the model's name, `parts` from `at`.
HubAddress read_page(const std::string& model, const std::vector<std::string>& parts, std::size_t at) {
  std::string text = model;
  if (at < parts.size()) {
    const Page* const page = page_of(parts[at]);
    if (page == nullptr) return problem("leads to no page of a model that this program knows");
    ++at;
    if (page->revision) text += "@" + take_revision(parts, at);
    const std::string file = joined(parts, at);
    if (page->revision && !page->file && !file.empty())
      return problem(
          "leads to a folder of a repository, and only whole models can be opened; give the "
          "model's own address, or that of a GGUF file");
    if (page->file && file.ends_with(".gguf")) {
      text += ":" + file;
    } else if (page->file && file.find('/') != file.npos) {
      return problem(
          "leads to a file in a folder of a repository, and only whole models and GGUF files can "
          "be opened");
    }
  }
  if (auto name = parse_hub_name(text)) return {std::move(name), {}};
  return problem("leads to no model, whose address is as in https://huggingface.co/org/name");
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
    out += escape ? static_cast<char>(value) : text[i];
    i += escape ? 2 : 0;
  }
  return out;
}

std::optional<HubAddress> parse_hub_address(std::string_view text) {
  const auto path = hub_path(text);
  if (!path) return std::nullopt;
  const std::vector<std::string> parts = split(*path);
  if (parts.empty()) return problem("leads to the hub itself; give a model's address");
  const auto* const other = std::ranges::find(kOthers, parts[0], [](const auto& row) { return row.first; });
  if (other != kOthers.end()) return problem(cat("leads to ", other->second, ", not to a model"));
  const bool owned = parts.size() > 1 && page_of(parts[1]) == nullptr;
  return read_page(owned ? parts[0] + "/" + parts[1] : parts[0], parts, owned ? 2 : 1);
}

}  // namespace bsbr
