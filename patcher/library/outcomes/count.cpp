// SPDX-License-Identifier: MIT
//
// Runs in the middle of a program's function, which expects none of its registers to change: compiled for the general
// ones alone, which count.S saves (CMakeLists.txt). Async-signal-safe, and calls nothing.
#include "probes.h"
#include "table.h"

#include <slicepatch/abi.h>

using namespace slicepatch;

/// place is behind the first byte of the site's cold block, and before that of any other's; rseq is null only with a
/// request.
extern "C" [[gnu::visibility("hidden")]] void slicepatch_count_exit(OutcomeTable *table, std::uintptr_t place,
                                                                    const volatile slicepatch_rseq *rseq,
                                                                    unsigned long request, long yielded);
extern "C" void slicepatch_count_exit(OutcomeTable *table, std::uintptr_t place, const volatile slicepatch_rseq *rseq,
                                      unsigned long request, long yielded)
{
    OutcomeEntry *const entries = table->entries();
    const std::size_t below = entries_below(entries, table->count, place);
    if (!below)
        return;
    OutcomeEntry &entry = entries[below - 1];
    std::uint64_t *count = &entry.counts.reached;
    // A request that is not there any more was granted, in a thread that can have been: nobody else takes it away.
    if (!request && (rseq->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED)) {
        // Another system call that stands for the yield answers 0, in time or not.
        if (yielded >= table->in_time) {
            count = &entry.counts.yielded;
            SLICEPATCH_PROBE(yield, entry);
        } else {
            count = &entry.counts.lost;
            SLICEPATCH_PROBE(lost, entry);
        }
    }
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}
