#include "engine/attention/bsbr_config.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr int kVersion = 1;

using Field = std::pair<const char*, std::int64_t BsbrConfig::*>;
constexpr std::array<Field, 7> kFields{{{"chunk_size", &BsbrConfig::chunk_size},
                                        {"block_size", &BsbrConfig::block_size},
                                        {"compression_factor", &BsbrConfig::compression_factor},
                                        {"retrieve", &BsbrConfig::retrieve},
                                        {"window", &BsbrConfig::window},
                                        {"sink", &BsbrConfig::sink},
                                        {"candidate_chunks", &BsbrConfig::candidate_chunks}}};

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
  if (wrong.empty()) return;
  std::string message = "BSBR settings out of range: ";
  for (std::size_t i = 0; i < wrong.size(); ++i) message += (i == 0 ? "" : "; ") + wrong[i];
  throw Error(ErrorKind::InvalidArgument, message);
}

nlohmann::json BsbrConfig::to_json() const {
  nlohmann::json json{{"version", kVersion}};
  for (const auto& [name, member] : kFields) json[name] = this->*member;
  return json;
}

BsbrConfig BsbrConfig::from_json(const nlohmann::json& json) {
  const auto fail = [](const std::string& what) {
    throw Error(ErrorKind::InvalidFile, "config.json, \"bsbr\": " + what);
  };
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
  for (const auto& [key, value] : json.items()) {
    const bool known =
        key == "version" || std::any_of(kFields.begin(), kFields.end(),
                                        [&k = key](const Field& field) { return k == field.first; });
    if (!known) fail(cat("has the unknown key \"", key, "\""));
  }
  return config;
}

}  // namespace bsbr
