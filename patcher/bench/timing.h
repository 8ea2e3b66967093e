// SPDX-License-Identifier: MIT
//
// Times the loops in blocks: each block runs every variant of every loop once, in an order of its own, so that what is
// compared was measured within milliseconds. Each block is of one layout of the variants' functions, and the blocks are
// spread over several processes, because where code is decides which of its branches evict each other from the
// predictor: that can cost a variant a factor of four for the life of a process, and another one in the next. In every
// other process all text is on private pages, where a patched site always is.
#ifndef SLICEPATCH_BENCH_TIMING_H
#define SLICEPATCH_BENCH_TIMING_H

#include "variants.h"

#include <array>
#include <cstdint>
#include <sched.h>
#include <vector>

namespace slicepatch::tool::bench {

extern const std::array<const char *, BENCH_LOOPS> loop_names;

/// Pairs of marks in one iteration of a loop.
unsigned pairs_per_iteration(bench_loop_index loop);

struct LoopTimes {
    bench_loop_index loop;
    /// One value a block: process by process, in each layout by layout.
    std::array<std::vector<double>, BENCH_VARIANTS> ns_per_pair;
};

struct TimingPlan {
    std::vector<bench_loop_index> loops;
    unsigned processes;
    unsigned blocks; // of each layout in each process
    double block_ns; // of one variant in one block
    std::uint64_t seed;
};

/// Whether that process gives itself private pages first.
constexpr bool has_private_text(unsigned process)
{
    return process % 2 != 0;
}

/// The blocks of one process, in this one.
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
