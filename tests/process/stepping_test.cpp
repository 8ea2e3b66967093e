// SPDX-License-Identifier: MIT
//
// A section is right whatever the kernel does between any two of its instructions.
#include "outcome.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

Outcome step(const std::vector<std::string> &states)
{
    return run({.program = STEPPED, .arguments = states});
}

} // namespace

TEST_CASE("a grant, a revocation or a clear at any instruction of a section leaves no request and no grant")
{
    for (const std::string enter : {"compiled", "enabled"})
        for (const std::string exit : {"compiled", "enabled"}) {
            const Outcome outcome = step({enter, exit});
            CAPTURE(enter);
            CAPTURE(exit);
            if (skipped(outcome, "single-stepping"))
                return;
            CAPTURE(outcome.out);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("complete") == "yes");
            CHECK(outcome.value("undisturbed") == "right");
            CHECK(outcome.value("bad") == "0");
            CHECK(std::stoi(outcome.value("grants")) > 0);
            CHECK(std::stoi(outcome.value("yields")) > 0);
            MESSAGE("ENTER ", enter, ", EXIT ", exit, ": ", outcome.value("instructions"), " instructions, ",
                    outcome.value("runs"), " runs, ", outcome.value("grants"), " grants");
        }
}

TEST_CASE("a section that is off never has a grant")
{
    const Outcome outcome = step({"off", "off"});
    if (skipped(outcome, "single-stepping"))
        return;
    CHECK(outcome.value("complete") == "yes");
    CHECK(outcome.value("grants") == "0");
    CHECK(outcome.value("bad") == "0");
}

TEST_CASE("an exit that loads before it stores is found out")
{
    const Outcome outcome = step({"wrong"});
    if (skipped(outcome, "single-stepping"))
        return;
    CHECK(outcome.value("complete") == "yes");
    CHECK(outcome.value("undisturbed") == "right");
    CHECK(std::stoi(outcome.value("bad")) > 0);
}

TEST_CASE("an exit that is off where ENTER asks is found out")
{
    const Outcome outcome = step({"enabled", "off"});
    if (skipped(outcome, "single-stepping"))
        return;
    CHECK(outcome.value("undisturbed") == "wrong");
    CHECK(std::stoi(outcome.value("bad")) > 0);
}
