#pragma once

#include "engine/attention/bsbr_config.h"

namespace bsbr::test {

/// For some hundred positions: all zones, and chunks that are no candidates.
inline BsbrConfig small_config() {
  BsbrConfig config;
  config.chunk_size = 32;
  config.block_size = 8;
  config.compression_factor = 4;
  config.retrieve = 32;
  config.candidate_chunks = 4;
  return config;
}

/// The same for the 96 positions of the golden checkpoints.
inline BsbrConfig tiny_config() {
  BsbrConfig config;
  config.chunk_size = 16;
  config.block_size = 4;
  config.compression_factor = 2;
  config.retrieve = 8;
  config.sink = 4;
  config.candidate_chunks = 2;
  return config;
}

}  // namespace bsbr::test
