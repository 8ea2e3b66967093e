// SPDX-License-Identifier: MIT
#include "patcher/tool/output.h"
#include "patcher/tool/printable.h"
#include "results.h"

#include <fmt/format.h>
#include <unistd.h>

namespace slicepatch::tool::bench {

namespace {

constexpr std::array loop_titles{
    "empty section",
    "uncontended spinlock",
    "pthread_mutex_lock and pthread_mutex_unlock",
    "section of 20 instructions",
    "1,000 distinct sites: a function each, in turn",
};

void print_plan(const TimingPlan &plan, int pinned_cpu)
{
    print("{} processes x {} layouts x {} blocks x {:.1f} ms for each variant, one thread, ", plan.processes,
          BENCH_LAYOUTS, plan.blocks, plan.block_ns / 1e6);
    if (pinned_cpu >= 0)
        print("pinned to CPU {}\n", pinned_cpu);
    else
        print("NOT pinned to a CPU (not allowed here)\n");
}

void print_head(const Results &results)
{
    const Host &host = results.host;
    print("{}, Linux {}, built by {}\n", printable(host.cpu_model), printable(host.kernel), host.compiler);
    if (!results.loops.empty())
        print_plan(results.plan, host.pinned_cpu);
    print("guarantee on this host: {} ({})\n", slicepatch_guarantee_name(results.marks.guarantee.level),
          printable(results.marks.guarantee.reason));
    if (results.marks.stand_in)
        print("  measured regardless: all variants request in an area of their own, marked as enabled\n");
    print("{} sites patched by {}\n", results.marks.patched, results.marks.writer);
    if (!results.uncounted.empty())
        print("NOT COUNTED: {}\n", printable(results.uncounted));
}

/// Whole where it is whole: only the pairs of BENCH_SITES differ from each other.
std::string per_pair(std::int64_t count, unsigned pairs)
{
    return count % pairs == 0 ? fmt::format("{}", count / pairs)
                              : fmt::format("{:.2f}", static_cast<double>(count) / pairs);
}

void print_variant(const LoopResult &loop, std::size_t v)
{
    print("  {:<9}", bench_layouts[0][v]->name);
    for (auto member :
         {&Counts::instructions, &Counts::noops, &Counts::loads, &Counts::stores, &Counts::branches, &Counts::bytes})
        print(" {:>8}", loop.counts[v] ? per_pair(*loop.counts[v].*member, loop.counted_pairs) : "-");
    print(" {:>9.3f}   {:.3f} [{:.3f}, {:.3f}]   {:.2f} to {:.2f}\n", loop.ns[v].median, loop.ratio[v].median,
          loop.ratio[v].low, loop.ratio[v].high, loop.layouts[v].least, loop.layouts[v].most);
}

std::string interval_text(const Interval &interval)
{
    return fmt::format("{:.3f} [{:.3f}, {:.3f}]", interval.median, interval.low, interval.high);
}

void print_comparison(const char *with, const Comparison &comparison)
{
    print("  enabled vs {}: {} {}\n", with, interval_text(comparison.ratio), verdict(comparison.ratio));
    print("    layouts {:.3f} to {:.3f}", comparison.layouts.least, comparison.layouts.most);
    if (comparison.loaded)
        print("; pages as loaded {}", interval_text(*comparison.loaded));
    if (comparison.copied)
        print("; private pages {}", interval_text(*comparison.copied));
    print("\n");
}

void print_loop(const LoopResult &loop)
{
    print("\n{} ({})\n", loop_titles[loop.times.loop], loop_names[loop.times.loop]);
    print("  {:<9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}   {:<20}   {}\n", "variant", "instr.", "no-ops", "loads",
          "stores", "branches", "bytes", "ns/pair", "ratio to floor", "layouts");
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v)
        print_variant(loop, v);
    if (loop.counted_pairs < pairs_per_iteration(loop.times.loop))
        print("  (counted: the first {} of the sites)\n", loop.counted_pairs);
    for (std::size_t i = 0; i < by_hand.size(); ++i)
        print_comparison(by_hand[i] == BENCH_FLAG ? "global flag by hand" : "per-thread check by hand",
                         loop.enabled_against[i]);
}

void print_contention(const Contention &contention, std::uint64_t seed)
{
    print("\n{}, {} threads per CPU ({} in all), guarantee {}\n", contention.workload, contention.threads_per_cpu,
          contention.threads, slicepatch_guarantee_name(contention.guarantee));
    print("  {:<11} {:>12} {:<22} {:>9} {:>9} {:>11} {:>8}  {}\n", "requests", "sections/s", "  ratio to none",
          "waits/s", "p50 wait", "p99 wait", "lost/s", "granted / yielded / expired");
    for (std::size_t c = 0; c < contender_names.size(); ++c) {
        const Contender &contender = contention.contenders[c];
        const Interval ratio = contention_ratio(contention, c, &Contender::sections_per_second, seed).value();
        print("  {:<11} {:>12.0f}   {:<20} {:>9.1f} {:>6.0f} us {:>8.0f} us {:>8.1f}  {}\n", contender_names[c],
              quantile(contender.sections_per_second, 0.5),
              fmt::format("{:.2f} [{:.2f}, {:.2f}]", ratio.median, ratio.low, ratio.high),
              quantile(contender.contended_per_second, 0.5), quantile(contender.wait_p50_us, 0.5),
              quantile(contender.wait_p99_us, 0.5), quantile(contender.preempted_per_second, 0.5),
              contender.counters ? fmt::format("{} / {} / {}", contender.counters->granted, contender.counters->yielded,
                                               contender.counters->expired)
                                 : "-");
    }
}

std::string faults_text(const CallSamples &samples)
{
    return samples.faults < 0 ? "page faults not counted" : fmt::format("{} page faults", samples.faults);
}

void print_yardstick(const InitCost &cost, const Yardstick &yardstick, std::uint64_t seed)
{
    if (!yardstick.missing.empty()) {
        print("    {}: not measured: {}\n", yardstick.what, yardstick.missing);
        return;
    }
    const Interval ratio = ratio_to(cost, yardstick, seed);
    print("    {:.2f} [{:.2f}, {:.2f}] times {} ({:.0f} us, {})\n", ratio.median, ratio.low, ratio.high, yardstick.what,
          quantile(yardstick.samples.cpu_us, 0.5), faults_text(yardstick.samples));
}

void print_init(const std::vector<InitCost> &costs, std::uint64_t seed)
{
    print("\nslicepatch_init(), one thread, in a fresh process, {} runs; CPU time\n", costs.front().samples.us.size());
    for (const InitCost &cost : costs) {
        print("  {:>6} sites on {:>4} pages, {} KiB, which become private: median {:.0f} us, {}", cost.which->sites,
              cost.pages, cost.pages * static_cast<unsigned long>(sysconf(_SC_PAGESIZE)) / 1024,
              quantile(cost.samples.cpu_us, 0.5), faults_text(cost.samples));
        if (cost.instructions)
            print(", {} instructions", *cost.instructions);
        else if (!cost.uncounted.empty())
            print(", instructions not counted: {}", cost.uncounted);
        if (cost.patched < cost.which->sites)
            print("; only {} were patched here", cost.patched);
        print("\n");
        for (const Yardstick &yardstick : cost.yardsticks)
            print_yardstick(cost, yardstick, seed);
        if (!cost.yardsticks.empty() && cost.yardsticks[0].missing.empty()) {
            const Interval ns = ns_per_site_above(cost, cost.yardsticks[0], seed);
            print("    {:.0f} [{:.0f}, {:.0f}] ns a site above the first of these\n", ns.median, ns.low, ns.high);
        }
    }
}

void print_startup(const StartupTimes &times, std::uint64_t seed)
{
    print("\nprocess start to end, {} runs\n", times[0].size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        const double median = quantile(times[i], 0.5);
        print("  {:<40} median {:>6.0f} us", startup_cases[i].what, median);
        if (i > 0) {
            const Interval ratio = bootstrap_median(paired_ratios(times[i], times[0]), 1, seed);
            print("  {:.2f} [{:.2f}, {:.2f}] times the first", ratio.median, ratio.low, ratio.high);
        }
        print("\n");
    }
}

void print_calls(const std::array<CallCosts, call_cases.size()> &costs, std::uint64_t seed)
{
    print("\nafter slicepatch_init(), medians of {} processes, and as a ratio to off\n",
          costs[0].system_call_ns.size());
    print("  {:<10} {:<9} {:<34} {:<34} {}\n", "case", "guarantee", "system call", "thread: create and join",
          "fork: until the child is reaped");
    for (std::size_t i = 0; i < costs.size(); ++i) {
        const auto cell = [&](std::vector<double> CallCosts::*value, const char *unit) {
            const Interval ratio = bootstrap_median(paired_ratios(costs[i].*value, costs[0].*value), 1, seed);
            return fmt::format("{:.1f} {}  {:.2f} [{:.2f}, {:.2f}]", quantile(costs[i].*value, 0.5), unit, ratio.median,
                               ratio.low, ratio.high);
        };
        print("  {:<10} {:<9} {:<34} {:<34} {}\n", call_cases[i].what, slicepatch_guarantee_name(costs[i].guarantee),
              cell(&CallCosts::system_call_ns, "ns"), cell(&CallCosts::thread_us, "us"),
              cell(&CallCosts::fork_us, "us"));
    }
}

} // namespace

