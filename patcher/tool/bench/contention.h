// SPDX-License-Identifier: MIT
//
// One spinlock and more threads than CPUs: what the marks do when the holder is preempted.
#ifndef SLICEPATCH_BENCH_CONTENTION_H
#define SLICEPATCH_BENCH_CONTENTION_H

#include "variants.h"

#include <array>
#include <cstdint>
#include <vector>

namespace slicepatch::tool::bench {

inline constexpr std::array contenders{BENCH_FLOOR, BENCH_OFF, BENCH_ENABLED, BENCH_THREAD};

struct Contention {
    unsigned threads;
    std::array<std::vector<double>, contenders.size()> sections_per_second; // one value a block
};

struct ContentionPlan {
    unsigned threads;
    unsigned blocks;
    double block_ns; // of one contender in one block
    std::uint64_t seed;
};

Contention measure_contention(const ContentionPlan &plan);

} // namespace slicepatch::tool::bench

#endif
