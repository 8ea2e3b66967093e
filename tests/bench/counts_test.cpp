// SPDX-License-Identifier: MIT
//
// What `slicepatch bench` counts is exact, so it can be asserted.
#include "bench.h"
#include "expected_counts.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

const std::vector<std::string> loop_names{"empty", "spinlock", "mutex", "twenty", "sites"};
const std::vector<std::string> variant_names{"floor", "compiled", "off",     "enabled",
                                             "flag",  "thread",   "pointer", "ifunc"};

Json run_loops(std::vector<std::string> arguments = {})
{
    arguments.insert(arguments.end(), shortest.begin(), shortest.end());
    arguments.insert(arguments.end(), {"--parts", "loops"});
    return bench_json(arguments);
}

const Json &result()
{
    static const Json json = run_loops();
    if (emulator() && json.at("uncounted") != nullptr)
        skip(std::string(emulator()) + ": " + json.at("uncounted").get<std::string>());
    return json;
}

Json counts(const Json &loop, const std::string &variant)
{
    return named(loop.at("variants"), variant).at("counts");
}

void check_pairs(const Json &loop, const std::string &variant, const PairCounts &expected)
{
    INFO(loop.at("name"), " ", variant);
    const Json all = counts(loop, variant);
    const int pairs = loop.at("counted_pairs");
    const bool in_functions = loop.at("name") == "sites"; // the other loops have all their pairs in one
    const auto check = [&](const std::string &what, int count, Bounds PairCounts::*bounds) {
        CAPTURE(what);
        const Bounds of_pair = expected.*bounds, of_function = in_functions ? function_of_pair.*bounds : Bounds{0, 0};
        CHECK(count >= (of_pair.least + of_function.least) * pairs);
        CHECK(count <= (of_pair.most + of_function.most) * pairs);
    };
    const int instructions = all.at("instructions"), noops = all.at("noops");
    check("instructions", instructions, &PairCounts::instructions);
    check("instructions that are no no-ops", instructions - noops, &PairCounts::working);
    check("no-ops", noops, &PairCounts::noops);
    check("loads", all.at("loads"), &PairCounts::loads);
    check("stores", all.at("stores"), &PairCounts::stores);
    check("branches", all.at("branches"), &PairCounts::branches);
    check("bytes", all.at("bytes"), &PairCounts::bytes);
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

TEST_CASE("an enabled pair is what its listing says")
{
    for (const Json &loop : result().at("loops"))
        check_pairs(loop, "enabled", enabled_pair);
}

TEST_CASE("so it is at each of 1,000 distinct sites")
{
    // Without --quick, which counts the first hundred.
    (void)result();
    const Json json = bench_json({"--blocks", "1", "--processes", "1", "--parts", "loops", "--loops", "sites"});
    CHECK(names(json.at("loops")) == std::vector<std::string>{"sites"});
    CHECK(json.at("loops").at(0).at("counted_pairs") == 1000);
    check_pairs(json.at("loops").at(0), "enabled", enabled_pair);
    CHECK(named(result().at("loops"), "sites").at("counted_pairs") == 100);
}

TEST_CASE("a pair that is off is what its listing says")
{
    for (const Json &loop : result().at("loops"))
        check_pairs(loop, "off", off_pair);
}

TEST_CASE("off and enabled take the same bytes, unless off is a jump over them")
{
    for (const Json &loop : result().at("loops")) {
        INFO(loop.at("name"));
        const bool same = counts(loop, "off").at("bytes") == counts(loop, "enabled").at("bytes");
        CHECK(same == (counts(loop, "off").at("branches") == 0));
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
    const Outcome outcome = run_tool(tool() + " sim --kernel patched -- " + quote(SLICEPATCH) +
                                     " bench --quick --blocks 1 --parts loops --loops empty --json");
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    const Json json = Json::parse(outcome.out);
    CHECK(json.at("host").at("guarantee") != "none");
    for (const std::string &variant : variant_names)
        CHECK(counts(json.at("loops").at(0), variant) == counts(result().at("loops").at(0), variant));
}
