// SPDX-License-Identifier: MIT
#include "patcher/library/sites/globs.h"
#include "patcher/library/text/plan.h"
#include "patcher/library/text/relations.h"
#include "patcher/library/sites/selection.h"

#include <doctest/doctest.h>

#include <link.h>
#include <string>

using namespace slicepatch;

#define TEN_TIMES(text) text text text text text text text text text text
#define LONG_NAME TEN_TIMES(TEN_TIMES("a_long_name_"))

// By the linker's names they differ behind 1,200 bytes only.
static void one() __asm__(LONG_NAME "one");
static void other() __asm__(LONG_NAME "other");

static volatile int ran;
static void one()
{
    ran = 1;
}
static void other()
{
    ran = 2;
}

namespace {

std::uintptr_t base_of_executable()
{
    std::uintptr_t base = 0;
    dl_iterate_phdr(
        [](dl_phdr_info *info, std::size_t, void *found) {
            *static_cast<std::uintptr_t *>(found) = info->dlpi_addr;
            return 1; // the first object is the executable
        },
        &base);
    return base;
}

Action plan_for(void (*function)(), const char *selection)
{
    SiteList list;
    Array<Action> actions;
    REQUIRE(list.objects.push({"", base_of_executable(), nullptr, 0, 0}) == Status::ok);
    REQUIRE(list.groups.push({.label = nullptr,
                              .function = reinterpret_cast<std::uintptr_t>(function),
                              .object = 0,
                              .has_enter = true,
                              .has_exit = true,
                              .trouble = Status::ok}) == Status::ok);
    Selection selected;
    REQUIRE(select_groups(list, selection, selected) == Status::ok);
    REQUIRE(selected.unnamed == nullptr);
    Relations relations(list);
    REQUIRE(relations.reserve() == Status::ok);
    REQUIRE(plan(selected, {SLICEPATCH_GUARANTEE_PROCESS, true, false, true}, relations, actions) == Status::ok);
    return actions[0];
}

constexpr GroupFacts pair{.has_enter = true,
                          .has_exit = true,
                          .labelled = false,
                          .trouble = false,
                          .selected = true,
                          .has_enabled = false,
                          .has_off = false,
                          .exits = Exits::unknown,
                          .asked = false};
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

TEST_CASE("ENTERs alone are enabled where every EXIT that may serve them clears, and are always switched off")
{
    const GroupFacts enters = with(pair, [](GroupFacts &group) { group.has_exit = false; });
    const GroupFacts served = with(enters, [](GroupFacts &group) { group.exits = Exits::clear; });
    const GroupFacts cheated = with(enters, [](GroupFacts &group) { group.exits = Exits::may_not_clear; });
    const auto deselected = [](GroupFacts &group) { group.selected = false; };
    CHECK(plan_group(served, process) == Action::enable);
    CHECK(plan_group(enters, process) == Action::leave); // an object with the EXIT may come
    CHECK(plan_group(cheated, process) == Action::off);
    for (const GroupFacts &group : {enters, served, cheated}) {
        CHECK(plan_group(group, none) == Action::off);
        CHECK(plan_group(with(group, deselected), process) == Action::off);
        CHECK(plan_group(with(group, deselected),
                         with(process, [](PlanInput &input) { input.other_threads = true; })) == Action::off);
    }
}

TEST_CASE("EXITs alone are switched off where no ENTER that they may serve asks")
{
    const GroupFacts exits = with(pair, [](GroupFacts &group) { group.has_enter = false; });
    CHECK(plan_group(exits, process) == Action::enable);
    CHECK(plan_group(exits, none) == Action::off);
    CHECK(plan_group(with(exits, [](GroupFacts &group) { group.asked = true; }), none) == Action::leave);
    CHECK(plan_group(with(exits, [](GroupFacts &group) { group.labelled = true; }), none) == Action::leave);
}

TEST_CASE("EXITs that may serve ENTERs of another group are left as they are while those may ask")
{
    const GroupFacts asked = with(pair, [](GroupFacts &group) { group.asked = true; });
    CHECK(plan_group(asked, process) == Action::enable);
    CHECK(plan_group(asked, none) == Action::enters_off);
    CHECK(plan_group(with(asked, [](GroupFacts &group) { group.selected = false; }), process) == Action::enters_off);
    CHECK(action_for(Kind::enter, Action::enters_off) == Action::off);
    CHECK(action_for(Kind::branch, Action::enters_off) == Action::off);
    CHECK(action_for(Kind::exit, Action::enters_off) == Action::leave);
}

TEST_CASE("a group whose label has an EXIT in another object that may not clear is not enabled")
{
    const GroupFacts across = with(pair, [](GroupFacts &group) { group.exits = Exits::may_not_clear; });
    const GroupFacts exits = with(across, [](GroupFacts &group) {
        group.has_enter = false;
        group.labelled = true;
    });
    const auto running = [](PlanInput &input) { input.other_threads = true; };
    CHECK(plan_group(across, process) == Action::off);
    CHECK(plan_group(across, with(process, running)) == Action::enters_off); // a thread may be inside
    CHECK(plan_group(with(across, [](GroupFacts &group) { group.asked = true; }), process) == Action::enters_off);
    CHECK(plan_group(exits, process) == Action::leave); // it works as compiled
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

TEST_CASE("a function is selected by its name, however long that is")
{
    CHECK(plan_for(one, "*_one") == Action::enable);
    CHECK(plan_for(other, "*_one") == Action::off);
    CHECK(plan_for(other, "-*_one") == Action::enable);
    const std::string whole = std::string(LONG_NAME) + "other";
    CHECK(plan_for(other, whole.c_str()) == Action::enable);
    CHECK(plan_for(one, whole.c_str()) == Action::off);
}

TEST_CASE("an item and a name of any length that is accepted are matched to their ends")
{
    const std::string name(5000, 'n'), other = name + "m";
    for (const std::size_t length : {255, 256, 257, 4095}) {
        const std::string stem(length - 1, 'n'), glob = stem + "*", excluding = "-" + glob, plain = stem + "x";
        CAPTURE(length);
        CHECK(is_selection(glob.c_str()));
        CHECK(is_selection(excluding.c_str()));
        CHECK(selects(glob.c_str(), name.c_str()));
        CHECK(!selects(excluding.c_str(), name.c_str()));
        CHECK(selects(plain.c_str(), plain.c_str()));
        CHECK(!selects(plain.c_str(), stem.c_str()));
    }
    CHECK(!selects("*n", other.c_str()));
    CHECK(selects("*m", other.c_str()));
}

TEST_CASE("a selection with an item that is too long is none")
{
    const std::string longest(longest_glob, 'n');
    CHECK(is_selection(nullptr));
    CHECK(is_selection(""));
    CHECK(is_selection((longest + "," + longest).c_str()));
    CHECK(is_selection(("-" + longest).c_str()));
    CHECK(!is_selection((longest + "n").c_str()));
    CHECK(!is_selection(("a,-" + longest + "n,b").c_str()));
}
