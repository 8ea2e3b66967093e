// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_PROBE_H
#define SLICEPATCH_TOOL_PROBE_H

#include "../kernel.h"

#include <string>

namespace slicepatch::tool {

/// What slicepatch_init() would be told here and now.
struct Probe {
    bool answered = false; // false: a sandbox killed the process that asked
    bool off = false;      // by the environment
    std::string complaint; // about the environment; empty: none
    KernelFacts facts{};
    Guarantee guarantee{};
    int yield_number = 0;
};

/// Does all of it in a child process: setting the state cannot be undone, and asking may be deadly in a sandbox.
[[nodiscard]] Probe run_probe();

} // namespace slicepatch::tool

#endif
