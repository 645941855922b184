#include "ui/core/conversion_settings.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/kernels/zones.h"

namespace bsbr {
namespace {

constexpr std::array<const char*, 4> kGoals{"quality", "density", "uniform", "states_only"};

/// From the faithful end of the slider to the fast one.
struct Ends {
  double faithful, fast;
};
constexpr Ends kQuality{0.0005, 0.05}, kDensity{0.5, 0.04}, kRetrieve{2048, 16}, kFactor{2, 16};

double place(const Ends& ends, double value) {
  return std::clamp(std::log(value / ends.faithful) / std::log(ends.fast / ends.faithful), 0.0, 1.0);
}
double at(const Ends& ends, double speed) {
  return ends.faithful * std::pow(ends.fast / ends.faithful, speed);
}
/// Two significant digits.
double rounded(double value) {
  const double unit = std::pow(10, std::floor(std::log10(value)) - 1);
  return std::round(value / unit) * unit;
}

}  // namespace

BsbrConfig ConversionSettings::config() const {
  BsbrConfig config;
  config.chunk_size = chunk_size;
  config.block_size = block_size;
  config.compression_factor = compression_factor;
  config.window = window;
  config.candidate_chunks = candidates;
  config.retrieve = goal == Goal::Uniform ? retrieve : 0;
  config.states_only = goal == Goal::StatesOnly;
  return config;
}

PlanTarget ConversionSettings::target() const {
  PlanTarget target;
  if (goal == Goal::Density) {
    target.density = density;
  } else {
    target.kl = quality;
  }
  return target;
}

double ConversionSettings::speed() const {
  switch (goal) {
    case Goal::Quality:
      return place(kQuality, quality);
    case Goal::Density:
      return place(kDensity, density);
    case Goal::Uniform:
      return place(kRetrieve, static_cast<double>(std::max<std::int64_t>(1, retrieve)));
    case Goal::StatesOnly:
      break;
  }
  return place(kFactor, static_cast<double>(compression_factor));
}

void ConversionSettings::set_speed(double speed) {
  switch (goal) {
    case Goal::Quality:
      quality = rounded(at(kQuality, speed));
      break;
    case Goal::Density:
      density = rounded(at(kDensity, speed));
      break;
    case Goal::Uniform:
      retrieve = std::llround(at(kRetrieve, speed) / static_cast<double>(block_size)) * block_size;
      break;
    case Goal::StatesOnly: {
      const auto power = std::lround(std::log2(at(kFactor, speed)));
      compression_factor = std::clamp<std::int64_t>(std::int64_t{1} << power, 1, block_size);
      break;
    }
  }
}

ConversionSettings ConversionSettings::of(const BsbrConfig& config) {
  ConversionSettings settings;
  settings.chunk_size = config.chunk_size;
  settings.block_size = config.block_size;
  settings.compression_factor = config.compression_factor;
  settings.window = config.window;
  settings.candidates = config.candidate_chunks;
  if (config.states_only) {
    settings.goal = Goal::StatesOnly;
  } else if (config.plan.empty()) {
    settings.goal = Goal::Uniform;
    settings.retrieve = config.retrieve;
  }
  return settings;
}

nlohmann::json ConversionSettings::to_json() const {
  return {{"goal", kGoals[static_cast<std::size_t>(goal)]},
          {"quality", quality},
          {"density", density},
          {"retrieve", retrieve},
          {"chunk_size", chunk_size},
          {"block_size", block_size},
          {"compression_factor", compression_factor},
          {"window", window},
          {"candidates", candidates},
          {"calibration", calibration},
          {"calibration_tokens", plan_tokens}};
}

ConversionSettings ConversionSettings::from_json(const nlohmann::json& json) {
  // What fits together is checked where it is used; sizes of 0 and those that overflow could not be.
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  ConversionSettings settings;
  try {
    if (const auto goal = json.find("goal"); goal != json.end()) {
      const auto found = std::find(kGoals.begin(), kGoals.end(), goal->get<std::string>());
      if (found == kGoals.end()) {
        throw Error(ErrorKind::InvalidFile,
                    cat("goal is ", goal->dump(), "; legal: quality, density, uniform, states_only"));
      }
      settings.goal = static_cast<Goal>(found - kGoals.begin());
    }
    settings.quality = json.value("quality", settings.quality);
    settings.density = json.value("density", settings.density);
    settings.retrieve = integer_or(json, "retrieve", settings.retrieve, 0, kMost);
    settings.chunk_size = integer_or(json, "chunk_size", settings.chunk_size, 1, kMost);
    settings.block_size = integer_or(json, "block_size", settings.block_size, 1, kMost);
    settings.compression_factor =
        integer_or(json, "compression_factor", settings.compression_factor, 1, kMost);
    settings.window = integer_or(json, "window", settings.window, 0, kMost);
    settings.candidates = integer_or(json, "candidates", settings.candidates, 1, kMost);
    settings.calibration = json.value("calibration", settings.calibration);
    settings.plan_tokens = integer_or(json, "calibration_tokens", settings.plan_tokens, 1, kMost);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::InvalidFile, cat("a setting has a wrong type: ", error.what()));
  }
  if (settings.is_planned()) {
    try {
      settings.target().validate();
    } catch (const Error& error) {
      throw Error(ErrorKind::InvalidFile, error.what());
    }
  }
  return settings;
}

double uniform_density(const BsbrConfig& config, std::int64_t tokens, std::int64_t retrieve) {
  double pairs = 0;
  const std::int64_t sink = config.sink_in_blocks();
  for (std::int64_t begin = 0; begin < tokens; begin += config.chunk_size) {
    const std::int64_t rows = std::min(config.chunk_size, tokens - begin);
    const std::int64_t near_begin =
        zones::chunks_before_near(begin, config.chunk_size, config.window) * config.chunk_size;
    const std::int64_t kept = std::min(sink, near_begin);
    const std::int64_t far = std::min(retrieve, near_begin - kept);
    const auto before = static_cast<double>(begin - near_begin + kept + far);
    const auto n = static_cast<double>(rows);
    pairs += n * before + n * (n + 1) / 2;
  }
  const auto n = static_cast<double>(tokens);
  return tokens > 0 ? pairs / (n * (n + 1) / 2) : 1;
}

std::optional<double> expected_density(const ConversionSettings& settings, std::int64_t tokens,
                                       const std::optional<CheckedPlan>& checked) {
  const BsbrConfig config = settings.config();
  const double least = uniform_density(config, tokens, 0);
  switch (settings.goal) {
    case Goal::Uniform:
      return uniform_density(config, tokens, settings.retrieve);
    case Goal::StatesOnly:
      return least;
    case Goal::Density:
      return std::clamp(settings.density, least, 1.0);
    case Goal::Quality:
      break;
  }
  if (!checked || checked->kl <= 0) return std::nullopt;
  return std::clamp(checked->density * std::pow(checked->kl / settings.quality, 0.25), least, 1.0);
}

}  // namespace bsbr
