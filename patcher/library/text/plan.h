// SPDX-License-Identifier: MIT
//
// Decides what happens to each group of sites. Pure: no bytes, no system calls.
#ifndef SLICEPATCH_PLAN_H
#define SLICEPATCH_PLAN_H

#include "patcher/library/sites/sites.h"

#include <slicepatch/slicepatch.h>

#include <span>

namespace slicepatch {

enum class Action : std::uint8_t {
    leave,      // as it is
    enable,     // the enabled form
    off,        // no-ops
    enters_off, // no-ops, but for EXITs, which stay as they are
};

/// What an action means for one site of the group.
inline Action action_for(Kind kind, Action action)
{
    if (action != Action::enters_off)
        return action;
    return kind == Kind::exit ? Action::leave : Action::off;
}

/// What the plan depends on besides the sites.
struct PlanInput {
    slicepatch_guarantee guarantee;
    bool threads_hooked;   // every new thread passes through us, or needs not to
    bool other_threads;    // sites may be running now
    bool kernel_may_grant; // requests of this process can be honoured, whichever code enabled it
};

/// What is known of the EXITs outside a group that may serve its ENTERs: of its label in other objects; and, where it
/// has none of its own, of all others.
enum class Exits : std::uint8_t {
    unknown,      // of none
    clear,        // all of them clear a request
    may_not_clear // one is off, or cannot be read
};

/// What a group needs to know of its sites, of other groups, and of the user's choice. It stands for all that it is
/// united with.
struct GroupFacts {
    bool has_enter, has_exit;
    bool labelled;
    bool trouble;     // a site of it cannot be patched
    bool selected;    // by SLICEPATCH_SITES
    bool has_enabled; // by an earlier call, or by another copy of the library
    bool has_off;
    Exits exits;
    bool asked; // ENTERs outside the group, which its EXITs may serve, may ask
};

Action plan_group(const GroupFacts &group, const PlanInput &input);

struct Selection;
class Relations;

/// One action per group of the relations' list, the same for groups that are united. Once. No error where relations and
/// actions have room for all groups.
Status plan(const Selection &selection, const PlanInput &input, Relations &relations, Array<Action> &actions);

} // namespace slicepatch

#endif
