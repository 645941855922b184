#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/hub_name.h"
#include "engine/hub/http.h"

namespace bsbr {

/// A file of a repository.
struct HubFile {
  std::string name;        ///< its path there
  std::uint64_t size = 0;  ///< bytes
  std::string hash;        ///< what the cache names it by (Digest); empty: the listing did not say
};

/// A revision of a repository.
struct HubListing {
  std::string commit;
  std::vector<HubFile> files;

  /// nullptr where there is none.
  [[nodiscard]] const HubFile* find(std::string_view name) const;
};

/// The three things that the hub is asked: GET /api/models/NAME/revision/REV?blobs=true, HEAD and GET of
/// /NAME/resolve/COMMIT/FILE. Failures that may pass are waited out. Throws Error with what to do: NotFound
/// for a model or revision that is not there, Io for one that this user may not read, or no network.
class HubApi {
 public:
  HubApi(HubSettings settings, HubName name);

  HubListing list(const Job& job);
  /// `file` with its size and hash, asked for where the listing did not say.
  HubFile describe(const HubFile& file, const std::string& commit, const Job& job);
  /// Hands the bytes of a file from `from` on to `sink`. Throws PassingError once, for the caller to wait.
  HttpAnswer fetch(const HubFile& file, const std::string& commit, std::uint64_t from,
                   const HttpClient::Sink& sink, const Job& job);

  [[nodiscard]] const HubSettings& settings() const { return settings_; }
  [[nodiscard]] const HubName& name() const { return name_; }
  /// Where a person can see the model.
  [[nodiscard]] std::string page() const;

 private:
  [[nodiscard]] std::string file_url(const std::string& file, const std::string& commit) const;
  /// Throws unless the answer is a success.
  void check(const HttpAnswer& answer) const;

  HubSettings settings_;
  HubName name_;
  HttpClient client_;
};

/// Reads the answer to the first of them; `where` for messages. Throws Error(InvalidFile).
HubListing parse_listing(const std::string& body, const std::string& where);

}  // namespace bsbr
