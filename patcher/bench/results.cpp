// SPDX-License-Identifier: MIT
#include "results.h"
#include "patcher/tool/file_descriptor.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/utsname.h>

namespace slicepatch::tool::bench {

namespace {

/// What /proc/cpuinfo says of the first CPU under that name; empty: nothing.
std::string find_value(const std::string &text, const char *name)
{
    const std::size_t line = text.find(name);
    const std::size_t colon = line == std::string::npos ? line : text.find(": ", line);
    if (colon == std::string::npos)
        return "";
    return text.substr(colon + 2, text.find('\n', colon) - colon - 2);
}

std::string read_cpu_model()
{
    std::string text;
    if (!read_all("/proc/cpuinfo", text))
        return "unknown";
    const std::string model = find_value(text, "model name");
    if (!model.empty())
        return model;
    // Where the kernel knows no names, the maker's number and that of what it made.
    const std::string maker = find_value(text, "CPU implementer"), part = find_value(text, "CPU part");
    return part.empty() ? "unknown" : fmt::format("CPU {} of implementer {}", part, maker);
}

} // namespace

Host describe_host(int pinned_cpu)
{
    utsname name{};
    const bool known = uname(&name) == 0;
#ifdef __clang__
    const std::string compiler = fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
    const std::string compiler = "gcc " __VERSION__;
#endif
    return {known ? name.release : "unknown", read_cpu_model(), compiler, pinned_cpu};
}

void summarize(LoopResult &loop, const TimingPlan &plan)
{
    const auto &ns = loop.times.ns_per_pair;
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
        loop.ns[v] = bootstrap_median(ns[v], plan.blocks, plan.seed);
        loop.ratio[v] = bootstrap_median(paired_ratios(ns[v], ns[BENCH_FLOOR]), plan.blocks, plan.seed);
    }
    for (std::size_t i = 0; i < by_hand.size(); ++i)
        loop.enabled_against[i] =
            bootstrap_median(paired_ratios(ns[BENCH_ENABLED], ns[by_hand[i]]), plan.blocks, plan.seed);
}

std::optional<Interval> contention_ratio(const Contention &contention, std::size_t contender,
                                         std::vector<double> Contender::*value, std::uint64_t seed)
{
    const std::vector<double> &none = contention.contenders[0].*value;
    if (std::find(none.begin(), none.end(), 0.0) != none.end())
        return std::nullopt;
    return bootstrap_median(paired_ratios(contention.contenders[contender].*value, none), 1, seed);
}

} // namespace slicepatch::tool::bench
