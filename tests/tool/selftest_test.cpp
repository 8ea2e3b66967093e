// SPDX-License-Identifier: MIT
#include "instructions.h"
#include "sample.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include <sched.h>

using namespace slicepatch::test;

TEST_CASE("flips of aligned heads under running threads do not fault")
{
    // `tests/run.sh --full` asks for as many as convince.
    const char *asked = std::getenv("SLICEPATCH_FLIPS");
    const std::string flips = asked ? asked : "20000";
    const Outcome outcome = slicepatch_tool({"selftest", "--flips", flips, "--json"});
    CHECK(outcome.status == 0);
    const nlohmann::json result = nlohmann::json::parse(outcome.out);
    CHECK(result["flips"] == std::stoul(flips));
    CHECK(result["requested"] == std::stoul(flips));
    CHECK(result["threads"] == 4);
    CHECK(result["aligned"] == true);
    CHECK(result["executions"].get<std::uint64_t>() > 0);
    CHECK(result["faults"] == 0);
    CHECK(result["proven"] == (std::stoul(flips) >= 1'000'000)); // fewer are not convincing
}

TEST_CASE("flips of misaligned heads fault, so that the test can fail")
{
    if (!heads_can_be_misaligned) {
        MESSAGE("skipped 1 case: no head of this architecture can be misaligned");
        CHECK(slicepatch_tool({"selftest", "--flips", "5000000", "--misaligned", "--json"}).status == 2);
        return;
    }
    cpu_set_t set;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    if (CPU_COUNT(&set) < 2) {
        MESSAGE("skipped 1 check: with one CPU nothing runs while a head is written");
        return;
    }
    const Outcome outcome = slicepatch_tool({"selftest", "--flips", "5000000", "--misaligned", "--json"});
    CHECK(outcome.status == 1);
    const nlohmann::json result = nlohmann::json::parse(outcome.out);
    CHECK(result["aligned"] == false);
    CHECK(result["faults"] == 1);
    CHECK(result["proven"] == false);
    CHECK(result["reason"].get<std::string>() != "");
    CHECK(result["flips"].get<std::uint64_t>() < 5000000);
}

TEST_CASE("selftest refuses what makes no sense")
{
    CHECK(slicepatch_tool({"selftest", "--flips", "0"}).status == 2);
    CHECK(slicepatch_tool({"selftest", "--threads", "0"}).status == 2);
    CHECK(slicepatch_tool({"selftest", "--threads", "100000"}).status == 2);
}
