// SPDX-License-Identifier: MIT
//
// Decides what happens to each group of sites. Pure: no bytes, no system calls.
#ifndef SLICEPATCH_PLAN_H
#define SLICEPATCH_PLAN_H

#include "sites.h"

#include <slicepatch/slicepatch.h>

namespace slicepatch {

enum class Action : std::uint8_t {
    leave,  // as it is
    enable, // the enabled form
    off,    // no-ops
};

/// What the plan depends on besides the sites.
struct PlanInput {
    slicepatch_guarantee guarantee;
    bool threads_hooked;   // every new thread passes through us, or needs not to
    bool other_threads;    // sites may be running now
    bool kernel_may_grant; // requests of this process can be honoured, whoever enabled it
};

/// What a group needs to know of its sites and of the user's choice.
struct GroupFacts {
    bool has_enter, has_exit;
    bool trouble;     // a site of it cannot be patched
    bool selected;    // by SLICEPATCH_SITES
    bool has_enabled; // by an earlier call, or by another copy of the library
    bool has_off;
};

Action plan_group(const GroupFacts &group, const PlanInput &input);

/// One action per group of the list, of which selected says whether the user has chosen it (selection.h).
Status plan(const SiteList &list, const PlanInput &input, const Array<bool> &selected, Array<Action> &actions);

inline constexpr std::size_t longest_glob = 4095; // bytes of one item of a selection, without its '-'

/// Whether no item of the selection is longer than that.
bool is_selection(const char *selection);

/// Whether name is selected by "glob,-glob,...": the last match decides; without a match, a list that starts with an
/// exclusion selects, and any other does not. Null or empty selects everything. The name may be of any length.
bool selects(const char *selection, const char *name);

} // namespace slicepatch

#endif
