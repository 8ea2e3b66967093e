// SPDX-License-Identifier: MIT
#include "patcher/plan.h"

#include <doctest/doctest.h>

using namespace slicepatch;

namespace {

constexpr GroupFacts pair{
    .has_enter = true, .has_exit = true, .trouble = false, .selected = true, .has_enabled = false, .has_off = false};
constexpr PlanInput process{SLICEPATCH_GUARANTEE_PROCESS, true, false, true};
constexpr PlanInput thread{SLICEPATCH_GUARANTEE_THREAD, true, false, true};
constexpr PlanInput none{SLICEPATCH_GUARANTEE_NONE, true, false, false};

GroupFacts with(GroupFacts group, auto change)
{
    change(group);
    return group;
}

PlanInput with(PlanInput input, auto change)
{
    change(input);
    return input;
}

} // namespace

TEST_CASE("a pair is enabled under a guarantee and switched off without one")
{
    CHECK(plan_group(pair, process) == Action::enable);
    CHECK(plan_group(pair, thread) == Action::enable);
    CHECK(plan_group(pair, none) == Action::off);
}

TEST_CASE("without a hook for new threads a per-thread guarantee leaves the sites as compiled")
{
    const auto unhooked = [](PlanInput &input) { input.threads_hooked = false; };
    CHECK(plan_group(pair, with(thread, unhooked)) == Action::leave);
    CHECK(plan_group(pair, with(process, unhooked)) == Action::enable);
    CHECK(plan_group(pair, with(none, unhooked)) == Action::off);
}

TEST_CASE("a group with trouble is left alone whatever the guarantee")
{
    const GroupFacts troubled = with(pair, [](GroupFacts &group) { group.trouble = true; });
    for (const PlanInput &input : {process, thread, none})
        CHECK(plan_group(troubled, input) == Action::leave);
}

TEST_CASE("a group with only one side is enabled but never switched off")
{
    const GroupFacts enters = with(pair, [](GroupFacts &group) { group.has_exit = false; });
    const GroupFacts exits = with(pair, [](GroupFacts &group) { group.has_enter = false; });
    for (const GroupFacts &group : {enters, exits}) {
        CHECK(plan_group(group, process) == Action::enable);
        CHECK(plan_group(group, none) == Action::leave);
        CHECK(plan_group(with(group, [](GroupFacts &g) { g.selected = false; }), process) == Action::leave);
    }
}

TEST_CASE("a group of branches alone follows the guarantee")
{
    const GroupFacts branches = with(pair, [](GroupFacts &group) { group.has_enter = group.has_exit = false; });
    CHECK(plan_group(branches, process) == Action::enable);
    CHECK(plan_group(branches, none) == Action::off);
}

TEST_CASE("a group that is not selected becomes no-ops")
{
    const GroupFacts group = with(pair, [](GroupFacts &g) { g.selected = false; });
    CHECK(plan_group(group, process) == Action::off);
}

TEST_CASE("what was decided for a group once holds for the rest of it")
{
    const GroupFacts enabled = with(pair, [](GroupFacts &group) { group.has_enabled = true; });
    const GroupFacts off = with(pair, [](GroupFacts &group) { group.has_off = true; });
    CHECK(plan_group(enabled, none) == Action::enable);
    CHECK(plan_group(off, process) == Action::off);
}

TEST_CASE("while other threads run and the kernel may grant, no EXIT is switched off")
{
    const auto running = [](PlanInput &input) { input.other_threads = true; };
    const GroupFacts deselected = with(pair, [](GroupFacts &group) { group.selected = false; });
    CHECK(plan_group(deselected, with(process, running)) == Action::leave);
    CHECK(plan_group(pair, with(process, running)) == Action::enable);
    CHECK(plan_group(pair, with(none, running)) == Action::off); // nobody can have asked
}

TEST_CASE("a selection is a list of globs of which the last match decides")
{
    CHECK(selects(nullptr, "queue"));
    CHECK(selects("", "queue"));
    CHECK(selects("queue", "queue"));
    CHECK(!selects("queue", "stack"));
    CHECK(selects("q*,stack", "stack"));
    CHECK(!selects("-q*", "queue"));
    CHECK(selects("-q*", "stack"));
    CHECK(!selects("*,-q*", "queue"));
    CHECK(selects("*,-q*,queue", "queue"));
    CHECK(selects("ns::*", "ns::lock"));
    CHECK(!selects(",", "queue"));
}
