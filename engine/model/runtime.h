#pragma once

namespace bsbr {

/// Threads that one computation uses on the CPU; the number of cores unless set. Throws
/// Error(InvalidArgument) outside 1 to 1024.
void set_threads(int count);

}  // namespace bsbr
