// SPDX-License-Identifier: MIT
//
// All mixes of the states of ENTER and EXIT: what each leaves behind. Which of them the planner can produce is the
// business of reachable_mixes_test.cpp.
#include "outcome.h"

#include <doctest/doctest.h>

#include <cstdio>

using namespace slicepatch::test;

namespace {

struct Mix {
    std::string enter, exit, thread;
};

const std::vector<std::string> states = {"compiled", "enabled", "off"};

/// Whether ENTER leaves a request in the area.
bool asks(const Mix &mix)
{
    return mix.enter == "enabled" || (mix.enter == "compiled" && mix.thread == "on");
}

std::string judge(const Outcome &outcome)
{
    std::string faults;
    for (const char *event : {"nothing", "grant", "revoke"}) {
        const std::string left = outcome.value(event);
        if (left.find("request 1") != std::string::npos)
            faults += std::string(faults.empty() ? "" : ", ") + event + ": stale request";
        if (left.find("granted 1") != std::string::npos)
            faults += std::string(faults.empty() ? "" : ", ") + event + ": grant not yielded";
    }
    return faults.empty() ? "clean" : faults;
}

} // namespace

TEST_CASE("no mix of states leaves a request or a grant behind, but for an EXIT that is off where ENTER asks")
{
    std::printf("%-9s %-9s %-7s %s\n", "ENTER", "EXIT", "thread", "after the section");
    for (const std::string &enter : states)
        for (const std::string &exit : states)
            for (const char *thread : {"on", "off"}) {
                const Mix mix{enter, exit, thread};
                const Outcome outcome = run({.program = MIXED, .arguments = {enter, exit, thread}});
                if (skipped(outcome, "the mixes of states"))
                    return;
                CAPTURE(outcome.out);
                REQUIRE(outcome.status == 0);
                REQUIRE(outcome.value("ready") == "yes");
                const std::string verdict = judge(outcome);
                std::printf("%-9s %-9s %-7s %s\n", enter.c_str(), exit.c_str(), thread, verdict.c_str());
                const bool granted = asks(mix) && mix.thread == "on";
                if (exit == "off" && asks(mix)) {
                    // What the planner has to prevent, and the proof that this table can tell.
                    CHECK(verdict == (granted ? "nothing: stale request, grant: grant not yielded"
                                              : "nothing: stale request, grant: stale request, revoke: stale request"));
                    continue;
                }
                CHECK(verdict == "clean");
                CHECK(outcome.value("nothing").ends_with("yields 0"));
                CHECK(outcome.value("grant").ends_with(granted ? "yields 1" : "yields 0"));
                CHECK(outcome.value("revoke").ends_with("yields 0"));
            }
}
