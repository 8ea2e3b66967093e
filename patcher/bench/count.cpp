// SPDX-License-Identifier: MIT
#include "count.h"
#include "patcher/tool/error.h"
#include "instruction.h"
#include "step.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace slicepatch::tool::bench {

namespace {

using Trace = std::vector<std::uintptr_t>;
using Executions = std::unordered_map<std::uintptr_t, std::int64_t>; // of each instruction, by its address

Executions count_executions(Trace::const_iterator begin, Trace::const_iterator end)
{
    Executions executions;
    for (; begin != end; ++begin)
        ++executions[*begin];
    return executions;
}

/// From one arrival at an instruction that each iteration executes once to the next: exactly one iteration. There are
/// two such in a trace of three; that they are equal shows that the loop has settled.
Trace find_iteration(const Trace &trace)
{
    const Executions executions = count_executions(trace.begin(), trace.end());
    const auto first = std::find_if(trace.begin(), trace.end(), [&](auto it) { return executions.at(it) == 3; });
    if (first == trace.end())
        throw Error("bench: instructions cannot be counted: no loop");
    const auto second = std::find(first + 1, trace.end(), *first), third = std::find(second + 1, trace.end(), *first);
    if (!std::equal(first, second, second, third))
        throw Error("bench: instructions cannot be counted: two iterations differ");
    return {first, second};
}

} // namespace

Counts Counts::operator-(const Counts &other) const
{
    return {instructions - other.instructions, noops - other.noops, loads - other.loads, stores - other.stores,
            branches - other.branches,         bytes - other.bytes};
}

Counts count_iteration(void (*run)(std::size_t iterations))
{
    const Trace iteration = find_iteration(trace(run, 3));
    Counts counts{};
    for (const auto &[address, times] : count_executions(iteration.begin(), iteration.end())) {
        // The child was a fork: its text is ours.
        const Effects effects = decode_effects(address);
        counts.instructions += times;
        counts.noops += effects.noop ? times : 0;
        counts.loads += effects.loads * times;
        counts.stores += effects.stores * times;
        counts.branches += effects.branch ? times : 0;
        counts.bytes += effects.length;
    }
    return counts;
}

} // namespace slicepatch::tool::bench
