// SPDX-License-Identifier: MIT
//
// Init called again, together, in a child, under running threads and signal handlers.
#include "outcome.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

const std::vector<std::string> live = {"SLICEPATCH_LIVE=1"}; // what AMD needs no permission for

void check_patched(const Outcome &outcome, const std::string &state, const std::string &count)
{
    CAPTURE(outcome.out);
    CAPTURE(outcome.error);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("errno") == "kept");
    CHECK(outcome.value(state) == count);
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("counted") == "yes");
}

} // namespace

TEST_CASE("a program that never calls init works as compiled")
{
    const Outcome outcome = run_subject({"run=1000", "threads=3", "join", "check", "states"});
    CHECK(outcome.status == 0);
    CHECK(outcome.value("counted") == "yes");
    CHECK(outcome.value("chooses") == "0");
    for (const SeenSite &site : outcome.sites)
        CHECK(site.state == "compiled");
}

TEST_CASE("init again changes nothing and reports the same")
{
    const Outcome once = run_subject({"kernel=none", "init", "run=100", "check", "states"});
    const Outcome twice = run_subject({"kernel=none", "init", "init", "init", "run=100", "check", "states"});
    check_patched(once, "off", all_sites);
    check_patched(twice, "off", all_sites);
    CHECK(twice.value("writer") == "none"); // there was nothing to write
    CHECK(run_subject({"kernel=none", "init", "report"}).value("off") == all_sites);
}

TEST_CASE("a report before init says that nothing happened")
{
    const Outcome outcome = run_subject({"report"});
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("guarantee") == "0");
    CHECK(outcome.value("sites") == "0");
    CHECK(outcome.value("reason") == "slicepatch_init() has not been called");
}

TEST_CASE("init from several threads at once patches once and everywhere")
{
    for (int round = 0; round < 10; ++round) {
        const Outcome outcome = run_subject({"kernel=none", "together=8", "run=100", "init", "check", "states"}, live);
        CHECK(outcome.value("worst_answer") == "0");
        CHECK(outcome.value("most_foreign") == "0");
        check_patched(outcome, "off", all_sites);
    }
}

TEST_CASE("init in a fork child patches what the parent did not")
{
    const Outcome first = run_subject({"kernel=none", "run=10", "fork", "init", "run=100", "check", "states"});
    check_patched(first, "off", all_sites);
    const Outcome again = run_subject({"kernel=none", "init", "fork", "init", "run=100", "check", "states"});
    check_patched(again, "off", all_sites);
    CHECK(again.value("writer") == "none");
}

TEST_CASE("init in a fork child of a process with threads patches it as a single thread")
{
    needs_whole_system("no process is single-threaded");
    const Outcome outcome = run_subject({"kernel=none", "threads=2", "fork", "init", "states"});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("writer") == "procmem");
    CHECK(outcome.value("off") == all_sites);
}

TEST_CASE("init in a fork child works while the parent is inside init in another thread")
{
    const Outcome outcome = run_subject({"kernel=none", "forks=200", "init", "run=10", "check"}, live);
    CHECK(outcome.value("bad_children") == "0");
    CHECK(outcome.value("stuck_children") == "0");
    CHECK(outcome.value("off") == all_sites);
}

TEST_CASE("sections give right results while init switches them off under running threads")
{
    for (int round = 0; round < 10; ++round) {
        const Outcome outcome = run_subject({"kernel=none", "threads=4", "init", "run=100", "join", "check"}, live);
        check_patched(outcome, "off", all_sites);
        CHECK(outcome.value("writer") == "live");
    }
}

TEST_CASE("sections give right results while init enables them under running threads")
{
    for (int round = 0; round < 10; ++round) {
        const Outcome outcome =
            run_subject({"kernel=stock", "yield=ok", "threads=4", "init", "run=100", "join", "check"}, live);
        check_patched(outcome, "enabled", all_sites);
        CHECK(outcome.value("writer") == "live");
    }
}

TEST_CASE("running threads are patched under only where the CPU is known to tolerate it, or the user says so")
{
    const Outcome outcome = run_subject({"kernel=none", "threads=2", "init", "join", "check"}, {"SLICEPATCH_LIVE=0"});
    CAPTURE(outcome.out);
    CHECK(outcome.value("counted") == "yes");
    if (outcome.value("writer") == "live") {
        check_patched(outcome, "off", all_sites);
    } else {
        CHECK(outcome.value("compiled") == all_sites);
        CHECK(outcome.value("failure").ends_with("(SLICEPATCH_LIVE=1)"));
    }
    const Outcome by_option =
        run_subject({"kernel=none", "flags=16", "threads=2", "init", "join", "check"}, {"SLICEPATCH_LIVE=0"});
    CHECK(by_option.value("writer") == outcome.value("writer")); // the environment has the last word
    check_patched(run_subject({"kernel=none", "flags=16", "threads=2", "init", "join", "check"}), "off", all_sites);
}

TEST_CASE("a program may have init called before its main")
{
    const Outcome outcome = run({.program = SUBJECT_AT_START, .arguments = {"run=10", "check", "report", "states"}});
    CAPTURE(outcome.out);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("sites") == all_sites);
    CHECK(outcome.value("compiled") == "0");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("a visitor of the sites may ask for the report while another thread is inside init, but not call init")
{
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", "visits=2000", "check"}, live);
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("visitor_report") == "0");
    CHECK(outcome.value("visitor_init") == std::to_string(-EDEADLK));
}

TEST_CASE("running threads that may hold a request keep their sections as compiled when they are to be switched off")
{
    needs_whole_system("an emulator registers no rseq area, in which nobody has a request then");
    const std::vector<std::string> off = {"SLICEPATCH_LIVE=1", "SLICEPATCH=off"};
    const Outcome outcome = run_subject({"available", "threads=2", "init", "join", "check", "states"}, off);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("compiled") == all_but_the_branch);
    CHECK(outcome.state_of("first") == "compiled");
    CHECK(outcome.state_of("chooses") == "off"); // a branch asks for nothing
    CHECK(outcome.value("counted") == "yes");
    // Where the kernel has no slice extension for this area, no thread of its libc can have asked.
    CHECK(run_subject({"threads=2", "init", "join", "check"}, off).value("off") == all_sites);
}

TEST_CASE("signal handlers run sections during init")
{
    for (const char *kernel : {"kernel=none", "kernel=stock"}) {
        for (int round = 0; round < 5; ++round) {
            const Outcome outcome = run_subject(
                {kernel, "yield=ok", "alarms", "init", "init", "run=2000", "quiet", "check", "states"}, live);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("counted") == "yes");
            CHECK(outcome.value("handled") == "yes");
            CHECK(outcome.value("compiled") == "0");
        }
    }
}

TEST_CASE("iterating over the sites stops when the visitor says so")
{
    const Outcome outcome = run_subject({"stop-early"});
    CHECK(outcome.value("stopped") == "99");
    CHECK(outcome.value("stopped_after") == "3");
}
