// SPDX-License-Identifier: MIT
#include "timing.h"

#include <algorithm>
#include <ctime>
#include <numeric>
#include <random>

namespace slicepatch::tool::bench {

const std::array<const char *, BENCH_LOOPS> loop_names{"empty", "spinlock", "mutex", "twenty", "sites"};

unsigned pairs_per_iteration(bench_loop_index loop)
{
    return loop == BENCH_SITES ? BENCH_SITE_PAIRS : 1;
}

double now_ns()
{
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // cannot fail for this clock
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

namespace {

using Run = void (*)(std::size_t);

double time_run(Run run, std::size_t iterations)
{
    const double begin = now_ns();
    run(iterations);
    return now_ns() - begin;
}

std::size_t calibrate(Run run, double block_ns)
{
    std::size_t iterations = 1;
    double time = time_run(run, iterations); // also warms up
    while ((time = time_run(run, iterations)) < block_ns / 4)
        iterations *= 2;
    return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(iterations) * block_ns / time));
}

} // namespace

std::vector<LoopTimes> time_loops(const TimingPlan &plan)
{
    std::vector<LoopTimes> times;
    std::vector<std::array<std::size_t, BENCH_VARIANTS>> iterations;
    for (bench_loop_index loop : plan.loops) {
        times.push_back({loop, {}});
        iterations.emplace_back();
        for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
            iterations.back()[v] = calibrate(bench_layouts[0][v]->run[loop], plan.block_ns);
            times.back().ns_per_pair[v].resize(std::size_t{BENCH_LAYOUTS} * plan.blocks);
        }
    }

    std::mt19937_64 random(plan.seed);
    std::array<std::size_t, BENCH_VARIANTS> order;
    std::array<std::size_t, BENCH_LAYOUTS> layouts;
    std::iota(order.begin(), order.end(), 0);
    std::iota(layouts.begin(), layouts.end(), 0);
    for (unsigned block = 0; block < plan.blocks; ++block) {
        std::shuffle(layouts.begin(), layouts.end(), random);
        for (std::size_t layout : layouts) {
            for (std::size_t l = 0; l < plan.loops.size(); ++l) {
                std::shuffle(order.begin(), order.end(), random);
                for (std::size_t v : order) {
                    const double pairs = static_cast<double>(iterations[l][v]) * pairs_per_iteration(plan.loops[l]);
                    const Run run = bench_layouts[layout][v]->run[plan.loops[l]];
                    times[l].ns_per_pair[v][layout * plan.blocks + block] = time_run(run, iterations[l][v]) / pairs;
                }
            }
        }
    }
    return times;
}

PinnedCpu::PinnedCpu()
{
    const int here = sched_getcpu();
    cpu_set_t one;
    CPU_ZERO(&one);
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof saved_, &saved_) != 0)
        return;
    CPU_SET(here, &one);
    if (sched_setaffinity(0, sizeof one, &one) == 0)
        cpu_ = here;
}

PinnedCpu::~PinnedCpu()
{
    if (cpu_ >= 0)
        (void)sched_setaffinity(0, sizeof saved_, &saved_); // the mask was valid a moment ago; worse only in speed
}

} // namespace slicepatch::tool::bench
