// SPDX-License-Identifier: MIT
//
// Calls that are cut short, or made by a process whose memory is not its own: the lock of init serves those who come
// after, and nobody writes to text under threads that he does not see.
#include "outcome.h"

#include <doctest/doctest.h>

#include <cerrno>

using namespace slicepatch::test;

namespace {

const std::vector<std::string> live = {"SLICEPATCH_LIVE=1"};
const std::string busy = std::to_string(-EBUSY);

// After whatever happened, a child can be made, and init works in both.
void check_usable(const Outcome &outcome, const std::string &state)
{
    CAPTURE(outcome.out);
    CAPTURE(outcome.error);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value(state) == all_sites);
    CHECK(outcome.value("counted") == "yes");
}

} // namespace

TEST_CASE("no call of the library is cut short by a cancellation, which comes afterwards")
{
    for (const char *call : {"init", "report", "visit", "thread-init", "start"}) {
        CAPTURE(call);
        const Outcome outcome = run_subject(
            {"kernel=stock", "yield=ok", std::string("cancelled=") + call, "fork", "init", "run=10", "check"});
        CHECK(outcome.value("returned") == "1");
        CHECK(outcome.value("ended") == "cancelled");
        check_usable(outcome, "enabled");
    }
}

TEST_CASE("a fork that waits for another thread's init is not cut short either")
{
    for (int round = 0; round < 10; ++round) {
        const Outcome outcome =
            run_subject({"kernel=none", "busy", "cancelled=fork", "join", "fork", "init", "check"}, live);
        CHECK(outcome.value("returned") == "1");
        CHECK(outcome.value("ended") == "cancelled");
        check_usable(outcome, "off");
    }
}

TEST_CASE("a thread that can be cancelled at any instruction is not while it is inside the library")
{
    for (const char *call : {"init", "report", "visit", "thread-init"}) {
        CAPTURE(call);
        const Outcome outcome = run_subject(
            {"kernel=stock", "yield=ok", std::string("cancelled-anywhere=") + call, "fork", "init", "run=10", "check"},
            live);
        CHECK(outcome.value("ended") == "cancelled");
        check_usable(outcome, "enabled");
    }
}

TEST_CASE("a child that shares the memory is refused, and leaves text, lock and threads alone")
{
    for (const char *kernel : {"kernel=none", "kernel=stock"})
        for (const char *child : {"vfork-init", "clone-init=200"}) {
            const std::vector<std::string> verbs = {kernel, "yield=ok", "threads=3", child};
            std::vector<std::string> then = verbs, look = verbs;
            then.insert(then.end(), {"init", "join", "fork", "init", "check"});
            look.insert(look.end(), {"join", "states"});
            const Outcome outcome = run_subject(then, live);
            CAPTURE(child);
            CAPTURE(outcome.out);
            CHECK(outcome.value("guest_init") == busy);
            CHECK(outcome.value("guest_get_report") == busy);
            CHECK(outcome.value("guest_visit") == busy);
            CHECK(outcome.value("guest_status") == "0");
            CHECK(outcome.value("guest_reason") ==
                  "this process shares the memory of the one that started it (vfork or CLONE_VM), which has to call "
                  "slicepatch_init() itself");
            check_usable(outcome, kernel == std::string("kernel=none") ? "off" : "enabled");
            if (child != std::string("vfork-init"))
                continue; // the parent called init too
            for (const SeenSite &site : run_subject(look, live).sites)
                CHECK(site.state == "compiled");
        }
}

TEST_CASE("a child with a copy of the memory is nobody's guest, though libc knows nothing of it")
{
    for (const char *before : {"run=1", "init"})
        for (const char *fork : {"bare-fork", "bare-fork-while-locked"}) {
            CAPTURE(before);
            CAPTURE(fork);
            const Outcome outcome = run_subject({"kernel=stock", "yield=ok", before, fork, "init", "run=10", "check"});
            check_usable(outcome, "enabled");
        }
}
