#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/checkpoint/hub_name.h"

namespace bsbr {

/// What an address of the hub leads to.
struct HubAddress {
  std::optional<HubName> model;  ///< nothing if it is no model's
  std::string problem;           ///< then: why, for a message
};

/// %2F and the like become the bytes that they stand for (RFC 3986); what is no such escape stays.
std::string percent_decoded(std::string_view text);

/// Reads an address as a browser shows it: with or without its scheme, of huggingface.co, hf.co or
/// $HF_ENDPOINT, to a model or to a file of it
/// ("https://huggingface.co/org/name/blob/main/name.Q4_K_M.gguf"), and hf://. Nothing where `text` is no such
/// address.
std::optional<HubAddress> parse_hub_address(std::string_view text);

}  // namespace bsbr
