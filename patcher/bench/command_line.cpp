// SPDX-License-Identifier: MIT
#include "command_line.h"
#include "bench.h"
#include "patcher/tool/numbers.h"
#include "timing.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace slicepatch::tool::bench {

Run add_bench(CLI::App &program)
{
    auto options = std::make_shared<Options>();
    CLI::App *bench = program.add_subcommand("bench", "Measure what the marks cost, beside what is written by hand");
    bench
        ->add_option("--blocks", options->blocks,
                     "Paired blocks (default 60 of the loops in each of 8 layouts, 10 of contended locks)")
        ->check(numbers(1, 1000000));
    bench->add_option("--processes", options->processes, "Over which the blocks are spread (default 20)")
        ->check(numbers(1, 1000));
    bench->add_flag("--quick", options->quick,
                    "About 4 seconds instead of 30: wider intervals, 100 of the 1,000 sites counted");
    bench->add_option("--loops", options->loops, "Some of empty,spinlock,mutex,twenty,sites (default: all)")
        ->delimiter(',')
        ->check(CLI::IsMember(std::vector<std::string>(loop_names.begin(), loop_names.end())));
    bench->add_option("--parts", options->parts, "Some of loops,contention,init,startup,calls (default: all)")
        ->delimiter(',')
        ->check(CLI::IsMember(all_parts));
    bench->add_option("--contention", options->threads_per_cpu, "Threads per CPU at contended locks (default 4)")
        ->delimiter(',')
        ->check(numbers(1, 1024));
    bench->add_option("--contention-ms", options->contention_ms, "Length of a block there (default 100)")
        ->check(numbers(1, 60000));
    bench->add_option("--text", options->text, "What wordcount counts there (default: Debian's copy of the GPL)")
        ->type_name("FILE");
    bench->add_option("--seed", options->seed, "Of the order of blocks and of the resampling (default 1)")
        ->check(numbers(0, 1'000'000'000'000'000'000));
    bench->add_flag("--json", options->json, "Everything as JSON; counts are of all pairs of an iteration");
    bench->add_flag("--raw", options->raw, "With --json: every single measurement too");
    bench->add_option("--plot", options->plot, "Write the ratios as an SVG, by gnuplot")->type_name("FILE.svg");
    bench->add_option("--plot-contention", options->plot_contention, "The same of the contended locks")
        ->type_name("FILE.svg");
    bench->add_option("--worker", options->worker)->group(""); // hidden: this program runs itself with it
    bench->footer("Exit status: 0, whatever the figures say; 2 if something could not be measured or written.\n"
                  "Example: slicepatch bench --loops spinlock,sites --plot bench.svg");
    return [options] { return run(*options); };
}

} // namespace slicepatch::tool::bench
