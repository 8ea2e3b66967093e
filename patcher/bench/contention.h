// SPDX-License-Identifier: MIT
//
// What extensions do for those who hold locks and those who wait for them, with more threads than CPUs.
#ifndef SLICEPATCH_BENCH_CONTENTION_H
#define SLICEPATCH_BENCH_CONTENTION_H

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace slicepatch::tool::bench {

/// One spinlock whose waiters spin; and the map of the example wordcount, four locks whose waiters yield their CPU.
inline constexpr std::array workloads{"spinlock", "wordcount"};

/// No requests; requests with a test of rseq->flags, from before the first attempt on; the same with patched marks; and
/// patched marks per attempt, not while waiting.
inline constexpr std::array contender_names{"none", "by-hand", "naive", "per-attempt"};

/// Of the whole system: the kernel counts no processes apart. From the debugfs file rseq/stats.
struct SliceCounters {
    std::uint64_t granted, yielded, revoked, expired;
};

/// One value a block.
struct Contender {
    std::vector<double> sections_per_second;
    std::vector<double> preempted_per_second;     // sections in which the holder lost its CPU
    std::vector<double> contended_per_second;     // sections whose lock was not free at once
    std::vector<double> wait_p50_us, wait_p99_us; // of those
    std::optional<SliceCounters> counters; // of all blocks; nothing: the kernel has none, or they may not be read
};

struct Contention {
    const char *workload;
    unsigned threads_per_cpu, threads;
    int guarantee; // SLICEPATCH_GUARANTEE_..., that the measured processes had
    std::array<Contender, contender_names.size()> contenders;
};

struct ContentionPlan {
    std::vector<unsigned> threads_per_cpu;
    unsigned blocks;
    unsigned block_ms; // of one contender in one block
    std::string text;  // for wordcount: a file
    std::uint64_t seed;
};

/// Each block is a process of its own, and has all contenders in another order.
std::vector<Contention> measure_contention(const ContentionPlan &plan,
                                           const std::function<void(const std::string &)> &progress);

} // namespace slicepatch::tool::bench

#endif
