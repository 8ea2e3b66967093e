// SPDX-License-Identifier: MIT
//
// Runs in the middle of a program's function, which expects none of its registers to change: compiled for the general
// ones alone, which count.S saves (CMakeLists.txt). Async-signal-safe, and calls nothing.
#include "table.h"

#include <slicepatch/abi.h>

using namespace slicepatch;

namespace {

/// A request that is not there any more was granted, in a thread that can have been: nobody else takes it away. Another
/// system call that stands for the yield answers 0, in time or not.
std::uint64_t &outcome(SiteOutcomes &counts, const volatile slicepatch_rseq *rseq, unsigned long request, long yielded,
                       long in_time)
{
    if (request || !(rseq->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED))
        return counts.reached;
    return yielded >= in_time ? counts.yielded : counts.lost;
}

} // namespace

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
    if (below)
        __atomic_fetch_add(&outcome(entries[below - 1].counts, rseq, request, yielded, table->in_time), 1,
                           __ATOMIC_RELAXED);
}
