// SPDX-License-Identifier: MIT
//
// The whole story of init, in one function.
#ifndef SLICEPATCH_INIT_H
#define SLICEPATCH_INIT_H

#include "patcher/library/guarantee/kernel.h"
#include "patcher/library/text/plan.h"
#include "patcher/library/sites/selection.h"
#include "patcher/library/text/text.h"

namespace slicepatch {

struct PatchOptions {
    GuaranteeRequest request;
    slicepatch_guarantee required = SLICEPATCH_GUARANTEE_NONE; // below this nothing is written
    const char *selection = nullptr;                           // as SLICEPATCH_SITES
    Writer writer = Writer::automatic;
    bool live_opt_in = false;
    bool compiled = false; // everything but writing to sites
};

struct PatchResult {
    Status status = Status::ok;
    Guarantee guarantee{};
    const char *own_refusal = nullptr; // why there are no areas of ours, where they were wanted; static storage
    SiteList list;                     // states as left
    Selection selection;
    WriteResult written;
    int yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    bool threads_hooked = false;
    bool other_threads = false;
};

/// find -> guarantee -> plan -> encode -> verify all -> write -> sync -> report. Call it under the loader's lock, one
/// at a time. Whatever fails leaves what was not written as compiled; and where nothing was to be written at all, for
/// want of memory or of the required guarantee, the kernel's state and libc's rseq area are as they were.
void patch_process(const PatchOptions &options, PatchResult &result);

} // namespace slicepatch

#endif
