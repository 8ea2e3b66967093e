// SPDX-License-Identifier: MIT
#include "relations.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

namespace slicepatch {

namespace {

Exits both(Exits a, Exits b)
{
    return std::max(a, b); // in the order of what is worse to know
}

bool only_enters(const GroupFacts &facts)
{
    return facts.has_enter && !facts.has_exit;
}

bool only_exits(const GroupFacts &facts)
{
    return facts.has_exit && !facts.has_enter;
}

/// Before anything is known of other groups.
bool decide_alike(const GroupFacts &a, const GroupFacts &b)
{
    return a.has_enter == b.has_enter && a.has_exit == b.has_exit && a.trouble == b.trouble &&
           a.selected == b.selected && a.has_enabled == b.has_enabled && a.has_off == b.has_off;
}

/// Whether ENTERs of the group may leave a request behind, now or after its action.
bool may_ask(const GroupFacts &facts, Action action, const PlanInput &input)
{
    const bool as_compiled = action == Action::leave && input.kernel_may_grant;
    return facts.has_enter && (facts.has_enabled || action == Action::enable || as_compiled);
}

} // namespace

Status Relations::reserve()
{
    const std::size_t groups = list_.groups.size();
    for (Status status : {facts_.reserve(groups), wholes_.reserve(groups), exits_.reserve(groups),
                          objects_.reserve(list_.objects.size()), by_label_.reserve(groups)})
        if (status != Status::ok)
            return status;
    return Status::ok;
}

Status Relations::gather()
{
    for (const Group &group : list_.groups) {
        const auto itself = static_cast<std::uint32_t>(wholes_.size());
        if (Status status = wholes_.push(itself); status != Status::ok)
            return status;
        const GroupFacts facts{
            .has_enter = group.has_enter,
            .has_exit = group.has_exit,
            .labelled = group.label != nullptr,
            .trouble = group.trouble != Status::ok,
            .selected = true,
            .has_enabled = false,
            .has_off = false,
            .exits = Exits::unknown,
            .asked = false,
        };
        if (Status status = facts_.push(facts); status != Status::ok)
            return status;
    }
    if (Status status = exits_.fill(list_.groups.size(), Exits::unknown); status != Status::ok)
        return status;
    if (Status status = objects_.fill(list_.objects.size(), {Exits::unknown, false, false, false});
        status != Status::ok)
        return status;
    gather_states();
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
        if (list_.groups[i].whole != i)
            unite(i, list_.groups[i].whole);
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i) {
        const GroupFacts &whole = facts_[whole_of(i)];
        object_of(i).scattered |= !whole.labelled && whole.has_enter != whole.has_exit;
    }
    return Status::ok;
}

void Relations::gather_states()
{
    for (const Site &site : list_.sites) {
        GroupFacts &facts = facts_[site.group];
        facts.has_enabled |= site.state == State::enabled;
        facts.has_off |= site.state == State::off;
        if (site.kind != Kind::exit)
            continue;
        const bool clears = site.state == State::compiled || site.state == State::enabled;
        const Exits exits = clears ? Exits::clear : Exits::may_not_clear;
        exits_[site.group] = both(exits_[site.group], exits);
        object_of(site.group).exits = both(object_of(site.group).exits, exits);
    }
}

/// Sections with a label may go from one object to another. That matters where groups of one label may not do the same:
/// where any two groups with labels differ in what a plan depends on.
Status Relations::gather_labels()
{
    const GroupFacts *first = nullptr;
    bool differ = false;
    std::uint32_t object = 0, objects = 0;
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i) {
        if (!list_.groups[i].label)
            continue;
        if (!objects || list_.groups[i].object != object)
            ++objects;
        object = list_.groups[i].object;
        const GroupFacts &facts = facts_[whole_of(i)];
        if (!first)
            first = &facts;
        differ |= only_enters(facts) || !decide_alike(*first, facts);
    }
    if (!differ || objects < 2)
        return Status::ok;
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
        if (list_.groups[i].label)
            if (Status status = by_label_.push(i); status != Status::ok)
                return status;
    std::sort(by_label_.begin(), by_label_.end(), [&](std::uint32_t a, std::uint32_t b) {
        return std::strcmp(list_.groups[a].label, list_.groups[b].label) < 0;
    });
    return Status::ok;
}

/// Calls work(begin, end) for the groups of each label.
template <class Work> void Relations::for_each_label(Work work) const
{
    for (const std::uint32_t *begin = by_label_.begin(), *end = begin; begin != by_label_.end(); begin = end) {
        while (end != by_label_.end() && !std::strcmp(list_.groups[*begin].label, list_.groups[*end].label))
            ++end;
        work(begin, end);
    }
}

