// SPDX-License-Identifier: MIT
//
// The memory of our rseq areas: 64 bytes in each thread's static TLS, at one distance from the thread pointer
// everywhere.
//
// In a file of its own, because it is a member of its own in libslicepatch.a: static TLS is scarce for what dlopen()
// loads, and what can be unloaded must not own an area. slicepatch_init() takes this member into executables alone.
#ifndef SLICEPATCH_OWN_AREA_H
#define SLICEPATCH_OWN_AREA_H

#include <cstddef>

namespace slicepatch {

// What the kernel asks of a registration that can have slice extensions: more than 32 bytes, and this alignment
// (AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN of Linux 7).
inline constexpr std::size_t area_size = 64;

} // namespace slicepatch

/// The calling thread's. Null itself where the member was not linked.
extern "C" __attribute__((weak, visibility("hidden"))) void *slicepatch_own_area();

#endif
