// SPDX-License-Identifier: MIT
//
// Processes that do not hold still: a look at one is right, or says that it could not be had.
#include "sample.h"

#include "patcher/tool/process.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

constexpr int changed = 3; // exit_changed of the program

unsigned looks()
{
    const char *asked = std::getenv("SLICEPATCH_LOOKS");
    return asked ? static_cast<unsigned>(std::strtoul(asked, nullptr, 10)) : 60;
}

/// Statuses of `slicepatch verify --pid` of one that is never at rest, each with as many looks.
void expect_no_false_finding(const std::string &mode)
{
    const RunningSample program({"env", "SLICEPATCH=off", SAMPLE_RESTLESS, mode, SAMPLE_SHARED});
    unsigned well = 0, unsettled = 0;
    for (unsigned i = 0; i < looks(); ++i) {
        const Outcome outcome = slicepatch_tool({"verify", "--pid", std::to_string(program.pid())});
        INFO(outcome.out);
        INFO(outcome.error);
        well += outcome.status == 0;
        unsettled += outcome.status == changed;
        CHECK((outcome.status == 0 || outcome.status == changed));
        if (outcome.status == changed) {
            CHECK(outcome.out == "");
            CHECK(outcome.error.find(": changed while it was read") != std::string::npos);
        }
    }
    MESSAGE(mode, ": ", looks(), " looks, ", well, " without a finding, ", unsettled, " of a process that changed");
}

} // namespace

TEST_CASE("a process that loads, patches and unloads an object has no false finding")
{
    expect_no_false_finding("load");
}

TEST_CASE("a process that runs other programs has no false finding")
{
    expect_no_false_finding("exec");
}

TEST_CASE("a process that does both has no false finding")
{
    expect_no_false_finding("both");
}

TEST_CASE("a process that is never twice the same says so, by a status of its own")
{
    const RunningSample program({SAMPLE_ODD, "changing"});
    for (const std::vector<std::string> &arguments :
         {std::vector<std::string>{"verify"}, {"verify", "--json"}, {"dump"}, {"why", "--json"}}) {
        CAPTURE(arguments[0]);
        std::vector<std::string> all = arguments;
        all.insert(all.end(), {"--pid", std::to_string(program.pid())});
        // On a busy machine it may not have run between two looks, and did not change then.
        Outcome outcome{};
        for (unsigned tries = 0; tries < 20 && outcome.status != changed; ++tries) {
            outcome = slicepatch_tool(all);
            CHECK((outcome.status == 0 || outcome.status == changed));
        }
        if (outcome.status != changed)
            return skip("too busy a machine: a process that counts did not run between two looks, 20 times");
        CHECK(outcome.out == "");
        CHECK(outcome.error.starts_with("slicepatch: process " + std::to_string(program.pid()) +
                                        ": changed while it was read"));
    }
}

TEST_CASE("an object that the dynamic linker is at work on is no finding, however long that lasts")
{
    const RunningSample program({SAMPLE_ODD, "halfway", SAMPLE_SHARED});
    const Outcome outcome = slicepatch_tool({"verify", "--pid", std::to_string(program.pid())});
    CHECK(outcome.out == "");
    CHECK(outcome.status == changed);
}

TEST_CASE("the memory of a program is not taken for that of the next one in the same process")
{
    const RunningSample program({SAMPLE_RESTLESS, "exec", SAMPLE_SHARED});
    tool::Process process(program.pid());
    while (process.has_memory()) // until it has become itself again
        ;
    std::uint8_t byte;
    CHECK(process.read_memory(process.mappings().front().begin, {&byte, 1}) == 0);
    process.require_alive(); // throws if it has ended
}

TEST_CASE("dump and why look at a restless process in the same way")
{
    const RunningSample program({"env", "SLICEPATCH=off", SAMPLE_RESTLESS, "both", SAMPLE_SHARED});
    for (const char *subcommand : {"dump", "why"})
        for (unsigned i = 0; i < 5; ++i) {
            const Outcome outcome = slicepatch_tool({subcommand, "--pid", std::to_string(program.pid())});
            INFO(outcome.out);
            INFO(outcome.error);
            CHECK((outcome.status == 0 || outcome.status == changed));
            CHECK(outcome.out.find("foreign_") == std::string::npos);
            CHECK(outcome.out.find(" ! ") == std::string::npos); // trouble of a site
        }
}
