// SPDX-License-Identifier: MIT
#include "sample.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace slicepatch::test;

namespace {

void expect_usage_error(const std::vector<std::string> &arguments, const std::string &words)
{
    CAPTURE(words);
    const Outcome outcome = slicepatch_tool(arguments);
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    INFO(outcome.error);
    CHECK(outcome.error.starts_with("slicepatch: "));
    CHECK(outcome.error.find(words) != std::string::npos);
    CHECK(std::count(outcome.error.begin(), outcome.error.end(), '\n') == 1);
}

} // namespace

TEST_CASE("the program and each subcommand explain themselves with an example and their exit status")
{
    for (const char *name : {"", "why", "dump", "verify", "sim", "selftest", "help"}) {
        CAPTURE(name);
        std::vector<std::string> arguments{"--help"};
        if (*name)
            arguments.insert(arguments.begin(), name);
        const Outcome outcome = slicepatch_tool(arguments);
        CHECK(outcome.status == 0);
        CHECK(outcome.error == "");
        CHECK(outcome.out.find("Example: slicepatch ") != std::string::npos);
        CHECK(outcome.out.find("Exit status: ") != std::string::npos);
        std::vector<std::string> help{"help"};
        if (*name)
            help.emplace_back(name);
        CHECK(slicepatch_tool(help).out == outcome.out);
    }
    const Outcome version = slicepatch_tool({"--version"});
    CHECK(version.status == 0);
    CHECK(version.out.starts_with("slicepatch "));
}

TEST_CASE("what is not understood gets one line on standard error")
{
    expect_usage_error({}, "subcommand is required");
    expect_usage_error({"nonsense"}, "nonsense: no such subcommand");
    expect_usage_error({"help", "nonsense"}, "nonsense: no such subcommand");
    expect_usage_error({"dump", "--nonsense"}, "--nonsense");
    expect_usage_error({"dump"}, "name a FILE, or a process with --pid");
    expect_usage_error({"verify"}, "name a FILE, or a process with --pid");
    expect_usage_error({"dump", "--pid", "x"}, "--pid");
    expect_usage_error({"dump", "--pid", "0"}, "--pid");
    expect_usage_error({"dump", "--pid", "99999999999"}, "--pid");
    expect_usage_error({"dump", "--pid", "1", SAMPLE}, "--pid");
    expect_usage_error({"dump", "/no\nline"}, "/no\\nline");
    expect_usage_error({"sim"}, "COMMAND is required");
    expect_usage_error({"sim", "--kernel", "nonsense", "--", "true"}, "--kernel");
    expect_usage_error({"sim", "--tick-us", "0", "--", "true"}, "--tick-us");
}

TEST_CASE("a number out of range is refused with the range")
{
    const std::string flips = "1 to 1000000000000", process = "1 to 2147483647", time = "1 to 1000000000";
    for (const auto &[arguments, range] : {
             std::pair<std::vector<std::string>, std::string>{{"selftest", "--flips"}, flips},
             {{"selftest", "--threads"}, "1 to 256"},
             {{"dump", "--pid"}, process},
             {{"verify", "--pid"}, process},
             {{"why", "--pid"}, process},
             {{"sim", "--tick-us"}, time},
             {{"sim", "--slice-us"}, time},
         })
        for (const char *number : {"0", "-1", "-18446744073709551615", "4294967297", "99999999999999999999", "x"}) {
            std::vector<std::string> all = arguments;
            all.back() += std::string("=") + number;
            if (all[0] == "sim") // or a newer parser complains of the missing command first
                all.insert(all.end(), {"--", "true"});
            if (range == flips && std::string(number) == "4294967297")
                continue; // so many flips may be asked for
            expect_usage_error(all, "not in range " + range);
        }
}

TEST_CASE("sim passes on the status of its command, and its arguments untouched")
{
    CHECK(slicepatch_tool({"sim", "--", "sh", "-c", "exit 7"}).status == 7);
    CHECK(slicepatch_tool({"sim", "--", "/nonexistent"}).status == 127);
    CHECK(slicepatch_tool({"sim", "--kernel", "none", "--", "echo", "--", "--kernel", "x"}).out == "-- --kernel x\n");
    CHECK(slicepatch_tool({"sim", "echo", "--tick-us"}).out == "--tick-us\n");
}

TEST_CASE("sim leaves standard output to its command and gives its statistics elsewhere")
{
    const TemporaryFolder folder;
    const std::string path = folder.path("statistics");
    const Outcome outcome = slicepatch_tool({"sim", "--json-file", path, "--", "echo", "out"});
    CHECK(outcome.status == 0);
    CHECK(outcome.out == "out\n");
    const nlohmann::json statistics = nlohmann::json::parse(read_text(path));
    CHECK(statistics.size() == 6);
    for (const char *name : {"grants", "yields", "expired", "revoked", "ticks", "threads"})
        CHECK(statistics[name].is_number_unsigned());
    CHECK(statistics["threads"] == 1);
    CHECK(nlohmann::json::parse(slicepatch_tool({"sim", "--json", "--", "true"}).error).size() == 6);
    const Outcome unwritable = slicepatch_tool({"sim", "--json-file", "/nonexistent/file", "--", "echo", "out"});
    CHECK(unwritable.status == 2);
    CHECK(unwritable.out == ""); // found out before the command ran
}

TEST_CASE("output that cannot be written is a failure")
{
    const Outcome outcome = run_shell(command(SLICEPATCH) + " dump " + quote(SAMPLE) + " >/dev/full");
    CHECK(outcome.status == 2);
    CHECK(outcome.error == "slicepatch: standard output cannot be written: No space left on device\n");
}
