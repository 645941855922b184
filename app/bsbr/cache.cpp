#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/checkpoint/gguf_config.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/checkpoint/hub_snapshot.h"
#include "engine/checkpoint/problems.h"
#include "engine/model/summary.h"

namespace bsbr::cli {
namespace {

/// Of weights that are not read.
std::string family_of(const std::filesystem::path& snapshot) {
  const std::vector<std::string> ggufs = lone_gguf_files(snapshot);
  if (ggufs.empty()) return summarize(Checkpoint::open(snapshot)).config.family;
  GgufModelShape shape;
  (void)gguf_config(*GgufFile::open(snapshot / ggufs.front()), true, shape);
  return shape.architecture;
}

/// One commit of a model, as a line of the table.
struct Row {
  std::string model, revisions, commit, family;
  std::uint64_t bytes;
  std::vector<std::string> missing;
  std::string problem;  ///< why a complete one cannot be opened

  Row(const HubModel& of, const HubSnapshot& snapshot)
      : model(of.name), commit(snapshot.commit), bytes(snapshot.bytes), missing(snapshot.missing) {
    for (const std::string& revision : snapshot.revisions)
      revisions += (revisions.empty() ? "" : ", ") + revision;
    if (!missing.empty()) return;
    try {
      family = family_of(snapshot.folder);
    } catch (const Error& error) {
      problem = error.what();
    }
  }
  [[nodiscard]] nlohmann::json to_json(const HubSnapshot& snapshot) const {
    return {{"commit", commit},
            {"revisions", snapshot.revisions},
            {"folder", snapshot.folder.string()},
            {"bytes", bytes},
            {"complete", missing.empty()},
            {"missing", missing},
            {"family", family.empty() ? nlohmann::json() : nlohmann::json(family)},
            {"problem", problem}};
  }
};

struct Cache {
  explicit Cache(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;

  void run() const {
    common.apply();
    const std::vector<HubModel> models = list_hub_models();
    if (common.json) return terminal.print_json(as_json(models));
    print(models);
  }

  static nlohmann::json as_json(const std::vector<HubModel>& models) {
    nlohmann::json list = nlohmann::json::array();
    std::uint64_t bytes = 0;
    for (const HubModel& model : models) {
      nlohmann::json snapshots = nlohmann::json::array();
      for (const HubSnapshot& snapshot : model.snapshots)
        snapshots.push_back(Row(model, snapshot).to_json(snapshot));
      bytes += model.bytes + model.broken_off_bytes;
      list.push_back({{"name", model.name},
                      {"bytes", model.bytes},
                      {"broken_off", {{"files", model.broken_off}, {"bytes", model.broken_off_bytes}}},
                      {"problem", model.problem},
                      {"snapshots", std::move(snapshots)}});
    }
    return {{"folder", hub_cache_folder().string()}, {"bytes", bytes}, {"models", std::move(list)}};
  }

  void print(const std::vector<HubModel>& models) const {
    std::vector<Row> rows;
    std::uint64_t bytes = 0;
    for (const HubModel& model : models) {
      for (const HubSnapshot& snapshot : model.snapshots) rows.emplace_back(model, snapshot);
      bytes += model.bytes + model.broken_off_bytes;
    }
    const auto width = [&](const char* title, auto cell) {
      std::size_t widest = std::string_view(title).size();
      for (const Row& row : rows) widest = std::max(widest, cell(row).size());
      return widest + 2;
    };
    const std::size_t names = width("model", [](const Row& row) { return row.model; });
    const std::size_t revisions = width("revision", [](const Row& row) { return row.revisions; });
    constexpr std::size_t kCommit = 10, kSize = 10;
    const auto line = [&](const std::string& name, const std::string& revision, const std::string& commit,
                          const std::string& size, const std::string& state) {
      terminal.out << left(name, names) << left(revision, revisions) << left(commit, kCommit)
                   << right(size, kSize) << "  " << state << '\n';
    };
    if (!rows.empty()) line("model", "revision", "commit", "size", "state");
    for (const Row& row : rows) {
      line(row.model, row.revisions, row.commit.substr(0, 8),
           human_bytes(static_cast<std::int64_t>(row.bytes)),
           !row.missing.empty()  ? "incomplete: lacks " + one_line(list_names(row.missing, 3))
           : row.problem.empty() ? "complete, " + row.family
                                 : "complete, but cannot be opened: " + one_line(row.problem));
    }
    for (const HubModel& model : models) {
      if (model.broken_off > 0) {
        terminal.out << model.name << ": " << model.broken_off << " download(s) were broken off, with "
                     << human_bytes(static_cast<std::int64_t>(model.broken_off_bytes))
                     << " that are kept; opening it by its name goes on\n";
      } else if (model.snapshots.empty()) {
        terminal.out << model.name << ": " << one_line(model.problem) << '\n';
      }
    }
    terminal.out << models.size() << (models.size() == 1 ? " model, " : " models, ")
                 << human_bytes(static_cast<std::int64_t>(bytes)) << " in " << hub_cache_folder().string()
                 << '\n';
  }
};

}  // namespace

void add_cache(CommandLine& line, Terminal& terminal) {
  auto cache = std::make_shared<Cache>(terminal);
  const Command command = line.add(
      "cache",
      "List the models in the local hub cache: what is complete, what is missing, what can be opened");
  cache->common.add_to(command);
  command.action([cache] { cache->run(); });
}

}  // namespace bsbr::cli
