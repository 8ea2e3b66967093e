// SPDX-License-Identifier: MIT
#include "outcomes.h"

#include "patcher/library/base/standard_error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>

extern "C" [[gnu::visibility("hidden")]] void slicepatch_count_entry(); // arch/NAME/count.S

namespace slicepatch {

namespace {

OutcomeTable *tables; // of this copy of the library, whether their objects know of them yet or not

OutcomeTable *table_of(const slicepatch_object_state &state)
{
    auto *table = reinterpret_cast<OutcomeTable *>(__atomic_load_n(&state.counters, __ATOMIC_ACQUIRE));
    // Or another copy's, of another age.
    return table && !std::memcmp(table->mark, outcome_mark, sizeof table->mark) ? table : nullptr;
}

bool counts(const Site &site)
{
    return site.trouble == Status::ok && !site.repeated && site.kind == Kind::exit;
}

/// Whether a table has an entry for that cold block.
bool holds(OutcomeTable &table, std::uintptr_t cold)
{
    OutcomeEntry *entries = table.entries();
    const std::size_t below = entries_below(entries, table.count, cold);
    return below < table.count && entries[below].cold == cold;
}

/// The table of our own whose object this is, known by its first site that counts.
OutcomeTable *find_made(const SiteList &list, const Object &object)
{
    const std::span<const Site> sites(list.sites.begin() + object.first_site, object.site_count);
    const auto first = std::find_if(sites.begin(), sites.end(), counts);
    if (first == sites.end())
        return nullptr;
    OutcomeTable *table = tables;
    while (table && !holds(*table, site_place(*first->record).cold))
        table = table->next;
    return table;
}

/// The pages that nobody counts in are never touched.
OutcomeTable *map_table(std::size_t entries)
{
    const std::size_t size = sizeof(OutcomeTable) + entries * sizeof(OutcomeEntry);
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return nullptr;
    auto *table = static_cast<OutcomeTable *>(memory);
    table->counters.count = slicepatch_count_entry;
    std::memcpy(table->mark, outcome_mark, sizeof table->mark);
    table->size = size;
    return table;
}

OutcomeEntry entry_of(const slicepatch_site_record &record)
{
    const Place place = site_place(record);
    const char *label = site_label(record);
    const auto name = reinterpret_cast<std::uintptr_t>(label ? label : site_file(record));
    return {place.cold, place.head, name, record.line, {}};
}

void fill(OutcomeTable &table, std::span<const Site> sites)
{
    OutcomeEntry *const begin = table.entries(), *end = begin;
    for (const Site &site : sites)
        if (counts(site))
            *end++ = entry_of(*site.record);
    const auto by_cold = [](const OutcomeEntry &a, const OutcomeEntry &b) { return a.cold < b.cold; };
    const auto same = [](const OutcomeEntry &a, const OutcomeEntry &b) { return a.cold == b.cold; };
    std::sort(begin, end, by_cold);
    table.count = static_cast<std::uint64_t>(std::unique(begin, end, same) - begin);
}

/// Of objects that were closed: no code is left that could count there.
void free_left_behind(const SiteList &list)
{
    for (OutcomeTable **link = &tables; *link;) {
        OutcomeTable *const table = *link;
        const auto knows = [&](const Object &object) { return object.state->counters == &table->counters; };
        if (std::any_of(list.objects.begin(), list.objects.end(), knows)) {
            link = &table->next;
            continue;
        }
        *link = table->next;
        munmap(table, table->size);
    }
}

} // namespace

Status make_outcome_tables(const SiteList &list)
{
    free_left_behind(list);
    for (const Object &object : list.objects) {
        const std::span<const Site> sites(list.sites.begin() + object.first_site, object.site_count);
        const auto entries = static_cast<std::size_t>(std::count_if(sites.begin(), sites.end(), counts));
        if (!entries || object.state->counters)
            continue;
        OutcomeTable *const table = map_table(entries);
        if (!table)
            return Status::no_memory;
        fill(*table, sites);
        table->next = tables;
        tables = table;
    }
    return Status::ok;
}

void tell_of_outcomes(const SiteList &list)
{
    OutcomeTable *table = nullptr;
    for (const Object &object : list.objects) {
        if (object.site_count) // what has none is one more state of the object before
            table = find_made(list, object);
        if (!table)
            continue;
        table->in_time = object.state->yield_number == SLICEPATCH_NR_RSEQ_SLICE_YIELD ? 1 : 0;
        table->rseq_offset = object.state->rseq_offset;
        if (!object.state->counters)
            __atomic_store_n(&object.state->counters, &table->counters, __ATOMIC_RELEASE);
    }
}

SiteOutcomes outcomes_of(const slicepatch_object_state &state, const slicepatch_site_record &record)
{
    OutcomeTable *const table = table_of(state);
    const std::uintptr_t cold = site_place(record).cold;
    if (!table || !holds(*table, cold))
        return {};
    const SiteOutcomes &counts = table->entries()[entries_below(table->entries(), table->count, cold)].counts;
    return {__atomic_load_n(&counts.yielded, __ATOMIC_RELAXED), __atomic_load_n(&counts.lost, __ATOMIC_RELAXED),
            __atomic_load_n(&counts.reached, __ATOMIC_RELAXED)};
}

namespace {

/// Sites that are told of in one line.
struct Line {
    const char *name;     // a label, or the file where there is none
    std::uint32_t number; // of the line there; 0 for a label
    std::uint32_t sites;
    SiteOutcomes counts;
};

bool is_before(const Line &a, const Line &b)
{
    const int order = std::strcmp(a.name, b.name);
    return order ? order < 0 : a.number < b.number;
}

Line line_of(const Site &site, const SiteList &list)
{
    const char *label = site_label(*site.record);
    const Object &object = list.objects[list.groups[site.group].object];
    return {label ? label : site_file(*site.record), label ? 0 : site.record->line, 1,
            outcomes_of(*object.state, *site.record)};
}

void add(SiteOutcomes &to, const SiteOutcomes &more)
{
    to.reached += more.reached;
    to.yielded += more.yielded;
    to.lost += more.lost;
}

Status collect(const SiteList &list, Array<Line> &lines)
{
    for (const Site &site : list.sites)
        if (counts(site))
            if (Status status = lines.push(line_of(site, list)); status != Status::ok)
                return status;
    std::sort(lines.begin(), lines.end(), is_before);
    return Status::ok;
}

void print(const Line &line)
{
    char number[16] = "", text[128];
    if (line.number)
        std::snprintf(number, sizeof number, ":%u", line.number);
    std::snprintf(text, sizeof text, ": %u sites: %llu yielded, %llu lost, %llu reached\n", line.sites,
                  static_cast<unsigned long long>(line.counts.yielded),
                  static_cast<unsigned long long>(line.counts.lost),
                  static_cast<unsigned long long>(line.counts.reached));
    print_pieces({"slicepatch: ", line.name, number, text});
}

} // namespace

void print_outcomes()
{
    with_loader_lock([] {
        SiteList list;
        Array<Line> lines;
        if (find_sites(host_backend(), list) != Status::ok || collect(list, lines) != Status::ok)
            return;
        for (const Line *begin = lines.begin(), *end = begin; begin != lines.end(); begin = end) {
            Line sum = *begin;
            while (++end != lines.end() && !is_before(*begin, *end)) {
                ++sum.sites;
                add(sum.counts, end->counts);
            }
            print(sum);
        }
    });
}

} // namespace slicepatch
