// SPDX-License-Identifier: MIT
//
// Decides what happens to each group of sites. Pure: no bytes, no system calls.
#ifndef SLICEPATCH_PLAN_H
#define SLICEPATCH_PLAN_H

#include "sites.h"

#include <slicepatch/slicepatch.h>

#include <span>

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

/// One action per group of the list, of which selected says whether the user has chosen it (selection.h). No error where
/// actions has room for them.
Status plan(const SiteList &list, const PlanInput &input, const Array<bool> &selected, Array<Action> &actions);

inline constexpr std::size_t longest_glob = 4095; // bytes of one item of a selection, without its '-'

/// Whether no item of the selection is longer than that.
bool is_selection(const char *selection);

/// Whether name is selected by "glob,-glob,...": the last match decides; without a match, a list that starts with an
/// exclusion selects, and any other does not. Null or empty selects everything. The name may be of any length. Marks the
/// items that match: matched, if not null, has one for each.
bool selects(const char *selection, const char *name, bool *matched = nullptr);

/// How many items a selection has.
std::size_t count_globs(const char *selection);

/// Items of a selection that match nothing; first is null if there are none.
struct Unmatched {
    const char *first; // in the selection, of length bytes, with its '-'
    std::size_t length;
    unsigned count;
};

/// matched: of each item of the selection, as selects() marks them; none: nothing is known.
Unmatched find_unmatched(const char *selection, std::span<const bool> matched);

} // namespace slicepatch

#endif
