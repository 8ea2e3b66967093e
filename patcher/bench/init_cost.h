// SPDX-License-Identifier: MIT
//
// What slicepatch_init() costs, for few and for many sites, beside the least that anybody pays who patches as many pages.
#ifndef SLICEPATCH_BENCH_INIT_COST_H
#define SLICEPATCH_BENCH_INIT_COST_H

#include "statistics.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slicepatch::tool::bench {

struct InitCase {
    const char *library; // one that holds the sites
    unsigned sites;
};
inline constexpr std::array init_cases{
    InitCase{"libslicepatch-bench-sites-10.so", 10},
    InitCase{"libslicepatch-bench-sites-100000.so", 100000},
};

/// One call in each of several fresh processes.
struct CallSamples {
    std::vector<double> us;
    std::vector<double> cpu_us; // of the same calls: what is left when other programs want the CPU too
    long faults = -1;           // page faults that the CPU took, in the last one; -1: nobody may count
};

/// What the many sites are compared with, in the same run, in turns.
struct Yardstick {
    const char *name, *what;
    CallSamples samples;
    std::string missing; // why there are no samples; empty: there are
};

struct InitCost {
    const InitCase *which;
    unsigned pages;   // that hold sites, 4 KiB
    unsigned patched; // fewer than all sites: another cost
    CallSamples samples;
    std::optional<std::uint64_t> instructions; // of the call; of few sites alone, since each is stepped through
    std::string uncounted;                     // why there are none; empty: there are, or it was not tried
    std::vector<Yardstick> yardsticks;         // none for few sites
};

/// Throws Error.
std::vector<InitCost> measure_init(unsigned runs);

/// CPU time of the call as a ratio to the yardstick's.
Interval ratio_to(const InitCost &cost, const Yardstick &yardstick, std::uint64_t seed);
/// CPU time of the call above that of the yardstick, for each site, nanoseconds.
Interval ns_per_site_above(const InitCost &cost, const Yardstick &yardstick, std::uint64_t seed);

} // namespace slicepatch::tool::bench

#endif
