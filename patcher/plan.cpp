// SPDX-License-Identifier: MIT
#include "plan.h"

#include <cstring>
#include <fnmatch.h>

namespace slicepatch {

Action plan_group(const GroupFacts &group, const PlanInput &input)
{
    if (group.trouble)
        return Action::leave;
    // Sites are changed once: what an earlier call decided for this group holds for the rest of it.
    if (group.has_enabled)
        return Action::enable;
    const bool wants_enabled = input.guarantee != SLICEPATCH_GUARANTEE_NONE && group.selected;
    if (wants_enabled && !group.has_off)
        return input.guarantee == SLICEPATCH_GUARANTEE_PROCESS || input.threads_hooked ? Action::enable : Action::leave;
    // An EXIT that does nothing while some ENTER still asks would leave the request set. The other side of a one-sided
    // group is elsewhere, in a state that nobody here knows.
    const bool one_sided = group.has_enter != group.has_exit;
    if (one_sided)
        return Action::leave;
    // A thread that is inside a section now may have asked, and needs the EXIT that clears it.
    if (input.other_threads && input.kernel_may_grant && group.has_exit)
        return Action::leave;
    return Action::off;
}

namespace {

struct Item {
    const char *glob;
    std::size_t length;
    bool excludes;
};

/// The item that begins at rest, which moves to the next one; false at the end.
bool take_item(const char *&rest, Item &item)
{
    if (!*rest)
        return false;
    const std::size_t length = std::strcspn(rest, ",");
    const bool excludes = *rest == '-';
    item = {rest + excludes, length - excludes, excludes};
    rest += length + (rest[length] == ',');
    return true;
}

} // namespace

bool is_selection(const char *selection)
{
    Item item;
    while (selection && take_item(selection, item))
        if (item.length > longest_glob)
            return false;
    return true;
}

bool selects(const char *selection, const char *name, bool *matched)
{
    if (!selection || !*selection)
        return true;
    bool selected = *selection == '-';
    Item item;
    std::size_t index = 0;
    for (const char *rest = selection; take_item(rest, item); ++index) {
        char glob[longest_glob + 1];
        if (item.length >= sizeof glob)
            continue; // is_selection() refused it
        std::memcpy(glob, item.glob, item.length);
        glob[item.length] = 0;
        if (fnmatch(glob, name, 0))
            continue;
        selected = !item.excludes;
        if (matched)
            matched[index] = true;
    }
    return selected;
}

std::size_t count_globs(const char *selection)
{
    std::size_t count = 0;
    Item item;
    while (selection && take_item(selection, item))
        ++count;
    return count;
}

Unmatched find_unmatched(const char *selection, std::span<const bool> matched)
{
    Unmatched unmatched{};
    Item item;
    for (bool known : matched) {
        if (!take_item(selection, item) || known || !item.length)
            continue;
        if (!unmatched.count++) {
            unmatched.first = item.glob - item.excludes;
            unmatched.length = item.length + item.excludes;
        }
    }
    return unmatched;
}

Status plan(const SiteList &list, const PlanInput &input, const Array<bool> &selected, Array<Action> &actions)
{
    // First what its sites are now, then what becomes of it: one array, so that nothing fails for want of memory.
    if (Status status = actions.fill(list.groups.size(), Action::leave); status != Status::ok)
        return status;
    for (const Site &site : list.sites) {
        if (site.state == State::enabled)
            actions[site.group] = Action::enable;
        else if (site.state == State::off && actions[site.group] == Action::leave)
            actions[site.group] = Action::off;
    }
    for (std::size_t i = 0; i < list.groups.size(); ++i) {
        const Group &group = list.groups[i];
        const GroupFacts facts{
            .has_enter = group.has_enter,
            .has_exit = group.has_exit,
            .trouble = group.trouble != Status::ok,
            .selected = selected[i],
            .has_enabled = actions[i] == Action::enable,
            .has_off = actions[i] == Action::off,
        };
        actions[i] = plan_group(facts, input);
    }
    return Status::ok;
}

} // namespace slicepatch
