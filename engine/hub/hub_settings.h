#pragma once

#include <chrono>
#include <string>

namespace bsbr {

/// How the hub is reached, from the variables that huggingface_hub reads too.
struct HubSettings {
  std::string endpoint;  ///< $HF_ENDPOINT, else https://huggingface.co; without a slash at its end
  /// $HF_TOKEN, $HUGGING_FACE_HUB_TOKEN, the file $HF_TOKEN_PATH or the file token beside the cache; empty:
  /// none, or $HF_HUB_DISABLE_IMPLICIT_TOKEN. To be sent to the endpoint alone, and never to be shown.
  std::string token;
  bool offline = false;                        ///< $HF_HUB_OFFLINE or $TRANSFORMERS_OFFLINE
  std::chrono::milliseconds first_wait{1000};  ///< before the second attempt; doubles for each further one
  std::chrono::seconds longest_wait{5 * 60};   ///< a server that asks for more is not waited for

  /// Throws Error(InvalidArgument) for an endpoint that is no http(s) address, or a token that cannot be one.
  static HubSettings from_environment();
  /// Whether those variables forbid the network.
  static bool is_offline();
};

}  // namespace bsbr
