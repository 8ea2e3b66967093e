// SPDX-License-Identifier: MIT
#include "workers.h"
#include "patcher/tool/error.h"
#include "patcher/tool/output.h"
#include "child.h"
#include "marks.h"
#include "private_text.h"

#include <nlohmann/json.hpp>

namespace slicepatch::tool::bench {

namespace {

using Json = nlohmann::json;

/// Each process has another order of its blocks.
std::string write_order(const TimingPlan &plan, unsigned process)
{
    return Json{{"loops", plan.loops},
                {"blocks", plan.blocks},
                {"block_ns", plan.block_ns},
                {"private_text", has_private_text(process)},
                {"seed", plan.seed * 1000003 + process}}
        .dump();
}

TimingPlan read_order(const Json &json)
{
    return {json.at("loops"), 1, json.at("blocks"), json.at("block_ns"), json.at("seed")};
}

void append(std::vector<LoopTimes> &all, const Json &part)
{
    for (std::size_t l = 0; l < all.size(); ++l)
        for (std::size_t v = 0; v < BENCH_VARIANTS; ++v)
            for (const Json &value : part.at(l).at(v))
                all[l].ns_per_pair[v].push_back(value);
}

} // namespace

std::vector<LoopTimes> time_in_workers(const TimingPlan &plan, const std::function<void(unsigned)> &progress)
{
    std::vector<LoopTimes> all;
    for (bench_loop_index loop : plan.loops)
        all.push_back({loop, {}});
    for (unsigned process = 0; process < plan.processes; ++process) {
        progress(process);
        const std::string output = read_helper({own_path(), "bench", "--worker", write_order(plan, process)});
        try {
            append(all, Json::parse(output));
        } catch (const Json::exception &error) {
            throw Error("bench: a process that timed the loops said something else: {}", error.what());
        }
    }
    return all;
}

void work(const std::string &order)
{
    const Json its = Json::parse(order);
    (void)set_marks(); // the parent has the same, and says so
    if (its.at("private_text"))
        make_text_private();
    Json json = Json::array();
    for (const LoopTimes &loop : time_loops(read_order(its)))
        json.push_back(loop.ns_per_pair);
    print("{}\n", json.dump());
}

} // namespace slicepatch::tool::bench
