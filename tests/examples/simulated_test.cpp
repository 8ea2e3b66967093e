// SPDX-License-Identifier: MIT
//
// The examples on each simulated kernel: what they say, what the kernel says, and what is left behind.
#include "command.h"
#include "outcomes.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <regex>
#include <string>
#include <vector>

using namespace slicepatch::test;

namespace {

constexpr const char *short_examples[] = {
    MINIMAL_C,
    MINIMAL_CPP,
#ifdef CK_SPINLOCK
    CK_SPINLOCK,
#endif
};

struct Simulated {
    Outcome outcome;
    nlohmann::json kernel; // what the simulated kernel counted
};

Simulated simulate(const std::string &kernel, const std::vector<std::string> &command)
{
    const TemporaryFolder folder;
    std::vector<std::string> arguments = {SLICEPATCH, "sim", "--kernel", kernel, "--json-file", folder.path("kernel"),
                                          "--"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    Outcome outcome = run(arguments);
    CAPTURE(outcome.error);
    REQUIRE(std::filesystem::exists(folder.path("kernel")));
    return {outcome, nlohmann::json::parse(read_text(folder.path("kernel")))};
}

struct Counted {
    nlohmann::json wordcount;
    nlohmann::json kernel;
};

Counted count_words(const std::string &kernel, std::vector<std::string> options)
{
    options.insert(options.begin(), {WORDCOUNT, "--json", "--check"});
    for (const std::string &text : find_texts())
        options.push_back(text);
    const Simulated simulated = simulate(kernel, options);
    CAPTURE(simulated.outcome.error);
    REQUIRE(simulated.outcome.status == 0);
    return {nlohmann::json::parse(simulated.outcome.out), simulated.kernel};
}

void check_nothing_left(const nlohmann::json &wordcount)
{
    CHECK(wordcount["check"]["exits"] >= wordcount["words"]);
    CHECK(wordcount["check"]["requests_left"] == 0);
    CHECK(wordcount["check"]["grants_left"] == 0);
    CHECK(wordcount["check"]["yields_while_holding"] == 0);
}

struct Told {
    uint64_t yielded = 0, lost = 0, reached = 0;
};

/// All lines of what the program counted at its sites.
Told counted_at_sites(const std::string &words)
{
    static const std::regex line("slicepatch: .*: [0-9]+ sites: ([0-9]+) yielded, ([0-9]+) lost, ([0-9]+) reached");
    Told told;
    for (std::sregex_iterator match(words.begin(), words.end(), line), end; match != end; ++match) {
        told.yielded += std::stoull((*match)[1]);
        told.lost += std::stoull((*match)[2]);
        told.reached += std::stoull((*match)[3]);
    }
    return told;
}

Simulated count_at_sites(const std::string &kernel, const std::vector<std::string> &settings,
                         const std::vector<std::string> &options)
{
    std::vector<std::string> command = {"env", "SLICEPATCH_COUNT=1", "SLICEPATCH_VERBOSE=1"};
    command.insert(command.end(), settings.begin(), settings.end());
    command.emplace_back(WORDCOUNT);
    command.insert(command.end(), options.begin(), options.end());
    for (const std::string &text : find_texts())
        command.push_back(text);
    return simulate(kernel, command);
}

/// Until the kernel has granted something: how many runs that takes is up to the machine.
Simulated count_at_sites_until_granted(const std::string &kernel, const std::vector<std::string> &settings,
                                       std::vector<std::string> options)
{
    constexpr unsigned most_runs = 1 << 16;
    options.insert(options.end(), {"--repeat", ""});
    for (unsigned repeat = 16;; repeat *= 4) {
        options.back() = std::to_string(repeat);
        Simulated simulated = count_at_sites(kernel, settings, options);
        if (simulated.kernel["grants"] > 4 || repeat >= most_runs)
            return simulated;
    }
}

void check_counted_alike(const std::string &words, const nlohmann::json &kernel, bool all)
{
    CAPTURE(words);
    const Told told = counted_at_sites(words);
    if (all)
        CHECK(told.yielded + told.lost == kernel["grants"].get<uint64_t>());
    else
        CHECK(told.yielded + told.lost <= kernel["grants"].get<uint64_t>());
    CHECK(told.yielded == kernel["yields"].get<uint64_t>());
}

/// Until the kernel has granted and got back enough: how many runs that takes is up to the machine.
Counted count_until_extended(const std::string &kernel)
{
    constexpr uint64_t enough = 50;
    constexpr unsigned most_runs = 1 << 16;
    for (unsigned repeat = 64;; repeat *= 4) {
        Counted counted = count_words(kernel, {"--repeat", std::to_string(repeat)});
        check_nothing_left(counted.wordcount);
        if ((counted.kernel["grants"] >= enough && counted.kernel["yields"] >= enough) || repeat >= most_runs)
            return counted;
    }
}

} // namespace

TEST_CASE("patched: slices are extended and given back, and no section leaves anything behind")
{
    const Counted counted = count_until_extended("patched");
    CHECK(counted.kernel["grants"] >= 50);
    CHECK(counted.kernel["yields"] >= 50);
    // Both saw the same ones, but for those that came too late.
    const unsigned long calls = counted.wordcount["check"]["yields"], yields = counted.kernel["yields"];
    CHECK(calls >= yields);
    CHECK(calls - yields <=
          counted.kernel["expired"].get<unsigned long>() + counted.kernel["revoked"].get<unsigned long>());
    const auto &report = counted.wordcount["slicepatch"];
    CHECK(report["guarantee"] == "process");
    CHECK(report["sites"] > 0);
    CHECK(report["enabled"] == report["sites"]);
}

TEST_CASE("stock: every thread is enabled, none is missed, and slices are extended")
{
    const Counted counted = count_until_extended("stock");
    CHECK(counted.kernel["grants"] >= 50);
    CHECK(counted.kernel["yields"] >= 50);
    const auto &report = counted.wordcount["slicepatch"];
    CHECK(report["guarantee"] == "thread");
    CHECK(report["enabled"] == report["sites"]);
    CHECK(report["threads_enabled"] == counted.wordcount["threads"].get<unsigned>() + 1); // and the main thread
    CHECK(report["threads_missed"] == 0);
}

TEST_CASE("none and off: only no-ops, no extension")
{
    for (const char *kernel : {"none", "off"}) {
        CAPTURE(kernel);
        const Counted counted = count_words(kernel, {"--repeat", "100"});
        check_nothing_left(counted.wordcount);
        CHECK(counted.kernel["grants"] == 0);
        CHECK(counted.wordcount["check"]["yields"] == 0);
        const auto &report = counted.wordcount["slicepatch"];
        CHECK(report["guarantee"] == "none");
        CHECK(report["sites"] > 0);
        CHECK(report["off"] == report["sites"]);
    }
}

TEST_CASE("what is counted at the sites is what the kernel counted")
{
    for (const char *kernel : {"patched", "stock"}) {
        CAPTURE(kernel);
        const auto [outcome, counted] = count_at_sites_until_granted(kernel, {}, {});
        check_counted_alike(outcome.error, counted, sees_lost_slices);
        CHECK(counted_at_sites(outcome.error).reached == 0);
    }
    const auto [outcome, counted] = count_at_sites_until_granted("patched", {}, {"--long-section"});
    check_counted_alike(outcome.error, counted, sees_lost_slices);
    CHECK((counted_at_sites(outcome.error).lost > 0) >= sees_lost_slices); // a section of 5 ms outlives its slice
}

TEST_CASE("sim --by-label says what was granted to each label")
{
    const Outcome outcome = run({SLICEPATCH, "sim", "--by-label", "--", WORDCOUNT, find_texts().front()});
    CHECK(outcome.status == 0);
    CHECK(outcome.error.find("slicepatch: slicepatch::spinlock: ") == 0);
    CHECK(outcome.error.find("slicepatch sim: ") != std::string::npos);
}

TEST_CASE("sites that are as compiled count the same, and each run besides")
{
    const auto [outcome, counted] = count_at_sites_until_granted("patched", {"SLICEPATCH=compiled"}, {});
    check_counted_alike(outcome.error, counted, true);
    const Told told = counted_at_sites(outcome.error);
    CHECK(told.reached > 1000 * told.yielded);
}

TEST_CASE("a section of 5 ms lets its extension expire")
{
    const Counted counted = count_words("patched", {"--long-section"});
    CHECK(counted.kernel["grants"] >= 1);
    CHECK(counted.kernel["expired"] >= 1);
    check_nothing_left(counted.wordcount);
}

TEST_CASE("the words do not depend on the kernel")
{
    const auto expected = count_words("none", {}).wordcount["top"];
    for (const char *kernel : {"stock", "patched", "off"})
        CHECK(count_words(kernel, {"--repeat", "50"}).wordcount["top"] == expected);
}

TEST_CASE("SLICEPATCH=require is met by the patched kernel alone")
{
    for (const char *kernel : {"patched", "stock", "off", "none"}) {
        CAPTURE(kernel);
        const Simulated simulated = simulate(kernel, {"env", "SLICEPATCH=require", WORDCOUNT, "/dev/null"});
        CHECK(simulated.outcome.status == (std::string(kernel) == "patched" ? 0 : 1));
    }
}

TEST_CASE("the short examples count right on each kernel")
{
    for (const char *kernel : {"patched", "stock", "off", "none"}) {
        CAPTURE(kernel);
        for (const char *program : short_examples) {
            CAPTURE(program);
            const Simulated simulated = simulate(kernel, {program});
            CHECK(simulated.outcome.status == 0);
            CHECK(simulated.outcome.out.starts_with("counter: 4000000"));
        }
    }
}
