#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "engine/attention/bsbr_config.h"
#include "engine/conversion/planner.h"

namespace bsbr {

/// What a conversion is to reach: a plan of every head for an exact share of pairs, or for a divergence from
/// the original; or no plan, the same for every head.
enum class Goal { Quality, Density, Uniform, StatesOnly };

/// What a person sets before converting. Only what its goal needs of `quality`, `density` and `retrieve`
/// plays a part.
struct ConversionSettings {
  Goal goal = Goal::Quality;
  double quality = 0.005;       ///< KL at most, nats a token
  double density = 0.15;        ///< exact pairs / causal pairs
  std::int64_t retrieve = 256;  ///< far tokens read exactly, of every query and head
  std::int64_t chunk_size = 128;
  std::int64_t block_size = 16;
  std::int64_t compression_factor = 4;
  std::int64_t window = 0;          ///< previous chunks
  std::int64_t candidates = 64;     ///< chunks whose blocks are scored one by one
  std::string calibration;          ///< path of the text to plan from; empty: the bundled one
  std::int64_t plan_tokens = 4096;  ///< to plan from at most, and to check on

  bool operator==(const ConversionSettings&) const = default;

  [[nodiscard]] bool is_planned() const { return goal == Goal::Quality || goal == Goal::Density; }
  /// Without a plan.
  [[nodiscard]] BsbrConfig config() const;
  /// For a planned goal.
  [[nodiscard]] PlanTarget target() const;

  /// How far towards "fast" the goal's value lies, 0 to 1, and the value at such a place.
  [[nodiscard]] double speed() const;
  void set_speed(double speed);

  /// Of a converted checkpoint.
  static ConversionSettings of(const BsbrConfig& config);
  [[nodiscard]] nlohmann::json to_json() const;
  /// What is missing keeps its default. Throws Error(InvalidFile) for wrong types and values.
  static ConversionSettings from_json(const nlohmann::json& json);
};

/// Exact pairs / causal pairs at a length where every query reads sink, window, own chunk and up to
/// `retrieve` far tokens.
double uniform_density(const BsbrConfig& config, std::int64_t tokens, std::int64_t retrieve);

/// A density that can be known before converting, or nothing: for a quality it shows only on the text.
/// `checked`: density and KL of an earlier plan of the same sizes, from which a quality is extrapolated (KL
/// goes about as the density to the -4).
struct CheckedPlan {
  double density, kl;
};
std::optional<double> expected_density(const ConversionSettings& settings, std::int64_t tokens,
                                       const std::optional<CheckedPlan>& checked);

}  // namespace bsbr
