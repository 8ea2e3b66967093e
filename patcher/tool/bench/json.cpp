// SPDX-License-Identifier: MIT
#include "results.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace slicepatch::tool::bench {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Interval &interval)
{
    return {{"median", interval.median}, {"low", interval.low}, {"high", interval.high}};
}

/// Of all counted pairs of one iteration: whole numbers.
Json to_json(const std::optional<Counts> &counts)
{
    if (!counts)
        return nullptr;
    return {{"instructions", counts->instructions}, {"noops", counts->noops},       {"loads", counts->loads},
            {"stores", counts->stores},             {"branches", counts->branches}, {"bytes", counts->bytes}};
}

Json to_json(const LoopResult &loop, bool raw)
{
    Json json{{"name", loop_names[loop.times.loop]}, {"counted_pairs", loop.counted_pairs}};
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
        Json variant{{"name", variants[v]->name},
                     {"counts", to_json(loop.counts[v])},
                     {"ns_per_pair", to_json(loop.ns[v])},
                     {"ratio_to_floor", to_json(loop.ratio[v])}};
        if (raw)
            variant["blocks_ns_per_pair"] = loop.times.ns_per_pair[v];
        json["variants"].push_back(std::move(variant));
    }
    for (std::size_t i = 0; i < by_hand.size(); ++i)
        json["verdicts"].push_back({{"enabled_against", variants[by_hand[i]]->name},
                                    {"ratio", to_json(loop.enabled_against[i])},
                                    {"verdict", verdict(loop.enabled_against[i])}});
    return json;
}

Json to_json(const Contention &contention, std::uint64_t seed, bool raw)
{
    Json json{{"threads", contention.threads}};
    for (std::size_t c = 0; c < contenders.size(); ++c) {
        Json variant{{"name", variants[contenders[c]]->name},
                     {"sections_per_second", to_json(bootstrap_median(contention.sections_per_second[c], 1, seed))},
                     {"enabled_ratio", to_json(contention_ratio(contention, c, seed))}};
        if (raw)
            variant["blocks_sections_per_second"] = contention.sections_per_second[c];
        json["variants"].push_back(std::move(variant));
    }
    return json;
}

Json to_json(const InitCost &cost, bool raw)
{
    Json json{{"sites", cost.which->sites},
              {"patched", cost.patched},
              {"pages", cost.pages},
              {"runs", cost.us.size()},
              {"median_us", quantile(cost.us, 0.5)},
              {"p95_us", quantile(cost.us, 0.95)},
              {"median_cpu_us", quantile(cost.cpu_us, 0.5)},
              {"budget_us", cost.which->budget_us},
              {"within_budget", within_budget(cost)}};
    if (raw)
        json["us"] = cost.us;
    return json;
}

Json to_json(const StartupTimes &times, bool raw)
{
    Json json{{"runs", times[0].size()}};
    for (std::size_t i = 0; i < times.size(); ++i) {
        const double median = quantile(times[i], 0.5);
        Json program{{"name", startup_cases[i].program},
                     {"what", startup_cases[i].what},
                     {"median_us", median},
                     {"above_nothing_us", median - quantile(times[0], 0.5)}};
        if (raw)
            program["us"] = times[i];
        json["programs"].push_back(std::move(program));
    }
    return json;
}

Json describe(const Results &results)
{
    const auto level = results.marks.guarantee.level;
    Json json{{"kernel", results.host.kernel},
              {"cpu", results.host.cpu_model},
              {"compiler", results.host.compiler},
              {"guarantee", level == SLICEPATCH_GUARANTEE_PROCESS  ? "process"
                            : level == SLICEPATCH_GUARANTEE_THREAD ? "thread"
                                                                   : "none"},
              {"reason", results.marks.guarantee.reason},
              {"stand_in_area", results.marks.stand_in},
              {"sites_patched", results.marks.patched},
              {"writer", results.marks.writer}};
    json["pinned_cpu"] = results.host.pinned_cpu >= 0 ? Json(results.host.pinned_cpu) : Json(nullptr);
    return json;
}

} // namespace

void print_json(const Results &results, bool raw)
{
    Json json{{"host", describe(results)},
              {"settings",
               {{"processes", results.plan.processes},
                {"blocks", results.plan.blocks},
                {"block_us", results.plan.block_ns / 1e3},
                {"seed", results.plan.seed},
                {"resamples", resamples},
                {"confidence", 0.95}}}};
    json["uncounted"] = results.uncounted.empty() ? Json(nullptr) : Json(results.uncounted);
    json["loops"] = Json::array();
    for (const LoopResult &loop : results.loops)
        json["loops"].push_back(to_json(loop, raw));
    json["contention"] = results.contention ? to_json(*results.contention, results.plan.seed, raw) : Json(nullptr);
    json["init"] = Json::array();
    for (const InitCost &cost : results.init)
        json["init"].push_back(to_json(cost, raw));
    json["startup"] = results.startup ? to_json(*results.startup, raw) : Json(nullptr);
    fmt::print("{}\n", json.dump(2));
}

} // namespace slicepatch::tool::bench
