// SPDX-License-Identifier: MIT
//
// What is counted at sites, and who sees it. Sites stay as compiled here, where each run is counted; what a kernel does
// with requests is counted in the examples' tests.
#include "outcome.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

constexpr const char *programs[] = {OUTCOMES, OUTCOMES_ARCHIVE, OUTCOMES_UNOPTIMISED};

Outcome count(const char *program, const std::vector<std::string> &verbs,
              const std::string &asked = "SLICEPATCH_COUNT=1")
{
    const Outcome outcome =
        run({.program = program, .arguments = verbs, .environment = {"SLICEPATCH=compiled", asked}});
    CAPTURE(program);
    REQUIRE(outcome.status == 0);
    return outcome;
}

} // namespace

TEST_CASE("what is counted at a site is what was run there")
{
    for (const char *program : programs) {
        const Outcome outcome = count(program, {"run", "init", "run", "run", "here", "there", "there", "there"});
        CHECK(outcome.value("labelled enter") == "0/0/0"); // its EXIT speaks for the section
        CHECK(outcome.value("labelled exit") == "0/0/2");
        CHECK(outcome.value("begins enter") == "0/0/0");
        CHECK(outcome.value("ends here exit") == "0/0/1");
        CHECK(outcome.value("ends there exit") == "0/0/3");
    }
}

TEST_CASE("nothing is counted unless somebody asks, by the environment or by options")
{
    CHECK(count(OUTCOMES, {"init", "run"}, "SLICEPATCH_COUNT=0").value("labelled exit") == "0/0/0");
    CHECK(count(OUTCOMES, {"init", "run"}, "SLICEPATCH_COUNT=").value("labelled exit") == "0/0/0");
    CHECK(count(OUTCOMES, {"init-counting", "run"}, "SLICEPATCH_COUNT=").value("labelled exit") == "0/0/1");
    CHECK(count(OUTCOMES, {"init-counting", "run"}, "SLICEPATCH_COUNT=0").value("labelled exit") == "0/0/0");
}

TEST_CASE("counts stay over a further init, and begin where one asks later")
{
    CHECK(count(OUTCOMES, {"init", "run", "init", "run"}).value("labelled exit") == "0/0/2");
    CHECK(count(OUTCOMES, {"init", "run", "init-counting", "run"}, "SLICEPATCH_COUNT=").value("labelled exit") ==
          "0/0/1");
}

TEST_CASE("without memory for counters all else is as it should be, and the report says what is not")
{
    needs_whole_system("a seccomp filter takes the memory away");
    const Outcome outcome = count(OUTCOMES, {"no-shared-memory", "init", "run"});
    CHECK(outcome.value("failure").starts_with("sites that do not count: "));
    CHECK(outcome.value("labelled exit") == "0/0/0");
    CHECK(count(OUTCOMES, {"init", "run"}).value("failure").empty());
}

TEST_CASE("counting changes no register")
{
    for (const char *program : programs) {
        const Outcome outcome = count(program, {"init", "registers"});
        CHECK(outcome.value("kept") == "yes");
        CHECK(outcome.value("registers exit") == "0/0/100");
    }
}

TEST_CASE("no run is lost among threads")
{
    CHECK(count(OUTCOMES, {"init", "threads"}).value("labelled exit") == "0/0/40000");
}

TEST_CASE("what a child of fork runs is counted in its parent too")
{
    CHECK(count(OUTCOMES, {"init", "run", "child"}).value("labelled exit") == "0/0/3");
}

TEST_CASE("the counters of a closed object are given back")
{
    const Outcome outcome = count(OUTCOMES, {"init", std::string("open=") + PLUGIN});
    CHECK(outcome.value("opened") == "2");
    CHECK(outcome.value("closed") == "1");
}

TEST_CASE("a verbose process says at its end what was counted, once, and by label")
{
    const Outcome outcome = run({.program = OUTCOMES,
                                 .arguments = {"init", "init", "run", "there", "child"},
                                 .environment = {"SLICEPATCH=compiled", "SLICEPATCH_COUNT=1", "SLICEPATCH_VERBOSE=1"}});
    REQUIRE(outcome.status == 0);
    const std::string line = "slicepatch: labelled: 1 sites: 0 yielded, 0 lost, 3 reached\n";
    const auto at = outcome.error.find(line);
    REQUIRE(at != std::string::npos);
    CHECK(outcome.error.find(line, at + 1) == std::string::npos);
    CHECK(outcome.error.find("slicepatch: ends there: 1 sites: 0 yielded, 0 lost, 1 reached\n") != std::string::npos);
    const Outcome reporting = run({.program = OUTCOMES,
                                   .arguments = {"init", "run"},
                                   .environment = {"SLICEPATCH=compiled", "SLICEPATCH_COUNT=report"}});
    CHECK(reporting.error.find("slicepatch: labelled: 1 sites: 0 yielded, 0 lost, 1 reached\n") != std::string::npos);
    CHECK(reporting.error.find("guarantee") == std::string::npos);
    const Outcome wrong = run({.program = OUTCOMES, .arguments = {"init"}, .environment = {"SLICEPATCH_COUNT=yes"}});
    CHECK(wrong.status == 1);
    const Outcome silent = run({.program = OUTCOMES,
                                .arguments = {"init", "run"},
                                .environment = {"SLICEPATCH=compiled", "SLICEPATCH_COUNT=1"}});
    CHECK(silent.error.empty());
}
