// SPDX-License-Identifier: MIT
//
// Times the loops in blocks: each block runs every variant of every loop once, in an order of its own, so that what is
// compared was measured within milliseconds. The blocks are spread over several processes, because where a process is
// loaded decides which of its branches evict each other from the predictor: that can cost a variant a factor of four
// for the life of a process, and another one in the next.
#ifndef SLICEPATCH_BENCH_TIMING_H
#define SLICEPATCH_BENCH_TIMING_H

#include "variants.h"

#include <array>
#include <cstdint>
#include <sched.h>
#include <vector>

namespace slicepatch::tool::bench {

extern const std::array<const bench_variant *, BENCH_VARIANTS> variants;
extern const std::array<const char *, BENCH_LOOPS> loop_names;

/// Pairs of marks in one iteration of a loop.
unsigned pairs_per_iteration(bench_loop_index loop);

struct LoopTimes {
    bench_loop_index loop;
    std::array<std::vector<double>, BENCH_VARIANTS> ns_per_pair; // one value a block
};

struct TimingPlan {
    std::vector<bench_loop_index> loops;
    unsigned processes;
    unsigned blocks; // of each process
    double block_ns; // of one variant in one block
    std::uint64_t seed;
};

/// plan.blocks blocks in this process.
std::vector<LoopTimes> time_loops(const TimingPlan &plan);

/// Keeps this thread on the CPU where it is, for its own lifetime.
class PinnedCpu {
public:
    PinnedCpu();
    PinnedCpu(const PinnedCpu &) = delete;
    PinnedCpu &operator=(const PinnedCpu &) = delete;
    ~PinnedCpu();
    /// -1: not allowed here.
    [[nodiscard]] int cpu() const
    {
        return cpu_;
    }

private:
    cpu_set_t saved_;
    int cpu_ = -1;
};

double now_ns();

} // namespace slicepatch::tool::bench

#endif
