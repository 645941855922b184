#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/analysis/cost.h"
#include "engine/analysis/cost_model.h"
#include "engine/analysis/machine.h"

namespace bsbr {

/// The costs of several models at one length.
struct BenchPoint {
  std::int64_t tokens;
  std::vector<Cost> costs;               ///< of each model
  std::vector<PredictedCost> predicted;  ///< of each model, or empty
};

/// The costs of several models over lengths.
struct Bench {
  Machine machine;
  std::vector<std::string> models;
  std::vector<BenchPoint> points;

  /// Of time = a · tokens^e, fitted to the median prefills of a model at the lengths from `from` on; 0 for
  /// fewer than two.
  [[nodiscard]] double prefill_exponent(std::size_t model, std::int64_t from = 0) const;
  [[nodiscard]] nlohmann::json to_json() const;
};

struct BenchModel {
  std::string name;
  const LanguageModel* model;
};

struct BenchOptions {
  std::vector<std::int64_t> lengths;
  int repetitions = 5;
  double most_seconds = 60;  ///< as in CostOptions: of each model and length
  std::int64_t decode_tokens = 16;
  bool predict = false;  ///< with the densities that were measured
  /// Called with each point as it comes.
  std::function<void(const BenchPoint&)> on_point = {};
};

/// Measures prefill and decoding. The text is repeated where it is too short. With rotary positions a length
/// may exceed the context: that times the model, which predicts nothing there. Throws
/// Error(InvalidArgument) for lengths that a model cannot have, Error(OutOfMemory | Cancelled).
Bench measure_bench(std::span<const BenchModel> models, std::span<const TokenId> text,
                    const BenchOptions& options, const Job& job = {});

/// `count` tokens of a text from `begin` on; it starts again where it ends.
std::vector<TokenId> repeated(std::span<const TokenId> text, std::int64_t begin, std::int64_t count);

/// Slope of log y over log x by least squares; 0 for fewer than two points. All values are positive.
double fit_exponent(std::span<const double> x, std::span<const double> y);

}  // namespace bsbr
