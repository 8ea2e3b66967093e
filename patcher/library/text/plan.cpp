// SPDX-License-Identifier: MIT
#include "plan.h"

#include "relations.h"
#include "patcher/library/sites/selection.h"

namespace slicepatch {

Action plan_group(const GroupFacts &group, const PlanInput &input)
{
    if (group.trouble)
        return Action::leave;
    // Sites are changed once: what an earlier call decided for this group holds for the rest of it.
    if (group.has_enabled)
        return Action::enable;
    const bool only_enters = group.has_enter && !group.has_exit;
    const bool wants_enabled = input.guarantee != SLICEPATCH_GUARANTEE_NONE && group.selected && !group.has_off;
    if (wants_enabled && group.exits != Exits::may_not_clear) {
        const bool hooked = input.guarantee == SLICEPATCH_GUARANTEE_PROCESS || input.threads_hooked;
        const bool served = !only_enters || group.exits == Exits::clear;
        return hooked && served ? Action::enable : Action::leave;
    }
    if (!group.has_exit)
        return Action::off; // harmless, whatever the EXITs do
    // A thread that is inside a section now may have asked, and needs the EXIT that clears it.
    if (input.other_threads && input.kernel_may_grant)
        return group.has_enter && group.exits == Exits::may_not_clear ? Action::enters_off : Action::leave;
    // An EXIT that does nothing while some ENTER still asks would leave the request set. The other side of a labelled
    // group is in another object, which may come later.
    if (!group.has_enter)
        return group.labelled || group.asked ? Action::leave : Action::off;
    return group.asked ? Action::enters_off : Action::off;
}

Status plan(const Selection &selection, const PlanInput &input, Relations &relations, Array<Action> &actions)
{
    if (Status status = relations.gather(); status != Status::ok)
        return status;
    // Where the sites of a function are in what goes for several: basic blocks with unwind entries of their own, parts
    // that nothing but the name shows to be parts, code without unwind entries. Where names decide, they are one group.
    const NamedGroup *last = nullptr;
    for (const NamedGroup &named : selection.names) {
        if (!relations.may_be_scattered(named.group))
            continue;
        if (last && last->object == named.object && last->name == named.name)
            relations.unite(last->group, named.group);
        last = &named;
    }
    for (std::uint32_t i = 0; i < selection.groups.size(); ++i)
        if (!selection.groups[i])
            relations.deselect(i);
    return relations.decide(input, actions);
}

} // namespace slicepatch
