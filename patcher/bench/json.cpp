// SPDX-License-Identifier: MIT
#include "patcher/tool/output.h"
#include "patcher/tool/printable.h"
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

Json to_json(const Spread &spread)
{
    return {{"least", spread.least}, {"most", spread.most}};
}

/// Of all counted pairs of one iteration: whole numbers.
Json to_json(const std::optional<Counts> &counts)
{
    if (!counts)
        return nullptr;
    return {{"instructions", counts->instructions},
            {"noops", counts->noops},
            {"loads", counts->loads},
            {"stores", counts->stores},
            {"branches", counts->branches},
            {"bytes", counts->bytes}};
}

Json to_json(const LoopResult &loop, bool raw)
{
    Json json{{"name", loop_names[loop.times.loop]}, {"counted_pairs", loop.counted_pairs}};
    for (std::size_t v = 0; v < BENCH_VARIANTS; ++v) {
        Json variant{{"name", bench_layouts[0][v]->name},
                     {"counts", to_json(loop.counts[v])},
                     {"ns_per_pair", to_json(loop.ns[v])},
                     {"ratio_to_floor", to_json(loop.ratio[v])},
                     {"layouts", to_json(loop.layouts[v])}};
        if (raw)
            variant["blocks_ns_per_pair"] = loop.times.ns_per_pair[v];
        json["variants"].push_back(std::move(variant));
    }
    for (std::size_t i = 0; i < by_hand.size(); ++i) {
        const Comparison &comparison = loop.enabled_against[i];
        json["verdicts"].push_back({{"enabled_against", bench_layouts[0][by_hand[i]]->name},
                                    {"ratio", to_json(comparison.ratio)},
                                    {"verdict", verdict(comparison.ratio)},
                                    {"layouts", to_json(comparison.layouts)},
                                    {"pages_as_loaded", comparison.loaded ? to_json(*comparison.loaded) : nullptr},
                                    {"private_pages", comparison.copied ? to_json(*comparison.copied) : nullptr}});
    }
    return json;
}

Json to_json(const std::optional<SliceCounters> &counters)
{
    if (!counters)
        return nullptr;
    return {{"granted", counters->granted},
            {"yielded", counters->yielded},
            {"revoked", counters->revoked},
            {"expired", counters->expired}};
}

Json to_json(const Contention &contention, std::uint64_t seed, bool raw)
{
    Json json{{"workload", contention.workload},
              {"threads_per_cpu", contention.threads_per_cpu},
              {"threads", contention.threads},
              {"guarantee", slicepatch_guarantee_name(contention.guarantee)}};
    for (std::size_t c = 0; c < contender_names.size(); ++c) {
        const Contender &contender = contention.contenders[c];
        Json one{{"name", contender_names[c]}, {"counters", to_json(contender.counters)}};
        const auto add = [&](const std::string &name, std::vector<double> Contender::*value) {
            one[name] = to_json(bootstrap_median(contender.*value, 1, seed));
            const std::optional<Interval> ratio = contention_ratio(contention, c, value, seed);
            one[name + "_ratio_to_none"] = ratio ? to_json(*ratio) : Json(nullptr);
        };
        add("sections_per_second", &Contender::sections_per_second);
        add("preempted_per_second", &Contender::preempted_per_second);
        add("contended_per_second", &Contender::contended_per_second);
        add("wait_p50_us", &Contender::wait_p50_us);
        add("wait_p99_us", &Contender::wait_p99_us);
        if (raw)
            one["blocks_sections_per_second"] = contender.sections_per_second;
        json["contenders"].push_back(std::move(one));
    }
    return json;
}

Json to_json(const CallSamples &samples, bool raw)
{
    Json json{{"runs", samples.us.size()},
              {"median_us", quantile(samples.us, 0.5)},
              {"p95_us", quantile(samples.us, 0.95)},
              {"median_cpu_us", quantile(samples.cpu_us, 0.5)}};
    json["page_faults"] = samples.faults < 0 ? Json(nullptr) : Json(samples.faults);
    if (raw)
        json["cpu_us"] = samples.cpu_us;
    return json;
}

