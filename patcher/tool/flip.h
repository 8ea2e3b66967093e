// SPDX-License-Identifier: MIT
//
// Rewrites the heads of sites while threads run through them.
#ifndef SLICEPATCH_TOOL_FLIP_H
#define SLICEPATCH_TOOL_FLIP_H

#include <atomic>
#include <cstdint>

namespace slicepatch::tool {

struct FlipOptions {
    std::uint64_t flips = 1'000'000;
    unsigned threads = 4;
    bool misaligned = false; // heads across cache lines: the control, which should fault
};

inline constexpr unsigned most_flip_threads = 256;
inline constexpr unsigned flipped_sites = 64;

enum class FlipFailure : std::uint32_t {
    none,
    setup_encode, // detail: a Status
    setup_memory, // detail: an errno of mprotect()
    setup_thread, // detail: an errno of pthread_create()
    wrong_bytes,  // a head does not hold what was last written to it
    wrong_data,   // the code wrote something else than a request
};

/// Shared between the process that flips, which may die of it, and the one that watches.
struct FlipProgress {
    std::atomic<std::uint64_t> flips;
    std::atomic<std::uint64_t> rounds;      // each flips every site once
    std::atomic<std::uint64_t> rounds_seen; // ... after which some thread ran through all sites
    std::atomic<std::uint64_t> passes[most_flip_threads];
    std::atomic<FlipFailure> failure;
    std::atomic<std::int32_t> detail;
};

/// Returns when all flips are made, or with a failure in progress. Only for a process that is made for it: the code
/// that runs may be anything.
void run_flips(const FlipOptions &options, FlipProgress &progress);

} // namespace slicepatch::tool

#endif
