// SPDX-License-Identifier: MIT
//
// `top`: the table, from looks that the test makes up; and the program, at a process, at a command, on a terminal.
#include "sample.h"

#include "patcher/tool/top_table.h"

#include <doctest/doctest.h>

using namespace slicepatch;
using namespace slicepatch::test;
using namespace slicepatch::tool;

namespace {

using Json = nlohmann::json;

SiteView site(const char *label, const char *function, std::uint32_t line, const SiteOutcomes &counted)
{
    SiteView view{};
    view.label = label;
    view.function = function;
    view.file = "/where/it/was/compiled/lock.c";
    view.line = line;
    view.counted = counted;
    return view;
}

std::vector<std::string> names(const std::vector<TopRow> &rows)
{
    std::vector<std::string> list;
    for (const TopRow &row : rows)
        list.push_back(row.name);
    return list;
}

using Names = std::vector<std::string>;

TopTable looked_twice(TopBy by)
{
    TopTable table(by);
    table.look(
        {site("map", "insert", 10, {5, 1, 0}), site("map", "erase", 20, {0, 0, 0}), site("", "wait", 30, {9, 9, 9})},
        1);
    table.look(
        {site("map", "insert", 10, {25, 11, 0}), site("map", "erase", 20, {10, 0, 0}), site("", "wait", 30, {9, 9, 9})},
        2);
    return table;
}

} // namespace

TEST_CASE("a row for each label, function or site has what happened since the look before, and all of it")
{
    const std::vector<TopRow> by_label = looked_twice(TopBy::label).rows(TopSort::granted);
    REQUIRE(names(by_label) == Names{"map", "wait"}); // what has no label goes by its function
    CHECK(by_label[0].sites == 2);
    CHECK(by_label[0].since.yielded == 30);
    CHECK(by_label[0].since.lost == 10);
    CHECK(by_label[0].total.yielded == 35);
    CHECK(by_label[0].trend == std::deque<double>{20});
    CHECK(by_label[1].since.yielded == 0);
    CHECK(by_label[1].total.lost == 9);
    CHECK(names(looked_twice(TopBy::function).rows(TopSort::granted)) == Names{"insert", "erase", "wait"});
    CHECK(names(looked_twice(TopBy::site).rows(TopSort::granted)) == Names{"lock.c:10", "lock.c:20", "lock.c:30"});
}

TEST_CASE("rows are sorted by what was asked for, and by what there was before where nothing happens now")
{
    const TopTable table = looked_twice(TopBy::function);
    CHECK(names(table.rows(TopSort::lost)) == Names{"insert", "wait", "erase"});
    CHECK(names(table.rows(TopSort::reached)) == Names{"wait", "erase", "insert"});
    CHECK(names(table.rows(TopSort::name)) == Names{"erase", "insert", "wait"});
}

TEST_CASE("the first look has no rate, and a counter that goes back has none either")
{
    TopTable table(TopBy::label);
    CHECK(!table.counts());
    table.look({site("map", "insert", 10, {100, 0, 0})}, 1);
    CHECK(table.counts());
    CHECK(table.seconds() == 0);
    CHECK(table.rows(TopSort::granted)[0].since.yielded == 0);
    table.look({site("map", "insert", 10, {3, 0, 0})}, 1);
    CHECK(table.rows(TopSort::granted)[0].since.yielded == 0);
}

TEST_CASE("the trend is that of the last minute")
{
    TopTable table(TopBy::label);
    for (unsigned i = 0; i < 200; ++i)
        table.look({site("map", "insert", 10, {i, 0, 0})}, 1);
    CHECK(table.rows(TopSort::granted)[0].trend.size() == 60);
}

TEST_CASE("a sparkline is as wide as it should be, and as high as the greatest value")
{
    CHECK(sparkline({}, 4, false) == "    ");
    CHECK(sparkline({0, 0}, 4, false) == "  __");
    CHECK(sparkline({0, 7, 3.5}, 4, false) == " _#+");
    CHECK(sparkline({0, 2, 8, 6}, 2, false) == ".#"); // two of a cell have their mean
    CHECK(sparkline({1}, 2, true) == " █");
}

