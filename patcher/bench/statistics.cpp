// SPDX-License-Identifier: MIT
#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace slicepatch::tool::bench {

double quantile(std::vector<double> values, double fraction)
{
    std::sort(values.begin(), values.end());
    const double position = fraction * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(position));
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (position - std::floor(position));
}

Interval bootstrap_median(const std::vector<double> &values, std::size_t cluster, std::uint64_t seed)
{
    const std::size_t clusters = values.size() / cluster;
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::size_t> pick(0, clusters - 1);
    std::vector<double> medians, sample(values.size());
    for (unsigned i = 0; i < resamples; ++i) {
        for (std::size_t c = 0; c < clusters; ++c)
            std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(pick(random) * cluster), cluster,
                        sample.begin() + static_cast<std::ptrdiff_t>(c * cluster));
        const auto middle = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
        std::nth_element(sample.begin(), middle, sample.end());
        medians.push_back(*middle);
    }
    return {quantile(values, 0.5), quantile(medians, 0.025), quantile(medians, 0.975), clusters};
}

Interval bootstrap_median(const std::vector<double> &values, const Measured &measured, std::uint64_t seed)
{
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<std::size_t> pick_process(0, measured.processes - 1);
    std::uniform_int_distribution<std::size_t> pick_layout(0, measured.layouts - 1);
    std::vector<std::size_t> layouts(measured.layouts);
    std::vector<double> medians, sample(values.size());
    for (unsigned i = 0; i < resamples; ++i) {
        std::generate(layouts.begin(), layouts.end(), [&] { return pick_layout(random); });
        auto next = sample.begin();
        for (std::size_t p = 0; p < measured.processes; ++p) {
            const std::size_t process = pick_process(random);
            for (std::size_t layout : layouts)
                next = std::copy_n(values.begin() + static_cast<std::ptrdiff_t>((process * measured.layouts + layout) *
                                                                                measured.blocks),
                                   measured.blocks, next);
        }
        const auto middle = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
        std::nth_element(sample.begin(), middle, sample.end());
        medians.push_back(*middle);
    }
    return {quantile(values, 0.5), quantile(medians, 0.025), quantile(medians, 0.975),
            std::min(measured.processes, measured.layouts)};
}

std::vector<double> paired_ratios(const std::vector<double> &numerator, const std::vector<double> &denominator)
{
    std::vector<double> ratios;
    ratios.reserve(numerator.size());
    for (std::size_t i = 0; i < numerator.size(); ++i)
        ratios.push_back(numerator[i] / denominator[i]);
    return ratios;
}

const char *verdict(const Interval &ratio)
{
    if (ratio.clusters < clusters_for_a_verdict)
        return "too few processes to tell";
    if (ratio.high < 1)
        return "faster";
    if (ratio.low > 1)
        return "SLOWER";
    return "no difference";
}

} // namespace slicepatch::tool::bench
