// SPDX-License-Identifier: MIT
#include "counted.h"

#include "patcher/library/outcomes/table.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace slicepatch::tool {

namespace {

constexpr std::uint64_t most_entries = 1 << 20; // of one object; more than any program has

template <class T> std::span<std::uint8_t> bytes_of(T *first, std::size_t count)
{
    return {reinterpret_cast<std::uint8_t *>(first), count * sizeof(T)};
}

std::vector<OutcomeEntry> read_entries(const Process &process, std::uint64_t address)
{
    OutcomeTable table;
    if (process.read_memory(address, bytes_of(&table, 1)) != sizeof table ||
        std::memcmp(table.mark, outcome_mark, sizeof table.mark) != 0 || table.count > most_entries)
        return {};
    std::vector<OutcomeEntry> entries(table.count);
    const std::span<std::uint8_t> bytes = bytes_of(entries.data(), entries.size());
    if (process.read_memory(address + sizeof table, bytes) != bytes.size())
        return {};
    return entries;
}

} // namespace

void read_counts(const Process &process, ObjectView &object)
{
    if (!object.counters)
        return;
    std::unordered_map<std::uint64_t, SiteOutcomes> by_cold;
    for (const OutcomeEntry &entry : read_entries(process, object.counters))
        by_cold.emplace(entry.cold, entry.counts);
    for (SiteView &site : object.sites)
        if (const auto found = by_cold.find(site.cold); found != by_cold.end() && site.kind == SLICEPATCH_SITE_EXIT)
            site.counted = found->second;
}

} // namespace slicepatch::tool
