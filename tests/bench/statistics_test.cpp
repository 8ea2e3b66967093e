// SPDX-License-Identifier: MIT
#include "patcher/bench/statistics.h"

#include <doctest/doctest.h>

#include <string>

using namespace slicepatch::tool::bench;

namespace {

/// Twenty runs of five values: all values of a run are alike, and every other run is twice as slow.
std::vector<double> two_layouts()
{
    std::vector<double> values;
    for (int run = 0; run < 20; ++run)
        for (int block = 0; block < 5; ++block)
            values.push_back((run % 2 ? 2.0 : 1.0) + 0.001 * block);
    return values;
}

double width(const Interval &interval)
{
    return interval.high - interval.low;
}

} // namespace

TEST_CASE("a quantile lies between its neighbours")
{
    CHECK(quantile({3, 1, 2}, 0.5) == doctest::Approx(2));
    CHECK(quantile({1, 2, 3, 4}, 0.5) == doctest::Approx(2.5));
    CHECK(quantile({1, 2, 3, 4, 5}, 0) == doctest::Approx(1));
    CHECK(quantile({1, 2, 3, 4, 5}, 1) == doctest::Approx(5));
    CHECK(quantile({0, 10}, 0.95) == doctest::Approx(9.5));
    CHECK(quantile({7}, 0.95) == doctest::Approx(7));
}

TEST_CASE("ratios are taken within a block")
{
    CHECK(paired_ratios({2, 30}, {1, 10}) == std::vector<double>{2, 3});
}

TEST_CASE("equal values have an interval without width")
{
    const Interval interval = bootstrap_median(std::vector<double>(12, 4.0), 2, 1);
    CHECK(interval.median == doctest::Approx(4));
    CHECK(interval.low == doctest::Approx(4));
    CHECK(interval.high == doctest::Approx(4));
    CHECK(interval.clusters == 6);
}

TEST_CASE("the interval holds the median, and the same seed gives it again")
{
    std::vector<double> values;
    for (int i = 0; i < 60; ++i)
        values.push_back((i * 37) % 61);
    const Interval interval = bootstrap_median(values, 1, 5), again = bootstrap_median(values, 1, 5);
    CHECK(interval.low < interval.median);
    CHECK(interval.median < interval.high);
    CHECK(interval.low == again.low);
    CHECK(interval.high == again.high);
    CHECK(interval.low > quantile(values, 0.2));
    CHECK(interval.high < quantile(values, 0.8));
}

TEST_CASE("a run is resampled as a whole, so that runs which differ widen the interval")
{
    const Interval apart = bootstrap_median(two_layouts(), 1, 3), together = bootstrap_median(two_layouts(), 5, 3);
    CHECK(together.clusters == 20);
    CHECK(width(together) >= width(apart));
    CHECK(together.low < 1.1); // either layout may be the more frequent one in another run
    CHECK(together.high > 1.9);
}

namespace {

/// Ten processes, eight layouts, three blocks each.
constexpr Measured grid{10, 8, 3};

std::vector<double> on_grid(double (*value)(std::size_t process, std::size_t layout))
{
    std::vector<double> values;
    for (std::size_t process = 0; process < grid.processes; ++process)
        for (std::size_t layout = 0; layout < grid.layouts; ++layout)
            for (std::size_t block = 0; block < grid.blocks; ++block)
                values.push_back(value(process, layout) + 0.001 * static_cast<double>(block));
    return values;
}

} // namespace

TEST_CASE("layouts are resampled too: what each process finds of the same eight says little about a ninth")
{
    const std::vector<double> values = on_grid([](std::size_t, std::size_t layout) { return layout % 2 ? 2.0 : 1.0; });
    CHECK(width(bootstrap_median(values, grid.layouts * grid.blocks, 3)) < 0.01); // by process: all agree
    const Interval interval = bootstrap_median(values, grid, 3);
    CHECK(interval.low < 1.1);
    CHECK(interval.high > 1.9);
    CHECK(interval.clusters == 8);
}

TEST_CASE("processes are resampled as well")
{
    const Interval interval =
        bootstrap_median(on_grid([](std::size_t process, std::size_t) { return process % 2 ? 2.0 : 1.0; }), grid, 3);
    CHECK(interval.low < 1.1);
    CHECK(interval.high > 1.9);
    CHECK(bootstrap_median({1, 2, 3, 4}, {1, 4, 1}, 3).clusters == 1); // of which there is one
}

TEST_CASE("where nothing but noise differs, layouts and processes give a narrow interval that holds the truth")
{
    const Interval interval =
        bootstrap_median(on_grid([](std::size_t process, std::size_t layout) {
                             return 5 + 0.01 * static_cast<double>((process * 37 + layout * 53) % 17);
                         }),
                         grid, 3);
    CHECK(interval.low < interval.median);
    CHECK(interval.high > interval.median);
    CHECK(width(interval) < 0.08);
}

TEST_CASE("a verdict needs the whole interval on one side, and enough runs")
{
    CHECK(verdict({0.9, 0.8, 0.99, 20}) == std::string("faster"));
    CHECK(verdict({0.9, 0.8, 1.01, 20}) == std::string("no difference"));
    CHECK(verdict({1.0, 1.0, 1.0, 20}) == std::string("no difference"));
    CHECK(verdict({1.1, 1.01, 1.2, 20}) == std::string("SLOWER"));
    CHECK(verdict({1.1, 1.01, 1.2, clusters_for_a_verdict - 1}) == std::string("too few processes to tell"));
}
