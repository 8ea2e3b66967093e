// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_INIT_H
#define SLICEPATCH_INIT_H

#include <slicepatch/slicepatch.h>

#include <cstdint>

namespace slicepatch {

struct InitAnswer {
    int error;      // what slicepatch_init() returns
    bool disproved; // AsmJit's bytes are not those of whoever was to prove them; nothing is written
};

/// settings -> find -> counters -> area -> guarantee -> forms -> plan -> write -> threads -> seal -> report. Whatever fails leaves
/// what was not written as compiled; and where nothing was to be written at all, without memory or without the required
/// guarantee, the kernel's state and libc's rseq area are as they were. Fills in the
/// report in any case. Call it under InitLock.
InitAnswer init(const slicepatch_options *options, std::uintptr_t caller_address, slicepatch_report &report);

} // namespace slicepatch

#endif
