#include "engine/attention/bsbr_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace bsbr {
namespace {

// 2: states are anchored. Thresholds of version 1 were chosen for plain ones.
constexpr int kVersion = 2;

using Field = std::pair<const char*, std::int64_t BsbrConfig::*>;
constexpr std::array<Field, 7> kFields{{{"chunk_size", &BsbrConfig::chunk_size},
                                        {"block_size", &BsbrConfig::block_size},
                                        {"compression_factor", &BsbrConfig::compression_factor},
                                        {"retrieve", &BsbrConfig::retrieve},
                                        {"window", &BsbrConfig::window},
                                        {"sink", &BsbrConfig::sink},
                                        {"candidate_chunks", &BsbrConfig::candidate_chunks}}};

constexpr const char* kPlan = "plan";
constexpr const char* kStatesOnly = "states_only";

bool power_of_two(std::int64_t n) {
  return n > 0 && (n & (n - 1)) == 0;
}

/// "1, 2, 4, 8, 16" up to `last`.
std::string powers_up_to(std::int64_t last) {
  std::string text = "1";
  for (std::int64_t p = 2; p <= last; p *= 2) text += cat(", ", p);
  return text;
}

/// The powers of two up to `limit` that divide n.
std::string dividing_powers(std::int64_t n) {
  std::int64_t last = 1;
  while (n % (last * 2) == 0) last *= 2;
  return powers_up_to(last);
}

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorKind::InvalidFile, "config.json, \"bsbr\": " + what);
}

/// One table [layers][heads] for each property, under its name.
nlohmann::json plan_to_json(const std::vector<std::vector<HeadPlan>>& plan) {
  nlohmann::json json;
  const auto table = [&](const char* name, const auto& value) {
    nlohmann::json& rows = json[name] = nlohmann::json::array();
    for (const std::vector<HeadPlan>& layer : plan) {
      nlohmann::json row = nlohmann::json::array();
      for (const HeadPlan& head : layer) row.push_back(value(head));
      rows.push_back(std::move(row));
    }
  };
  table("retrieve", [](const HeadPlan& head) { return head.retrieve; });
  table("threshold", [](const HeadPlan& head) { return head.threshold; });
  table("states", [](const HeadPlan& head) { return head.states; });
  return json;
}

std::vector<std::vector<HeadPlan>> plan_from_json(const nlohmann::json& json) {
  if (!json.is_object()) fail(cat("\"plan\" is ", json.type_name(), ", an object is expected"));
  std::vector<std::vector<HeadPlan>> plan;
  const auto table = [&](const char* name, const auto& good, const char* expected, const auto& set) {
    const std::string what = cat("\"plan\", \"", name, "\": ");
    const auto rows = json.find(name);
    if (rows == json.end() || !rows->is_array()) fail(what + "a table [layers][heads] is expected");
    if (plan.empty()) plan.resize(rows->size());
    if (rows->size() != plan.size())
      fail(cat(what, rows->size(), " layers, and ", plan.size(), " in \"retrieve\""));
    for (std::size_t layer = 0; layer < plan.size(); ++layer) {
      const nlohmann::json& row = (*rows)[layer];
      if (!row.is_array()) fail(cat(what, "layer ", layer, " is ", row.type_name(), ", a list is expected"));
      if (plan[layer].empty()) plan[layer].resize(row.size());
      if (row.size() != plan[layer].size())
        fail(cat(what, row.size(), " heads in layer ", layer, ", and ", plan[layer].size(),
                 " in \"retrieve\""));
      for (std::size_t head = 0; head < row.size(); ++head) {
        if (!good(row[head]))
          fail(cat(what, "layer ", layer, ", head ", head, " is ", row[head].dump(), ", ", expected,
                   " is expected"));
        set(plan[layer][head], row[head]);
      }
    }
  };
  using Json = const nlohmann::json&;
  table(
      "retrieve", [](Json x) { return x.is_number_integer(); }, "an integer",
      [](HeadPlan& head, Json x) { head.retrieve = x.get<std::int64_t>(); });
  table(
      "threshold", [](Json x) { return x.is_number(); }, "a number",
      [](HeadPlan& head, Json x) { head.threshold = x.get<double>(); });
  table(
      "states", [](Json x) { return x.is_boolean(); }, "true or false",
      [](HeadPlan& head, Json x) { head.states = x.get<bool>(); });
  if (json.size() != 3) fail("\"plan\" has an unknown key; known: retrieve, threshold, states");
  if (plan.empty()) fail("\"plan\" is empty");
  return plan;
}

}  // namespace

