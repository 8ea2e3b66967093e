// SPDX-License-Identifier: MIT
//
// Runs in the middle of a program's function, which expects none of its registers to change: compiled for the general
// ones alone, which count.S saves (CMakeLists.txt). Async-signal-safe, and calls nothing.
#include "probes.h"
#include "table.h"

#include <slicepatch/abi.h>

using namespace slicepatch;

namespace {

/// Whether this thread's requests are made, and answered. There is an area: sites that have none see a request.
bool may_have_requested(const OutcomeTable &table)
{
    const std::uintptr_t area = SLICEPATCH_ARCH_THREAD_POINTER() + static_cast<std::uintptr_t>(table.rseq_offset);
    return reinterpret_cast<const volatile slicepatch_rseq *>(area)->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED;
}

} // namespace

/// place is behind the first byte of the site's cold block, and before that of any other's.
extern "C" [[gnu::visibility("hidden")]] void slicepatch_count_exit(OutcomeTable *table, std::uintptr_t place,
                                                                    long seen);
extern "C" void slicepatch_count_exit(OutcomeTable *table, std::uintptr_t place, long seen)
{
    OutcomeEntry *const entries = table->entries();
    const std::size_t below = entries_below(entries, table->count, place);
    if (!below)
        return;
    OutcomeEntry &entry = entries[below - 1];
    std::uint64_t *count = &entry.counts.reached;
    if (seen >= table->in_time) {
        count = &entry.counts.yielded;
        SLICEPATCH_PROBE(yield, entry);
    } else if (seen != SLICEPATCH_SEEN_REQUEST && may_have_requested(*table)) {
        count = &entry.counts.lost;
        SLICEPATCH_PROBE(lost, entry);
    }
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}
