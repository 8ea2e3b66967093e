// SPDX-License-Identifier: MIT
//
// The enabled form runs, and so does whatever an interrupted write leaves of it: on this CPU, or on what emulates it.
// In an area that no kernel knows, so that nothing is ever granted. One program for each distance of the area from the
// thread pointer, because an object has one.
#include "patcher/library/text/edits.h"

#include <slicepatch/slicepatch.h>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

extern "C" int seen_inside(const volatile std::uint8_t *request);
extern "C" int seen_inside_stepwise(const volatile std::uint8_t *request);

namespace slicepatch::tests {

namespace {

// LIVE_DISTANCE puts the area far from the thread pointer, whichever side of it the architecture has thread-locals on.
struct Areas {
    volatile slicepatch_rseq one;
    char between[LIVE_DISTANCE];
    volatile slicepatch_rseq other;
};
thread_local Areas areas;

std::int64_t from_thread_pointer(const volatile void *address)
{
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(address) - SLICEPATCH_ARCH_THREAD_POINTER());
}

volatile slicepatch_rseq &farther()
{
    const auto distance = [](const volatile void *address) {
        const std::int64_t offset = from_thread_pointer(address);
        return offset < 0 ? -offset : offset;
    };
    return distance(&areas.one) > distance(&areas.other) ? areas.one : areas.other;
}

/// The area far from the thread pointer, and sites that know it.
volatile slicepatch_rseq &use_area(FormTable &forms, SiteList &list)
{
    volatile slicepatch_rseq &area = farther();
    slicepatch_object.rseq_offset = from_thread_pointer(&area);
    REQUIRE(find_sites(host_backend(), list) == Status::ok);
    REQUIRE(make_forms(host_backend(), from_thread_pointer(&area.slice_request), forms) == Status::ok);
    read_states(forms, list);
    return area;
}

/// Enables the sites of one label; nothing of any other.
Array<Action> enable(const SiteList &list, const char *label)
{
    Array<Action> actions;
    for (const Group &group : list.groups) {
        const bool is_it = group.label && !std::strcmp(group.label, label);
        REQUIRE(actions.push(is_it ? Action::enable : Action::leave) == Status::ok);
    }
    return actions;
}

/// Emulators do not see what is written otherwise.
constexpr Writer seen_writer = Writer::rwx;

unsigned count_enabled(const FormTable &forms, SiteList &list)
{
    read_states(forms, list);
    unsigned count = 0;
    for (const Site &site : list.sites)
        count += site.state == State::enabled;
    return count;
}

} // namespace

TEST_CASE("an enabled section asks while it runs, and no longer when it has ended")
{
    FormTable forms;
    SiteList list;
    volatile slicepatch_rseq &area = use_area(forms, list);
    CHECK(seen_inside(&area.slice_request) == -1); // as compiled, on a thread that is not enabled
    const Array<Action> actions = enable(list, "at once");
    EditWalk walk(forms, list, actions, false);
    {
        TextWriter writer(seen_writer, false, false, walk.span());
        REQUIRE(write_edits(walk, writer) == Status::ok);
        REQUIRE(writer.result().status == Status::ok);
    }
    CHECK(count_enabled(forms, list) >= 3);
    CHECK(seen_inside(&area.slice_request) == 1);
    CHECK(area.slice_request == 0);
}

TEST_CASE("wherever the writing stops, a section asks while it runs, and no longer when it has ended")
{
    FormTable forms;
    SiteList list;
    volatile slicepatch_rseq &area = use_area(forms, list);
    area.flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED; // the dynamic path asks too
    CHECK(seen_inside_stepwise(&area.slice_request) == 1);
    const Array<Action> actions = enable(list, "word by word");
    const unsigned enabled_before = count_enabled(forms, list);
    std::size_t steps = 0;
    for (Part part : {Part::tails, Part::heads}) {
        EditWalk walk(forms, list, actions, false, part);
        TextWriter writer(seen_writer, false, false, walk.span());
        Array<Edit> edits;
        REQUIRE(walk.next(edits) == Status::ok);
        for (std::size_t i = 0; i < edits.size(); ++i, ++steps) {
            writer.write(edits.span().subspan(i, 1));
            REQUIRE(writer.result().status == Status::ok);
            CAPTURE(steps);
            CHECK(seen_inside_stepwise(&area.slice_request) == 1);
            CHECK(area.slice_request == 0);
        }
    }
    CHECK(count_enabled(forms, list) >= enabled_before + 2);
    CHECK(steps >= 2);
    area.flags = 0; // now only the stores of the enabled form can ask
    CHECK(seen_inside_stepwise(&area.slice_request) == 1);
    CHECK(area.slice_request == 0);
}

} // namespace slicepatch::tests
