// SPDX-License-Identifier: MIT
//
// Medians, and how far they can be trusted. Medians throughout: on a machine that does other things too, what disturbs
// a block only ever makes it slower.
#ifndef SLICEPATCH_BENCH_STATISTICS_H
#define SLICEPATCH_BENCH_STATISTICS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slicepatch::tool::bench {

inline constexpr unsigned resamples = 2000;

/// A median, and its 95 % percentile bootstrap interval.
struct Interval {
    double median, low, high;
    std::size_t clusters; // that were resampled
};
/// Fewer say too little about what another run would find.
inline constexpr std::size_t clusters_for_a_verdict = 6;

/// values is not empty; fraction is 0 to 1.
double quantile(std::vector<double> values, double fraction);

/// Resamples runs of `cluster` values that were measured together, because they err together (a process keeps its
/// address layout). The same values and seed give the same interval. The size of values is a multiple of cluster, and
/// not 0.
Interval bootstrap_median(const std::vector<double> &values, std::size_t cluster, std::uint64_t seed);

/// Values that were measured in several processes, in each of several layouts of the code, in each of those so many
/// times; in this order.
struct Measured {
    std::size_t processes, layouts, blocks;
};

/// The same for such values. Another run would have other processes and another build other layouts, and each layout
/// errs in the same way in all processes: so both are resampled, crosswise (Owen, "The pigeonhole bootstrap", 2007).
/// The clusters are as many as there are of the fewer.
Interval bootstrap_median(const std::vector<double> &values, const Measured &measured, std::uint64_t seed);

/// numerator[i] / denominator[i]: what was measured in the same block is compared, so that drift cancels.
std::vector<double> paired_ratios(const std::vector<double> &numerator, const std::vector<double> &denominator);

/// What a ratio of times says about the numerator: something, if the interval lies on one side of 1.
const char *verdict(const Interval &ratio);

} // namespace slicepatch::tool::bench

#endif