Json to_json(const InitCost &cost, std::uint64_t seed, bool raw)
{
    Json json = to_json(cost.samples, raw);
    json["sites"] = cost.which->sites;
    json["patched"] = cost.patched;
    json["pages"] = cost.pages;
    json["instructions"] = cost.instructions ? Json(*cost.instructions) : Json(nullptr);
    json["yardsticks"] = Json::array();
    for (const Yardstick &yardstick : cost.yardsticks) {
        Json one = yardstick.missing.empty() ? to_json(yardstick.samples, raw) : Json{{"missing", yardstick.missing}};
        one["name"] = yardstick.name;
        if (yardstick.missing.empty()) {
            one["ratio"] = to_json(ratio_to(cost, yardstick, seed));
            one["ns_per_site_above"] = to_json(ns_per_site_above(cost, yardstick, seed));
        }
        json["yardsticks"].push_back(std::move(one));
    }
    return json;
}

Json to_json(const StartupTimes &times, std::uint64_t seed, bool raw)
{
    Json json{{"runs", times[0].size()}};
    for (std::size_t i = 0; i < times.size(); ++i) {
        const double median = quantile(times[i], 0.5);
        Json program{{"name", startup_cases[i].program},
                     {"what", startup_cases[i].what},
                     {"median_us", median},
                     {"above_nothing_us", median - quantile(times[0], 0.5)},
                     {"ratio_to_nothing", to_json(bootstrap_median(paired_ratios(times[i], times[0]), 1, seed))}};
        if (raw)
            program["us"] = times[i];
        json["programs"].push_back(std::move(program));
    }
    return json;
}

Json to_json(const std::array<CallCosts, call_cases.size()> &costs, std::uint64_t seed)
{
    Json json = Json::array();
    for (std::size_t i = 0; i < costs.size(); ++i) {
        Json one{{"name", call_cases[i].what}, {"guarantee", slicepatch_guarantee_name(costs[i].guarantee)}};
        const auto add = [&](const std::string &name, std::vector<double> CallCosts::*value) {
            one[name] = to_json(bootstrap_median(costs[i].*value, 1, seed));
            one[name + "_ratio_to_off"] =
                to_json(bootstrap_median(paired_ratios(costs[i].*value, costs[0].*value), 1, seed));
        };
        add("system_call_ns", &CallCosts::system_call_ns);
        add("thread_us", &CallCosts::thread_us);
        add("fork_us", &CallCosts::fork_us);
        json.push_back(std::move(one));
    }
    return json;
}

Json describe(const Results &results)
{
    Json json{{"kernel", results.host.kernel},
              {"cpu", results.host.cpu_model},
              {"compiler", results.host.compiler},
              {"guarantee", slicepatch_guarantee_name(results.marks.guarantee.level)},
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
                {"layouts", BENCH_LAYOUTS},
                {"blocks", results.plan.blocks},
                {"block_us", results.plan.block_ns / 1e3},
                {"seed", results.plan.seed},
                {"resamples", resamples},
                {"confidence", 0.95}}}};
    json["uncounted"] = results.uncounted.empty() ? Json(nullptr) : Json(results.uncounted);
    json["loops"] = Json::array();
    for (const LoopResult &loop : results.loops)
        json["loops"].push_back(to_json(loop, raw));
    json["contention"] = Json::array();
    for (const Contention &contention : results.contention)
        json["contention"].push_back(to_json(contention, results.plan.seed, raw));
    json["init"] = Json::array();
    for (const InitCost &cost : results.init)
        json["init"].push_back(to_json(cost, results.plan.seed, raw));
    json["startup"] = results.startup ? to_json(*results.startup, results.plan.seed, raw) : Json(nullptr);
    json["calls"] = results.calls ? to_json(*results.calls, results.plan.seed) : Json(nullptr);
    print("{}\n", json_text(json));
}

} // namespace slicepatch::tool::bench