void print_text(const Results &results)
{
    print_head(results);
    for (const LoopResult &loop : results.loops)
        print_loop(loop);
    if (!results.loops.empty())
        print("\nPer pair of marks. Instructions (no-ops included), loads, stores, branches and distinct bytes "
              "executed are exact,\nminus the floor's; ns/pair includes the section. Intervals: 95 % bootstrap "
              "of the median over paired blocks,\nresampled by process, each of which has its own addresses, and by "
              "layout, each of which has the functions of\nall variants in another order and at other alignments. "
              "Layouts: medians of the fastest and of the slowest one.\n");
    for (const Contention &contention : results.contention)
        print_contention(contention, results.plan.seed);
    if (!results.contention.empty())
        print(
            "\nThroughput as a ratio to \"none\" in the same block, with its 95 % bootstrap interval; the rest are medians "
            "over blocks.\nWaits: of sections whose lock was not free at once. Lost: sections in which the holder "
            "lost its CPU.\nCounters: the kernel's, of all blocks.\n");
    if (!results.init.empty())
        print_init(results.init, results.plan.seed);
    if (results.startup)
        print_startup(*results.startup, results.plan.seed);
    if (results.calls)
        print_calls(*results.calls, results.plan.seed);
}

} // namespace slicepatch::tool::bench
