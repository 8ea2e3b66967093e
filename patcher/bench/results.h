// SPDX-License-Identifier: MIT
//
// Everything that one run of `slicepatch bench` found out, and the three ways to show it.
#ifndef SLICEPATCH_BENCH_RESULTS_H
#define SLICEPATCH_BENCH_RESULTS_H

#include "contention.h"
#include "cost.h"
#include "count.h"
#include "init_cost.h"
#include "marks.h"
#include "statistics.h"
#include "timing.h"

#include <optional>
#include <string>
#include <vector>

namespace slicepatch::tool::bench {

/// The marks that a program would write by hand, which the enabled form has to beat.
inline constexpr std::array by_hand{BENCH_FLAG, BENCH_THREAD};

/// What the placement of the code does: the medians of the layout with the lowest and of that with the highest.
struct Spread {
    double least, most;
};

struct Comparison {
    Interval ratio; // of everything
    /// Of the processes whose text is as it was loaded, and of those with private pages, where there were any.
    std::optional<Interval> loaded, copied;
    Spread layouts; // of the ratio
};

struct LoopResult {
    LoopTimes times;
    unsigned counted_pairs;                                   // in one iteration of what was counted
    std::array<std::optional<Counts>, BENCH_VARIANTS> counts; // one iteration, minus one of the floor
    std::array<Interval, BENCH_VARIANTS> ns;                  // per pair, the section included
    std::array<Interval, BENCH_VARIANTS> ratio;               // to the floor
    std::array<Spread, BENCH_VARIANTS> layouts;               // of ns, as multiples of its median
    std::array<Comparison, by_hand.size()> enabled_against;
};

struct Host {
    std::string kernel, cpu_model, compiler;
    int pinned_cpu; // -1: not pinned
};

struct Results {
    Host host;
    Marks marks;
    TimingPlan plan;
    std::string uncounted; // why there are no counts; empty: there are
    std::vector<LoopResult> loops;
    std::vector<Contention> contention;
    std::vector<InitCost> init;
    std::optional<StartupTimes> startup;
    std::optional<std::array<CallCosts, call_cases.size()>> calls;
};

Host describe_host(int pinned_cpu);

/// Fills in the intervals.
void summarize(LoopResult &loop, const TimingPlan &plan);

/// A contender relative to the first one, which requests nothing, in one of its values. Nothing where that one has a 0.
std::optional<Interval> contention_ratio(const Contention &contention, std::size_t contender,
                                         std::vector<double> Contender::*value, std::uint64_t seed);

void print_text(const Results &results);
void print_json(const Results &results, bool raw);

/// Throws Error if gnuplot is not installed or path cannot be written: asked for before anything is measured.
void require_plot(const std::string &path);
void write_plot(const Results &results, const std::string &path);
void write_contention_plot(const Results &results, const std::string &path);

} // namespace slicepatch::tool::bench

#endif
