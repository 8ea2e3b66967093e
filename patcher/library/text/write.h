// SPDX-License-Identifier: MIT
//
// Writes a plan into text: each site at once where nobody else runs; first all tails and then all heads under running
// threads.
#ifndef SLICEPATCH_WRITE_H
#define SLICEPATCH_WRITE_H

#include "edits.h"

namespace slicepatch {

struct WriteOrder {
    bool kernel_may_grant;
    bool other_threads; // sites may be running now
    bool live_opt_in;   // writes under running threads though this CPU is not known to tolerate them
    Writer writer;      // where there are no other threads
};

/// The states in the list are those that are there afterwards. edits: room that was reserved. An error is about memory
/// or a site that is broken; what a writer could not do, and why, is in written.
[[nodiscard]] Status write_plan(const FormTable &forms, const Array<Action> &actions, const WriteOrder &order,
                                Array<Edit> &edits, SiteList &list, WriteResult &written);

} // namespace slicepatch

#endif
