#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/hub/cache_writer.h"

namespace bsbr {

/// Brings one file into the cache's blobs, if it is not there: whole, of the right hash, or not at all. What
/// was broken off is gone on with. `advanced` hears of every piece with how many bytes have come more (fewer,
/// where a server begins anew). Throws Error(InvalidFile) where the server sends something else twice (it is
/// removed), Error(Io | NotFound | Cancelled) else.
void fetch_blob(HubApi& hub, const CacheWriter& cache, const HubFile& file, const std::string& commit,
                const std::function<void(std::int64_t)>& advanced, const Job& job);

}  // namespace bsbr
