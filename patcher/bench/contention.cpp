// SPDX-License-Identifier: MIT
#include "contention.h"
#include "patcher/tool/error.h"
#include "patcher/tool/file_descriptor.h"
#include "child.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <sched.h>
#include <sstream>

namespace slicepatch::tool::bench {

namespace {

unsigned usable_cpus()
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        throw Error("bench: the CPUs that this process may use cannot be counted");
    return static_cast<unsigned>(CPU_COUNT(&cpus));
}

std::optional<SliceCounters> read_counters()
{
    std::string text;
    if (!read_all("/sys/kernel/debug/rseq/stats", text))
        return std::nullopt;
    SliceCounters counters{};
    unsigned found = 0;
    std::istringstream lines(text);
    std::string name;
    for (std::uint64_t value; lines >> name >> value;) {
        const auto take = [&](const char *wanted, std::uint64_t &counter) {
            if (name == wanted) {
                counter = value;
                ++found;
            }
        };
        take("sgrant:", counters.granted);
        take("syield:", counters.yielded);
        take("srevok:", counters.revoked);
        take("sexpir:", counters.expired);
    }
    return found == 4 ? std::optional(counters) : std::nullopt;
}

void add(std::optional<SliceCounters> &sum, const std::optional<SliceCounters> &before,
         const std::optional<SliceCounters> &after)
{
    if (!before || !after)
        return;
    if (!sum)
        sum.emplace();
    sum->granted += after->granted - before->granted;
    sum->yielded += after->yielded - before->yielded;
    sum->revoked += after->revoked - before->revoked;
    sum->expired += after->expired - before->expired;
}

void run_block(const ContentionPlan &plan, std::size_t which, Contention &contention)
{
    Contender &contender = contention.contenders[which];
    const std::optional<SliceCounters> before = read_counters();
    const std::string output =
        read_helper({helper_path("contention"), contention.workload, contender_names[which],
                     std::to_string(contention.threads), std::to_string(plan.block_ms), plan.text},
                    inherited_environment());
    add(contender.counters, before, read_counters());
    try {
        const auto json = nlohmann::json::parse(output);
        const double seconds = json.at("seconds");
        if (json.at("sections") == 0)
            throw Error("bench: nobody got a contended lock within {} ms; use a longer --contention-ms", plan.block_ms);
        contention.guarantee = json.at("guarantee");
        contender.sections_per_second.push_back(json.at("sections").get<double>() / seconds);
        contender.preempted_per_second.push_back(json.at("preempted").get<double>() / seconds);
        contender.contended_per_second.push_back(json.at("contended").get<double>() / seconds);
        contender.wait_p50_us.push_back(json.at("wait_p50_us"));
        contender.wait_p99_us.push_back(json.at("wait_p99_us"));
    } catch (const nlohmann::json::exception &error) {
        throw Error("bench: the process with the contended locks said something else: {}", error.what());
    }
}

} // namespace

std::vector<Contention> measure_contention(const ContentionPlan &plan,
                                           const std::function<void(const std::string &)> &progress)
{
    const unsigned cpus = usable_cpus();
    std::vector<Contention> all;
    std::mt19937_64 random(plan.seed);
    std::array<std::size_t, contender_names.size()> order;
    std::iota(order.begin(), order.end(), 0);
    for (const char *workload : workloads) {
        for (unsigned threads : plan.threads_per_cpu) {
            Contention &contention = all.emplace_back(Contention{workload, threads, threads * cpus, 0, {}});
            for (unsigned block = 0; block < plan.blocks; ++block) {
                progress(
                    fmt::format("{}, {} threads per CPU, block {} of {}", workload, threads, block + 1, plan.blocks));
                std::shuffle(order.begin(), order.end(), random);
                for (std::size_t which : order)
                    run_block(plan, which, contention);
            }
        }
    }
    return all;
}

} // namespace slicepatch::tool::bench
