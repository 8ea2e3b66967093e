// SPDX-License-Identifier: MIT
//
// `slicepatch bench`: what the marks cost, beside what programs do without this library.
#include "bench.h"
#include "patcher/tool/error.h"
#include "patcher/tool/program.h"
#include "patcher/tool/progress.h"
#include "results.h"
#include "workers.h"

#include <algorithm>

namespace slicepatch::tool::bench {

namespace {

/// How much of everything: about 30 seconds, or about 4. Blocks are of each layout.
struct Amount {
    unsigned processes, blocks;
    double block_ns;
    unsigned contention_blocks, contention_ms;
    unsigned init_runs, startup_runs, calls_runs;
};
constexpr Amount full{20, 60, 1e6, 10, 100, 20, 200, 10};
constexpr Amount quick{6, 6, 0.3e6, 3, 30, 5, 20, 2};

bool wants(const Options &options, const char *part)
{
    return std::find(options.parts.begin(), options.parts.end(), part) != options.parts.end();
}

std::vector<bench_loop_index> chosen_loops(const Options &options)
{
    std::vector<bench_loop_index> loops;
    for (unsigned i = 0; i < BENCH_LOOPS; ++i)
        if (options.loops.empty() ||
            std::find(options.loops.begin(), options.loops.end(), loop_names[i]) != options.loops.end())
            loops.push_back(static_cast<bench_loop_index>(i));
    return loops;
}

void count(LoopResult &loop, bool sample)
{
    sample = sample && loop.times.loop == BENCH_SITES;
    loop.counted_pairs = sample ? BENCH_SAMPLE_PAIRS : pairs_per_iteration(loop.times.loop);
    std::optional<Counts> floor;
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
        const Counts counts =
            count_iteration(sample ? bench_layouts[0][v]->run_sample : bench_layouts[0][v]->run[loop.times.loop]);
        if (!floor)
            floor = counts;
        loop.counts[v] = counts - *floor;
    }
}

void measure_loops(const Options &options, Results &results, const Progress &progress)
{
    const TimingPlan &plan = results.plan;
    std::vector<LoopTimes> times = time_in_workers(plan, [&](unsigned process) {
        progress(fmt::format("the loops, process {} of {}", process + 1, plan.processes));
    });
    for (LoopTimes &loop : times) {
        results.loops.push_back({std::move(loop), 0, {}, {}, {}, {}, {}});
        summarize(results.loops.back(), plan);
    }
    try {
        for (LoopResult &loop : results.loops) {
            progress(fmt::format("counting instructions of {}", loop_names[loop.times.loop]));
            count(loop, options.quick);
        }
    } catch (const Error &error) { // the times are worth showing without
        results.uncounted = error.what();
    }
}

void measure(const Options &options, const Amount &amount, Results &results)
{
    const Progress progress("bench");
    if (wants(options, "loops")) {
        const PinnedCpu pinned;
        results.host.pinned_cpu = pinned.cpu();
        measure_loops(options, results, progress);
    }
    if (wants(options, "contention"))
        results.contention = measure_contention(
            {options.threads_per_cpu, options.blocks ? options.blocks : amount.contention_blocks,
             options.contention_ms ? options.contention_ms : amount.contention_ms, options.text, options.seed},
            [&progress](const std::string &what) { progress(what); });
    if (wants(options, "init")) {
        progress("slicepatch_init() in fresh processes");
        results.init = measure_init(amount.init_runs);
    }
    if (wants(options, "startup")) {
        progress("process start");
        results.startup = measure_startup(amount.startup_runs);
    }
    if (wants(options, "calls")) {
        progress("system calls, threads and forks after slicepatch_init()");
        results.calls = measure_calls(options.blocks ? options.blocks : amount.calls_runs);
    }
}

/// Every process gets as many blocks.
TimingPlan make_plan(const Options &options, const Amount &amount)
{
    const unsigned blocks = options.blocks ? options.blocks : amount.blocks;
    const unsigned processes = std::min(options.processes ? options.processes : amount.processes, blocks);
    return {chosen_loops(options), processes, (blocks + processes - 1) / processes, amount.block_ns, options.seed};
}

} // namespace

int run(Options options)
{
    if (!options.worker.empty()) {
        work(options.worker);
        return exit_ok;
    }
    const Amount &amount = options.quick ? quick : full;
    if (options.parts.empty())
        options.parts = all_parts;
    if (!options.plot.empty() && !wants(options, "loops"))
        throw Error("bench: --plot shows the loops, which --parts leaves out");
    if (!options.plot.empty())
        require_plot(options.plot);
    if (!options.plot_contention.empty() && !wants(options, "contention"))
        throw Error("bench: --plot-contention shows the contended locks, which --parts leaves out");
    if (!options.plot_contention.empty())
        require_plot(options.plot_contention);

    Results results{};
    results.marks = set_marks();
    results.host = describe_host(-1);
    results.plan = make_plan(options, amount);
    measure(options, amount, results);
    if (options.json)
        print_json(results, options.raw);
    else
        print_text(results);
    if (!options.plot.empty())
        write_plot(results, options.plot);
    if (!options.plot_contention.empty())
        write_contention_plot(results, options.plot_contention);
    return exit_ok;
}

} // namespace slicepatch::tool::bench