TEST_CASE("lines fit into 80 columns, and say what there is")
{
    TopTable table(TopBy::label);
    const std::string long_name(100, 'x');
    table.look({site(long_name.c_str(), "", 1, {0, 0, 0}), site("quiet", "", 2, {0, 0, 0})}, 1);
    table.look({site(long_name.c_str(), "", 1, {30'000'000, 10'000'000, 123'456}), site("quiet", "", 2, {0, 0, 0})}, 2);
    const std::vector<std::string> lines = top_lines(table.rows(TopSort::granted), table.seconds(), 80, false);
    REQUIRE(lines.size() == 3);
    for (const std::string &line : lines)
        CHECK(line.size() <= 80);
    CHECK(lines[0].ends_with("GRANTED/S   YIELDED      LOST REACHED/S LAST MINUTE"));
    CHECK(lines[1].find("...     20.0M       75%       25%     61.7k ") != std::string::npos);
    CHECK(lines[2].find("quiet ") == 0);
    CHECK(lines[2].find(" 0         -         -         0 ") != std::string::npos);
    const std::vector<std::string> summary = top_summary(table.rows(TopSort::granted), 80);
    CHECK(summary[1].ends_with("         1     40.0M       75%       25%    123.5k"));
}

TEST_CASE("top --pid prints a look for scripts, as text and as JSON")
{
    const RunningSample program({"env", "SLICEPATCH=compiled", "SLICEPATCH_COUNT=1", SAMPLE_LIVE});
    const std::string pid = std::to_string(program.pid());
    const Outcome once = slicepatch_tool({"top", "--once", "--interval-ms", "20", "--pid", pid});
    CHECK(once.status == 0);
    CHECK(once.out.find("GRANTED/S") != std::string::npos);
    CHECK(once.out.find("sample.lock ") != std::string::npos);
    const Json json = slicepatch_json({"top", "--once", "--json", "--interval-ms", "20", "--by", "site", "--pid", pid});
    CHECK(json["seconds"] > 0);
    REQUIRE(json["rows"].size() == 2);
    for (const Json &row : json["rows"]) {
        CHECK(row["sites"] == 1);
        CHECK(row["total"]["reached"] == 1);
        CHECK(row["since"]["reached"] == 0);
    }
}

TEST_CASE("SIGINT ends top with a summary")
{
    const RunningSample program({"env", "SLICEPATCH=compiled", "SLICEPATCH_COUNT=1", SAMPLE_LIVE});
    const TemporaryFolder folder;
    const std::string looks = quote(folder.path("looks"));
    const Outcome outcome =
        run_shell(quote(SLICEPATCH) + " top --interval-ms 50 --pid " + std::to_string(program.pid()) + " >" + looks +
                  " & until grep -q 'sample.lock ' " + looks + "; do sleep 0.05; done; kill -INT $!; wait $!");
    CHECK(outcome.status == 0);
    const std::string text = read_text(folder.path("looks"));
    const auto summary = text.find("SITES   GRANTED");
    REQUIRE(summary != std::string::npos);
    CHECK(text.find("sample.lock ", summary) != std::string::npos);
}

TEST_CASE("a process that does not count is told how to")
{
    const RunningSample program({SAMPLE_LIVE});
    const std::string pid = std::to_string(program.pid());
    const Outcome outcome = slicepatch_tool({"top", "--once", "--pid", pid});
    CHECK(outcome.status == 2);
    CHECK(outcome.error ==
          "slicepatch: process " + pid + " does not count: it has to be started with SLICEPATCH_COUNT=1\n");
    CHECK(slicepatch_tool({"top"}).status == 2);
    CHECK(slicepatch_tool({"top", "--pid", pid, "--", "true"}).status == 2);
}

TEST_CASE("top of a command finds the program that counts behind what starts it, and passes on how it ends")
{
    const TemporaryFolder folder;
    // It ends when top has seen it.
    const std::string script = "(until grep -q 'sample.lock ' " + quote(folder.path("looks")) +
                               "; do sleep 0.05; done) | SLICEPATCH=compiled " + quote(SAMPLE_LIVE) + "; exit 7";
    const Outcome outcome = run_shell(quote(SLICEPATCH) + " top --interval-ms 50 -- sh -c " + quote(script) + " >" +
                                      quote(folder.path("looks")));
    CHECK(outcome.status == 7);
    CHECK(read_text(folder.path("looks")).find("SITES   GRANTED") != std::string::npos);
    CHECK(slicepatch_tool({"top", "--", "sh", "-c", "kill -9 $$"}).status == 137);
    CHECK(slicepatch_tool({"top", "--", "/nowhere/at/all"}).status == 127);
}

TEST_CASE("on a terminal the table is shown anew, and the command's output comes behind it")
{
    const TemporaryFolder folder;
    const std::string seen = folder.path("seen");
    // Not of the same letters: script(1) writes what it was told to run at the top of that file.
    const std::string script =
        "(until grep -q 'sample[.]lock' " + seen + "; do sleep 0.05; done) | SLICEPATCH=compiled " + SAMPLE_LIVE;
    const std::string command =
        "stty cols 80 rows 24; exec " + std::string(SLICEPATCH) + " top --interval-ms 100 -- sh -c \"" + script + "\"";
    const Outcome outcome = run_shell("TERM=xterm LC_ALL=C.UTF-8 script --quiet --return --flush --command " +
                                      quote(command) + " " + quote(seen) + " </dev/null");
    CHECK(outcome.status == 0);
    const std::string screen = read_text(seen);
    CAPTURE(screen);
    CAPTURE(outcome.error);
    CHECK(screen.find("LAST MINUTE") != std::string::npos);
    CHECK(screen.find("q: end") != std::string::npos);
    const auto left = screen.find("\x1b[?1049l"); // xterm's own screen is there again
    REQUIRE(left != std::string::npos);
    CHECK(screen.find(" 0\r\n", left) != std::string::npos); // what the sample says, with what it chose
    CHECK(screen.find("SITES   GRANTED", left) != std::string::npos);
}