std::uint32_t Relations::whole_of(std::uint32_t group) const
{
    while (wholes_[group] != group)
        group = wholes_[group];
    return group;
}

bool Relations::may_be_scattered(std::uint32_t group) const
{
    return !list_.groups[group].label && objects_[list_.groups[group].object].scattered;
}

void Relations::unite(std::uint32_t group, std::uint32_t other)
{
    const std::uint32_t one = whole_of(group), two = whole_of(other);
    wholes_[group] = wholes_[other] = wholes_[one] = wholes_[two] = std::min(one, two); // short ways for the next call
    if (one == two)
        return;
    GroupFacts &whole = facts_[std::min(one, two)];
    const GroupFacts &part = facts_[std::max(one, two)];
    whole.has_enter |= part.has_enter;
    whole.has_exit |= part.has_exit;
    whole.labelled |= part.labelled;
    whole.trouble |= part.trouble;
    whole.selected &= part.selected;
    whole.has_enabled |= part.has_enabled;
    whole.has_off |= part.has_off;
}

void Relations::deselect(std::uint32_t group)
{
    facts_[whole_of(group)].selected = false;
}

void Relations::find_exits()
{
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
        if (only_enters(facts_[whole_of(i)]))
            facts_[whole_of(i)].exits = object_of(i).exits;
    for_each_label([&](const std::uint32_t *begin, const std::uint32_t *end) {
        Exits exits = Exits::unknown;
        for (const std::uint32_t *group = begin; group != end; ++group)
            exits = both(exits, exits_[*group]);
        for (const std::uint32_t *group = begin; group != end; ++group)
            facts_[whole_of(*group)].exits = both(facts_[whole_of(*group)].exits, exits);
    });
}

/// Tells the EXITs that may serve them of the ENTERs that have none of their own, and may ask.
void Relations::spread_one_sided(const PlanInput &input, const Array<Action> &actions)
{
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i) {
        const GroupFacts &facts = facts_[whole_of(i)];
        object_of(i).one_sided_ask |= only_enters(facts) && may_ask(facts, actions[whole_of(i)], input);
    }
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
        facts_[whole_of(i)].asked |= object_of(i).one_sided_ask;
}

/// Tells the EXITs of a label of its ENTERs in any object that may ask.
void Relations::spread_by_label(const PlanInput &input, const Array<Action> &actions)
{
    for_each_label([&](const std::uint32_t *begin, const std::uint32_t *end) {
        const bool any = std::any_of(begin, end, [&](std::uint32_t group) {
            return may_ask(facts_[whole_of(group)], actions[whole_of(group)], input);
        });
        for (const std::uint32_t *group = begin; group != end; ++group)
            facts_[whole_of(*group)].asked |= any;
    });
}

template <class Which> void Relations::decide_those(Which which, const PlanInput &input, Array<Action> &actions) const
{
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
        if (wholes_[i] == i && which(facts_[i]))
            actions[i] = plan_group(facts_[i], input);
}

Status Relations::decide(const PlanInput &input, Array<Action> &actions)
{
    if (Status status = actions.fill(list_.groups.size(), Action::leave); status != Status::ok)
        return status;
    if (Status status = gather_labels(); status != Status::ok)
        return status;
    // ENTERs alone depend on what the EXITs are now; EXITs may go off where no such ENTER asks, nor any of their label
    // in another object; and EXITs alone, which may serve any ENTER of their object, where none asks at all.
    // Most programs have neither, and many groups.
    const auto both_sides = [](const GroupFacts &facts) { return facts.has_enter == facts.has_exit; };
    const bool one_sided = std::any_of(facts_.begin(), facts_.end(), [&](const GroupFacts &facts) {
        return !both_sides(facts); // parts of what is one-sided or not: no harm
    });
    find_exits();
    if (one_sided) {
        decide_those(only_enters, input, actions);
        spread_one_sided(input, actions);
    }
    decide_those(both_sides, input, actions);
    if (!by_label_.empty()) {
        spread_by_label(input, actions);
        decide_those(both_sides, input, actions);
    }
    if (one_sided) {
        for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
            object_of(i).any_ask |= may_ask(facts_[whole_of(i)], actions[whole_of(i)], input);
        for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
            facts_[whole_of(i)].asked |= object_of(i).any_ask;
        decide_those(only_exits, input, actions);
    }
    for (std::uint32_t i = 0; i < list_.groups.size(); ++i)
        actions[i] = actions[whole_of(i)];
    return Status::ok;
}

} // namespace slicepatch
