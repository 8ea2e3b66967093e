// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_PROBE_H
#define SLICEPATCH_TOOL_PROBE_H

#include "patcher/library/guarantee/guarantee.h"

#include <slicepatch/slicepatch.h>

#include <string>

namespace slicepatch::tool {

/// What slicepatch_init() finds and does here and now.
struct Probe {
    bool answered = false; // false: a sandbox killed the process that asked
    bool off = false;      // by the environment
    bool required = false; // by the environment: then init fails below the guarantee for the process
    std::string complaint; // about the environment; empty: none
    KernelFacts facts{};   // before init: libc's area and not ours
    Guarantee guarantee{};
    int yield_number = 0;
};

/// Does all of it in a child process: setting the state cannot be undone, and asking may be deadly in a sandbox.
[[nodiscard]] Probe run_probe();

/// The guarantee that there would be with one more variable in the environment.
[[nodiscard]] slicepatch_guarantee probe_with(const char *variable, const char *value);

} // namespace slicepatch::tool

#endif
