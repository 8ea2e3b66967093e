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

namespace {

/// Of the processes with private text, or of the others; of one process that has none, nothing.
std::optional<Interval> of_kind(const std::vector<double> &values, const TimingPlan &plan, bool private_text)
{
    const std::size_t each = std::size_t{BENCH_LAYOUTS} * plan.blocks;
    std::vector<double> chosen;
    for (unsigned process = 0; process < plan.processes; ++process)
        if (has_private_text(process) == private_text)
            chosen.insert(chosen.end(), values.begin() + static_cast<std::ptrdiff_t>(process * each),
                          values.begin() + static_cast<std::ptrdiff_t>((process + 1) * each));
    if (chosen.empty())
        return std::nullopt;
    return bootstrap_median(chosen, {chosen.size() / each, BENCH_LAYOUTS, plan.blocks}, plan.seed);
}

Spread spread_of_layouts(const std::vector<double> &values, const TimingPlan &plan)
{
    std::array<std::vector<double>, BENCH_LAYOUTS> layouts;
    for (std::size_t i = 0; i < values.size(); ++i)
        layouts[i / plan.blocks % BENCH_LAYOUTS].push_back(values[i]);
    Spread spread{quantile(layouts[0], 0.5), quantile(layouts[0], 0.5)};
    for (const std::vector<double> &layout : layouts) {
        spread.least = std::min(spread.least, quantile(layout, 0.5));
        spread.most = std::max(spread.most, quantile(layout, 0.5));
    }
    return spread;
}

} // namespace

void summarize(LoopResult &loop, const TimingPlan &plan)
{
    const auto &ns = loop.times.ns_per_pair;
    const Measured measured{plan.processes, BENCH_LAYOUTS, plan.blocks};
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
        loop.ns[v] = bootstrap_median(ns[v], measured, plan.seed);
        loop.ratio[v] = bootstrap_median(paired_ratios(ns[v], ns[BENCH_FLOOR]), measured, plan.seed);
        loop.layouts[v] = spread_of_layouts(ns[v], plan);
        loop.layouts[v].least /= loop.ns[v].median;
        loop.layouts[v].most /= loop.ns[v].median;
    }
    for (std::size_t i = 0; i < by_hand.size(); ++i) {
        const std::vector<double> ratios = paired_ratios(ns[BENCH_ENABLED], ns[by_hand[i]]);
        loop.enabled_against[i] = {bootstrap_median(ratios, measured, plan.seed), of_kind(ratios, plan, false),
                                   of_kind(ratios, plan, true), spread_of_layouts(ratios, plan)};
    }
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
