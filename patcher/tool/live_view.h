// SPDX-License-Identifier: MIT
//
// The sites of a process that runs on meanwhile: loads and unloads objects, patches them, runs another program.
#ifndef SLICEPATCH_TOOL_LIVE_VIEW_H
#define SLICEPATCH_TOOL_LIVE_VIEW_H

#include "process.h"
#include "site_view.h"

namespace slicepatch::tool {

struct LiveView {
    ObjectView object;
    std::uint64_t begin;           // its first byte in memory
    std::unique_ptr<ElfFile> file; // for names; null: it cannot be read, and no_file says why
    std::string no_file;
};

/// The objects that have sites or problems, as two looks in a row agreed about them, or five where there are
/// problems; diff as view_object's compare.
/// Throws Error if the process ends, and Changed if it does not hold still for as long as these take.
[[nodiscard]] std::vector<LiveView> view_process(Process &process, bool diff);

} // namespace slicepatch::tool

#endif
