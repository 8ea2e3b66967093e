// SPDX-License-Identifier: MIT
//
// What `slicepatch bench` counts is exact, so it can be asserted.
#include "bench.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

const std::vector<std::string> loop_names{"empty", "spinlock", "mutex", "twenty", "sites"};
const std::vector<std::string> variant_names{"floor", "compiled", "off", "enabled", "flag", "thread", "pointer", "ifunc"};

Json run_loops(std::vector<std::string> arguments = {})
{
    arguments.insert(arguments.end(), shortest.begin(), shortest.end());
    arguments.insert(arguments.end(), {"--parts", "loops"});
    return bench_json(arguments);
}

const Json &result()
{
    static const Json json = run_loops();
    return json;
}

const Json &counts(const Json &loop, const std::string &variant)
{
    return named(loop.at("variants"), variant).at("counts");
}

void check_enabled(const Json &loop)
{
    INFO(loop.at("name"));
    const Json &enabled = counts(loop, "enabled");
    const int pairs = loop.at("counted_pairs");
    const int noops = enabled.at("noops");
    CHECK(enabled.at("instructions").get<int>() - noops == 3 * pairs);
    CHECK(noops <= 2 * pairs);
    CHECK(enabled.at("loads") == pairs);      // of the EXIT
    CHECK(enabled.at("stores") == 2 * pairs); // one of the ENTER, one of the EXIT
    CHECK(enabled.at("branches") == pairs);   // of the EXIT
}

} // namespace

TEST_CASE("every loop has every variant, in the order of the report")
{
    CHECK(result().at("uncounted") == nullptr);
    CHECK(names(result().at("loops")) == loop_names);
    for (const Json &loop : result().at("loops"))
        CHECK(names(loop.at("variants")) == variant_names);
}

TEST_CASE("the floor costs nothing")
{
    for (const Json &loop : result().at("loops"))
        for (const Json &count : counts(loop, "floor"))
            CHECK(count == 0);
}

TEST_CASE("an enabled pair is three instructions and at most two no-ops")
{
    for (const Json &loop : result().at("loops"))
        check_enabled(loop);
}

TEST_CASE("so it is at each of 1,000 distinct sites")
{
    // Without --quick, which counts the first hundred.
    const Json json = bench_json({"--blocks", "1", "--processes", "1", "--parts", "loops", "--loops", "sites"});
    CHECK(names(json.at("loops")) == std::vector<std::string>{"sites"});
    CHECK(json.at("loops").at(0).at("counted_pairs") == 1000);
    check_enabled(json.at("loops").at(0));
    CHECK(named(result().at("loops"), "sites").at("counted_pairs") == 100);
}

TEST_CASE("a pair that is off is three no-ops and at most two of padding")
{
    for (const Json &loop : result().at("loops")) {
        INFO(loop.at("name"));
        const Json &off = counts(loop, "off");
        const int pairs = loop.at("counted_pairs");
        CHECK(off.at("instructions") == off.at("noops"));
        CHECK(off.at("noops").get<int>() >= 3 * pairs);
        CHECK(off.at("noops").get<int>() <= 5 * pairs);
        for (const char *effect : {"loads", "stores", "branches"})
            CHECK(off.at(effect) == 0);
    }
}

TEST_CASE("off and enabled take the same bytes: 23 and their padding")
{
    for (const Json &loop : result().at("loops")) {
        INFO(loop.at("name"));
        const int pairs = loop.at("counted_pairs");
        CHECK(counts(loop, "off").at("bytes") == counts(loop, "enabled").at("bytes"));
        CHECK(counts(loop, "enabled").at("bytes").get<int>() >= 23 * pairs);
        CHECK(counts(loop, "enabled").at("bytes").get<int>() <= (23 + 14) * pairs);
    }
}

TEST_CASE("each variant does what its name says")
{
    for (const Json &loop : result().at("loops")) {
        INFO(loop.at("name"));
        const int pairs = loop.at("counted_pairs");
        for (const char *variant : {"compiled", "flag", "thread", "pointer", "ifunc"})
            CHECK(counts(loop, variant).at("stores").get<int>() >= 2 * pairs); // the request and its end
        CHECK(counts(loop, "compiled").at("branches").get<int>() >= 2 * pairs);
        CHECK(counts(loop, "flag").at("branches").get<int>() == 3 * pairs);   // the flag twice, granted
        CHECK(counts(loop, "thread").at("branches").get<int>() == 3 * pairs); // the area, the flag, granted
        // A call and a return each, and granted; a tail call saves the loop's function its own return.
        CHECK(counts(loop, "pointer").at("branches").get<int>() >= 4 * pairs);
        CHECK(counts(loop, "ifunc").at("branches").get<int>() > counts(loop, "pointer").at("branches").get<int>());
    }
}

TEST_CASE("counts are the same in another run")
{
    const Json again = run_loops({"--seed", "7"});
    for (const std::string &loop : loop_names)
        for (const std::string &variant : variant_names) {
            INFO(loop, " ", variant);
            CHECK(counts(named(again.at("loops"), loop), variant) ==
                  counts(named(result().at("loops"), loop), variant));
        }
}

TEST_CASE("counts are the same under the simulated kernel")
{
    const Outcome outcome = run({SLICEPATCH, "sim", "--kernel", "patched", "--", SLICEPATCH, "bench", "--quick",
                                 "--blocks", "1", "--parts", "loops", "--loops", "empty", "--json"});
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    const Json json = Json::parse(outcome.out);
    CHECK(json.at("host").at("guarantee") != "none");
    for (const std::string &variant : variant_names)
        CHECK(counts(json.at("loops").at(0), variant) == counts(result().at("loops").at(0), variant));
}
