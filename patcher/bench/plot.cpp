// SPDX-License-Identifier: MIT
#include "results.h"
#include "patcher/tool/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/wait.h>

namespace slicepatch::tool::bench {

namespace {

/// For gnuplot, between single quotes, where only the quote itself is special.
std::string quoted(const std::string &text)
{
    std::string result = "'";
    for (char c : text)
        result += c == '\'' ? "''" : std::string(1, c);
    return result + "'";
}

/// One row a loop: its name, then median, low and high of each variant.
std::string data_block(const Results &results)
{
    std::string data = "$ratios << END\n";
    for (const LoopResult &loop : results.loops) {
        data += fmt::format("\"{}\"", loop_names[loop.times.loop]);
        for (const Interval &ratio : loop.ratio)
            data += fmt::format(" {} {} {}", ratio.median, ratio.low, ratio.high);
        data += "\n";
    }
    return data + "END\n";
}

std::string script(const Results &results, const std::string &path)
{
    std::string text = "set terminal svg size 1100,620 noenhanced background rgb 'white'\n"
                       "set output " +
                       quoted(path) + "\n" + data_block(results);
    text += "set title " + quoted(fmt::format("Cost of marking a critical section: {}", results.host.cpu_model)) + "\n";
    text += fmt::format(
        "set xlabel 'section between the marks ({} processes x {} layouts x {} paired blocks; bars: median, lines: 95 % bootstrap "
        "interval)'\n",
        results.plan.processes, BENCH_LAYOUTS, results.plan.blocks);
    text += "set ylabel 'time per pair, as a multiple of no marks (ratio, log scale)'\n"
            "set logscale y 2\n"
            "set yrange [0.5:*]\n"
            "set grid ytics\n"
            "set key outside right top title 'marks'\n"
            "set style data histograms\n"
            "set style histogram errorbars gap 2 linewidth 1\n"
            "set style fill solid 0.7 border -1\n"
            "set xtics nomirror\n"
            "plot ";
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
        const std::size_t column = 2 + 3 * v;
        text += fmt::format("{}$ratios using {}:{}:{}{} title '{}'", v ? ", " : "", column, column + 1, column + 2,
                            v ? "" : ":xtic(1)", bench_layouts[0][v]->name);
    }
    return text + "\n";
}

/// One row for each number of threads: it, then median, low and high of each contender.
std::string contention_block(const Results &results, const char *workload)
{
    std::string data = fmt::format("${} << END\n", workload);
    for (const Contention &contention : results.contention) {
        if (std::strcmp(contention.workload, workload) != 0)
            continue;
        data += fmt::format("{}", contention.threads_per_cpu);
        for (std::size_t c = 0; c < contender_names.size(); ++c) {
            const Interval ratio =
                contention_ratio(contention, c, &Contender::sections_per_second, results.plan.seed).value();
            data += fmt::format(" {} {} {}", ratio.median, ratio.low, ratio.high);
        }
        data += "\n";
    }
    return data + "END\n";
}

std::string contention_script(const Results &results, const std::string &path)
{
    std::string text = "set terminal svg size 1100,520 noenhanced background rgb 'white'\n"
                       "set output " +
                       quoted(path) + "\n";
    for (const char *workload : workloads)
        text += contention_block(results, workload);
    text +=
        "set multiplot layout 1,2 title " +
        quoted(fmt::format("Contended locks, Linux {}, guarantee {}: {}", results.host.kernel,
                           slicepatch_guarantee_name(results.contention.front().guarantee), results.host.cpu_model)) +
        "\n"
        "set xlabel 'threads per CPU (medians of paired blocks, 95 % bootstrap intervals)'\n"
        "set ylabel 'sections per second, as a multiple of no requests (ratio, log scale)'\n"
        "set logscale x 2\n"
        "set logscale y 2\n"
        "set grid ytics\n"
        "set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\n"
        "set key top left title 'requests'\n";
    for (const char *workload : workloads) {
        text += fmt::format("set title '{}'\nplot ", workload);
        for (std::size_t c = 0; c < contender_names.size(); ++c) {
            const std::size_t column = 2 + 3 * c;
            text += fmt::format("{}${} using 1:{}:{}:{}{} with yerrorlines linewidth 2 title '{}'", c ? ", " : "",
                                workload, column, column + 1, column + 2, c ? "" : ":xtic(1)", contender_names[c]);
        }
        text += "\n";
    }
    return text + "unset multiplot\n";
}

struct ClosePipe {
    void operator()(std::FILE *pipe) const
    {
        (void)pclose(pipe); // only on the way out of a failure that is reported already
    }
};

void draw(const std::string &text, const std::string &path)
{
    std::unique_ptr<std::FILE, ClosePipe> gnuplot(popen("gnuplot", "we"));
    if (!gnuplot)
        throw Error("bench: gnuplot cannot be run: {}", std::strerror(errno));
    const bool sent = std::fwrite(text.data(), 1, text.size(), gnuplot.get()) == text.size();
    const int status = pclose(gnuplot.release());
    if (!sent || status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Error("bench: gnuplot failed, {} is not a plot", path);
}

} // namespace

void require_plot(const std::string &path)
{
    const int status = std::system("gnuplot --version >/dev/null 2>&1");
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Error("bench: --plot needs gnuplot, which does not run here: install gnuplot-nox, or leave --plot out");
    std::FILE *file = std::fopen(path.c_str(), "ae"); // appends nothing: what is there stays until there is a plot
    if (!file)
        throw Error("bench: {} cannot be written: {}", path, std::strerror(errno));
    std::fclose(file);
}

void write_plot(const Results &results, const std::string &path)
{
    draw(script(results, path), path);
}

void write_contention_plot(const Results &results, const std::string &path)
{
    draw(contention_script(results, path), path);
}

} // namespace slicepatch::tool::bench