void BsbrConfig::validate(std::int64_t context) const {
  std::vector<std::string> wrong;
  const auto check = [&](bool good, const char* name, std::int64_t value, const std::string& legal) {
    if (!good) wrong.push_back(cat(name, " is ", value, "; legal: ", legal));
  };
  const bool chunk_good = chunk_size >= 1 && chunk_size <= context;
  check(chunk_good, "chunk_size", chunk_size, cat("1 to ", context, " (the model's context)"));
  const bool block_good = power_of_two(block_size) && (!chunk_good || chunk_size % block_size == 0);
  check(block_good, "block_size", block_size,
        chunk_good
            ? cat(dividing_powers(chunk_size), " (powers of two that divide chunk_size ", chunk_size, ")")
            : "a power of two that divides chunk_size");
  check(power_of_two(compression_factor) && (!block_good || compression_factor <= block_size),
        "compression_factor", compression_factor,
        block_good ? cat(powers_up_to(block_size), " (powers of two up to block_size ", block_size, ")")
                   : "a power of two up to block_size");
  const std::int64_t unit = block_good ? block_size : 1;
  check(retrieve >= 0 && retrieve <= (context + unit - 1) / unit * unit && retrieve % unit == 0, "retrieve",
        retrieve, cat("multiples of block_size ", unit, " from 0 to ", (context + unit - 1) / unit * unit));
  const std::int64_t chunks = chunk_good ? (context + chunk_size - 1) / chunk_size : 1;
  check(window >= 0 && window <= chunks, "window", window, cat("0 to ", chunks, " chunks"));
  check(sink >= 0 && sink <= context, "sink", sink, cat("0 to ", context));
  check(candidate_chunks >= 1, "candidate_chunks", candidate_chunks, "1 or more");
  check(!states_only || retrieve == 0, "retrieve", retrieve,
        "0 with states_only, which keeps nothing to read");
  for (std::size_t layer = 0; layer < plan.size(); ++layer) {
    for (std::size_t head = 0; head < plan[layer].size(); ++head) {
      const HeadPlan& one = plan[layer][head];
      const std::string where = cat("plan of layer ", layer, ", head ", head, ": ");
      check(
          one.retrieve >= 0 && one.retrieve <= (context + unit - 1) / unit * unit && one.retrieve % unit == 0,
          (where + "retrieve").c_str(), one.retrieve,
          cat("multiples of block_size ", unit, " from 0 to ", (context + unit - 1) / unit * unit));
      if (states_only && one.retrieve > 0) wrong.push_back(where + "retrieves, which states_only excludes");
      if (!(one.threshold >= 0 && one.threshold < 1))
        wrong.push_back(cat(where, "threshold is ", one.threshold, "; legal: 0 up to 1"));
    }
  }
  constexpr std::size_t kMost = 12;
  if (wrong.size() > kMost) {
    const std::size_t more = wrong.size() - kMost;
    wrong.resize(kMost);
    wrong.push_back(cat("and ", more, " more"));
  }
  if (wrong.empty()) return;
  std::string message = "BSBR settings out of range: ";
  for (std::size_t i = 0; i < wrong.size(); ++i) message += (i == 0 ? "" : "; ") + wrong[i];
  throw Error(ErrorKind::InvalidArgument, message);
}

void BsbrConfig::check_plan(std::int64_t layers, std::int64_t heads) const {
  if (plan.empty()) return;
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::InvalidArgument, cat("the BSBR plan has ", what, "; it belongs to another model"));
  };
  if (static_cast<std::int64_t>(plan.size()) != layers)
    fail(cat(plan.size(), " layers and the model ", layers));
  for (std::size_t layer = 0; layer < plan.size(); ++layer) {
    if (static_cast<std::int64_t>(plan[layer].size()) != heads)
      fail(cat(plan[layer].size(), " heads in layer ", layer, " and the model ", heads));
  }
}

std::vector<HeadPlan> BsbrConfig::heads_of(std::int64_t layer, std::int64_t heads) const {
  if (!plan.empty()) return plan[static_cast<std::size_t>(layer)];
  return {static_cast<std::size_t>(heads), HeadPlan{retrieve, 0, true}};
}

nlohmann::json BsbrConfig::to_json() const {
  nlohmann::json json{{"version", kVersion}};
  for (const auto& [name, member] : kFields) json[name] = this->*member;
  if (states_only) json[kStatesOnly] = true;
  if (!plan.empty()) json[kPlan] = plan_to_json(plan);
  return json;
}

BsbrConfig BsbrConfig::from_json(const nlohmann::json& json) {
  if (!json.is_object()) fail(cat("is ", json.type_name(), ", an object is expected"));
  if (!json.contains("version")) fail("has no \"version\"");
  if (json["version"] != kVersion) {
    fail(cat("has version ", json["version"].dump(), "; this program reads version ", kVersion,
             ". Convert the original checkpoint again, or use a newer program"));
  }
  BsbrConfig config;
  for (const auto& [name, member] : kFields) {
    const auto found = json.find(name);
    if (found == json.end()) fail(cat("has no \"", name, "\""));
    if (!found->is_number_integer())
      fail(cat("\"", name, "\" is ", found->dump(), ", an integer is expected"));
    config.*member = found->get<std::int64_t>();
  }
  if (json.contains(kStatesOnly)) {
    if (!json[kStatesOnly].is_boolean())
      fail(cat("\"states_only\" is ", json[kStatesOnly].dump(), ", true or false is expected"));
    config.states_only = json[kStatesOnly].get<bool>();
  }
  if (json.contains(kPlan)) config.plan = plan_from_json(json[kPlan]);
  for (const auto& [key, value] : json.items()) {
    const bool known = key == "version" || key == kPlan || key == kStatesOnly ||
                       std::any_of(kFields.begin(), kFields.end(),
                                   [&k = key](const Field& field) { return k == field.first; });
    if (!known) fail(cat("has the unknown key \"", key, "\""));
  }
  return config;
}

}  // namespace bsbr
