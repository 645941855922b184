#pragma once

#include "engine/tokenizer/jinja/evaluator.h"

namespace bsbr::jinja {

/// Counts the levels of an evaluator's recursion.
class Evaluator::Deeper {
 public:
  explicit Deeper(int& depth) : depth_(depth) {
    if (depth_ >= kMostDepth) unsupported("calls itself too deeply");
    ++depth_;
  }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  ~Deeper() { --depth_; }

 private:
  int& depth_;
};

}  // namespace bsbr::jinja
