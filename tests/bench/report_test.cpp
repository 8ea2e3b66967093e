// SPDX-License-Identifier: MIT
//
// What `slicepatch bench` prints and writes.
#include "bench.h"
#include "tests/skip.h"

#include <doctest/doctest.h>

#include <filesystem>

using namespace slicepatch::test;

namespace {

/// The median of all is between that of the fastest layout and that of the slowest.
void check_spread(const Json &spread, double median)
{
    CHECK(spread.at("least") > 0);
    CHECK(spread.at("least") <= median);
    CHECK(spread.at("most") >= median);
}

void check_interval(const Json &interval)
{
    const double median = interval.at("median"), low = interval.at("low"), high = interval.at("high");
    CHECK(median > 0);
    CHECK(low <= median);
    CHECK(median <= high);
}

Json run_short(std::vector<std::string> arguments)
{
    arguments.insert(arguments.end(), shortest.begin(), shortest.end());
    return bench_json(arguments);
}

/// Whether every element that is opened is closed, in order. gnuplot writes neither CDATA nor a tag in a comment.
bool is_well_formed(const std::string &xml)
{
    std::vector<std::string> open;
    for (std::size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
        const std::size_t end = xml.find('>', at);
        if (end == std::string::npos)
            return false;
        if (xml[at + 1] == '?' || xml[at + 1] == '!' || xml[end - 1] == '/')
            continue;
        const bool closing = xml[at + 1] == '/';
        const std::size_t begin = at + (closing ? 2 : 1);
        const std::string name = xml.substr(begin, xml.find_first_of(" \t\n>", begin) - begin);
        if (!closing)
            open.push_back(name);
        else if (open.empty() || open.back() != name)
            return false;
        else
            open.pop_back();
    }
    return open.empty();
}

std::vector<std::string> quick_plot(const std::string &file)
{
    return {"--quick", "--blocks", "1", "--parts", "loops", "--loops", "empty,mutex", "--plot", file};
}

bool gnuplot_is_missing()
{
    if (run_shell("command -v gnuplot").status == 0)
        return false;
    skip("there is no gnuplot here");
    return true;
}

} // namespace

TEST_CASE("the JSON says where, how, and how sure")
{
    const Json json =
        bench_json({"--quick", "--blocks", "6", "--parts", "loops", "--loops", "empty,spinlock", "--raw"});
    CHECK(json.at("host").at("guarantee").is_string());
    CHECK(json.at("host").at("reason").get<std::string>() != "");
    CHECK(json.at("host").at("stand_in_area").is_boolean());
    CHECK(json.at("settings").at("layouts") == 8);
    CHECK(json.at("host").at("sites_patched") >= 8 * 2 * 2000); // two variants, of 1,000 pairs and some more
    CHECK(json.at("settings").at("processes") == 6);
    CHECK(json.at("settings").at("blocks") == 1);
    CHECK(json.at("contention").empty());
    CHECK(json.at("init").empty());
    CHECK(json.at("startup") == nullptr);
    CHECK(json.at("calls") == nullptr);
    for (const Json &loop : json.at("loops")) {
        for (const Json &variant : loop.at("variants")) {
            check_interval(variant.at("ns_per_pair"));
            check_interval(variant.at("ratio_to_floor"));
            CHECK(variant.at("blocks_ns_per_pair").size() == 6 * 8);
            for (const Json &block : variant.at("blocks_ns_per_pair"))
                CHECK(block > 0);
            check_spread(variant.at("layouts"), 1);
        }
        CHECK(named(loop.at("variants"), "floor").at("ratio_to_floor").at("median") == 1.0);
        REQUIRE(loop.at("verdicts").size() == 2);
        CHECK(loop.at("verdicts").at(0).at("enabled_against") == "flag");
        CHECK(loop.at("verdicts").at(1).at("enabled_against") == "thread");
        for (const Json &verdict : loop.at("verdicts")) {
            check_interval(verdict.at("ratio"));
            check_interval(verdict.at("pages_as_loaded"));
            check_interval(verdict.at("private_pages"));
            check_spread(verdict.at("layouts"), verdict.at("ratio").at("median"));
        }
    }
}

TEST_CASE("one process is too few for a verdict")
{
    const Json json = run_short({"--parts", "loops", "--loops", "empty"});
    CHECK(json.at("loops").at(0).at("verdicts").at(0).at("verdict") == "too few processes to tell");
    CHECK(json.at("loops").at(0).at("verdicts").at(0).at("private_pages") == nullptr); // of every other process
}

TEST_CASE("the text names the guarantee, every variant and both verdicts")
{
    const Outcome outcome = bench({"--quick", "--blocks", "6", "--parts", "loops", "--loops", "empty"});
    CHECK(outcome.status == 0);
    for (const char *words :
         {"guarantee on this host: ", "empty section (empty)", "  floor ", "  compiled ", "  off ", "  enabled ",
          "  flag ", "  thread ", "  pointer ", "  ifunc ", "instr.", "no-ops", "layouts", "pages as loaded ",
          "; private pages ", "enabled vs global flag by hand: ", "enabled vs per-thread check by hand: "}) {
        INFO(words, "\n", outcome.out);
        CHECK(outcome.out.find(words) != std::string::npos);
    }
    CHECK(outcome.out.find("spinlock") == std::string::npos);
}

TEST_CASE("init is measured for 10 sites and for 100,000 on 1,563 pages")
{
    const Json init = run_short({"--parts", "init"}).at("init");
    REQUIRE(init.size() == 2);
    CHECK(init.at(0).at("sites") == 10);
    CHECK(init.at(0).at("pages") == 1);
    CHECK(init.at(1).at("sites") == 100000);
    CHECK(init.at(1).at("pages") == 1563);
    for (const Json &size : init) {
        CHECK(size.at("median_us") <= size.at("p95_us"));
        CHECK(size.at("median_cpu_us") > 0);
    }
    // What counts the same on every machine: few sites are stepped through.
    if (!std::getenv("SLICEPATCH_EMULATOR"))
        CHECK(init.at(0).at("instructions") > 10000);
    CHECK(init.at(0).at("yardsticks").empty());
    CHECK(names(init.at(1).at("yardsticks")) == std::vector<std::string>{"populate", "touch", "xray"});
    for (const Json &yardstick : init.at(1).at("yardsticks"))
        if (yardstick.contains("missing"))
            MESSAGE("not measured: ", yardstick.at("name").get<std::string>(), ": ",
                    yardstick.at("missing").get<std::string>());
        else
            CHECK(yardstick.at("ratio").at("median") > 0);
}

TEST_CASE("the user's own settings do not reach what is measured")
{
    const Outcome outcome =
        run_tool("SLICEPATCH=require SLICEPATCH_WRITER=nonsense " + tool() + " sim --kernel none -- " +
                 quote(SLICEPATCH) + " bench --quick --parts init --json");
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    for (const Json &size : Json::parse(outcome.out).at("init"))
        CHECK(size.at("patched") == size.at("sites"));
}

TEST_CASE("the sites that init is measured with are like a compiler's")
{
    CHECK(run_tool(tool() + " verify " + quote(BENCH_SITES_10)).status == 0);
    CHECK(run_tool(tool() + " verify " + quote(BENCH_SITES_100000)).status == 0);
    const Json sites = Json::parse(run_tool(tool() + " dump --json " + quote(BENCH_SITES_10)).out).at("sites");
    REQUIRE(sites.size() == 10);
    for (std::size_t i = 0; i < sites.size(); ++i) {
        CHECK(sites.at(i).at("kind") == (i % 2 ? "exit" : "enter"));
        CHECK(sites.at(i).at("state") == "compiled");
        CHECK(sites.at(i).at("function").get<std::string>().rfind("bench_section", 0) == 0);
    }
}

TEST_CASE("process start is split by library")
{
    const Json startup = run_short({"--parts", "startup"}).at("startup");
    CHECK(names(startup.at("programs")) ==
          std::vector<std::string>{"nothing", "with-slicepatch", "with-init", "with-decoder", "with-libstdc++"});
    for (const Json &program : startup.at("programs"))
        CHECK(program.at("median_us") > 0);
    CHECK(startup.at("programs").at(0).at("above_nothing_us") == 0.0);
    CHECK(startup.at("programs").at(0).at("ratio_to_nothing").at("median") == 1.0);
}

TEST_CASE("calls are measured with every way to have a guarantee, and say which one it was")
{
    const std::string command = quote(SLICEPATCH) + " bench --quick --blocks 1 --parts calls --json";
    const Outcome outcome = run_tool(tool() + " sim --kernel patched -- " + command);
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    const Json calls = Json::parse(outcome.out).at("calls");
    REQUIRE(names(calls) == std::vector<std::string>{"off", "as found", "own areas", "sealed"});
    CHECK(calls.at(0).at("guarantee") == "none");
    CHECK(calls.at(1).at("guarantee") == "process");
    for (const Json &one : calls) {
        for (const char *name : {"system_call_ns", "thread_us", "fork_us"}) {
            check_interval(one.at(name));
            check_interval(one.at(std::string(name) + "_ratio_to_off"));
        }
    }
    CHECK(calls.at(0).at("fork_us_ratio_to_off").at("median") == 1.0);
}

TEST_CASE("contended locks are measured with every way to request, for each number of threads")
{
    const Json contention = run_short({"--parts", "contention", "--contention", "1,3", "--contention-ms", "20",
                                       "--text", SLICEPATCH_SOURCE_DIR "/README.md"})
                                .at("contention");
    REQUIRE(contention.size() == 4);
    for (std::size_t i = 0; i < contention.size(); ++i) {
        const Json &one = contention.at(i);
        CHECK(one.at("workload") == (i < 2 ? "spinlock" : "wordcount"));
        CHECK(one.at("threads_per_cpu") == (i % 2 ? 3 : 1));
        CHECK(one.at("threads").get<unsigned>() % one.at("threads_per_cpu").get<unsigned>() == 0);
        CHECK(names(one.at("contenders")) == std::vector<std::string>{"none", "by-hand", "naive", "per-attempt"});
        for (const Json &contender : one.at("contenders")) {
            check_interval(contender.at("sections_per_second"));
            check_interval(contender.at("sections_per_second_ratio_to_none"));
            CHECK(contender.at("wait_p50_us").at("median") <= contender.at("wait_p99_us").at("median"));
        }
        CHECK(named(one.at("contenders"), "none").at("sections_per_second_ratio_to_none").at("median") == 1.0);
    }
}

TEST_CASE("the user's own settings do reach the contended locks")
{
    const std::string command =
        quote(SLICEPATCH) + " bench --quick --blocks 1 --parts contention --contention 1 --json";
    const Outcome guaranteed = run_tool(tool() + " sim --kernel patched -- " + command);
    const Outcome off = run_tool("SLICEPATCH=off " + tool() + " sim --kernel patched -- " + command);
    REQUIRE(guaranteed.status == 0);
    REQUIRE(off.status == 0);
    CHECK(Json::parse(guaranteed.out).at("contention").at(0).at("guarantee") == "process");
    CHECK(Json::parse(off.out).at("contention").at(0).at("guarantee") == "none");
}

TEST_CASE("a text that is not there is named, and nothing is measured")
{
    const Outcome outcome = bench({"--quick", "--parts", "contention", "--text", "/nonexistent"});
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.error.find("/nonexistent: No such file or directory") != std::string::npos);
}

TEST_CASE("the plot is an SVG with axes, units and a bar for each variant")
{
    if (gnuplot_is_missing())
        return;
    const TemporaryFolder folder;
    const std::string file = folder.path("it's a plot.svg");
    const Outcome outcome = bench(quick_plot(file));
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    const std::string svg = read_text(file);
    CHECK(svg.rfind("<?xml", 0) == 0);
    CHECK(svg.find("<svg") != std::string::npos);
    CHECK(is_well_formed(svg));
    for (const char *words :
         {"time per pair, as a multiple of no marks (ratio, log scale)", "section between the marks",
          "95 % bootstrap interval", "empty", "mutex", "enabled", "ifunc"}) {
        INFO(words);
        CHECK(svg.find(words) != std::string::npos);
    }
}

TEST_CASE("the plot of contended locks has a panel for each workload and a line for each way to request")
{
    if (gnuplot_is_missing())
        return;
    const TemporaryFolder folder;
    const std::string file = folder.path("contention.svg");
    const Outcome outcome = bench({"--quick", "--blocks", "2", "--parts", "contention", "--contention", "1,2",
                                   "--contention-ms", "10", "--plot-contention", file});
    INFO(outcome.error);
    REQUIRE(outcome.status == 0);
    const std::string svg = read_text(file);
    CHECK(is_well_formed(svg));
    for (const char *words : {"threads per CPU", "as a multiple of no requests", "95 % bootstrap interval", "spinlock",
                              "wordcount", "by-hand", "naive", "per-attempt"}) {
        INFO(words);
        CHECK(svg.find(words) != std::string::npos);
    }
}

TEST_CASE("without gnuplot it says so before it measures anything")
{
    const TemporaryFolder folder;
    const std::string file = folder.path("plot.svg");
    const Outcome outcome = run_tool("PATH=/nonexistent " + tool(BENCH) + " bench --plot " + quote(file));
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.error == "slicepatch: bench: --plot needs gnuplot, which does not run here: install gnuplot-nox, or "
                           "leave --plot out\n");
    CHECK(!std::filesystem::exists(file));
}

TEST_CASE("a plot that cannot be written is refused before anything is measured")
{
    if (gnuplot_is_missing())
        return;
    const Outcome outcome = bench(quick_plot("/nonexistent/plot.svg"));
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.error == "slicepatch: bench: /nonexistent/plot.svg cannot be written: No such file or directory\n");
}

TEST_CASE("slicepatch bench is the program beside it")
{
    if (emulator())
        skip(std::string(emulator()) + " runs no program that an emulated one starts");
    const Outcome program = run_tool(tool() + " bench --help"), beside = run_tool(tool(BENCH) + " bench --help");
    CHECK(program.status == 0);
    CHECK(program.out == beside.out);
    CHECK(program.out.find("--blocks") != std::string::npos);
    CHECK(run_tool(tool() + " bench --nonsense").status == 2);
}

TEST_CASE("a program without the ones beside it says which is missing")
{
    const TemporaryFolder folder;
    const std::string copy = folder.path("slicepatch");
    std::filesystem::copy_file(SLICEPATCH, copy);
    const Outcome program = run_tool(tool(copy) + " bench --quick --parts init");
    CHECK(program.status == 2);
    CHECK(program.error.find("/slicepatch-bench/bench: No such file or directory") != std::string::npos);
    CHECK(program.error.find("SLICEPATCH_INSTALL_BENCH") != std::string::npos);
    const std::string bench = folder.path("bench");
    std::filesystem::copy_file(BENCH, bench);
    const Outcome helper = run_tool(tool(bench) + " bench --quick --parts init");
    CHECK(helper.status == 2);
    CHECK(helper.error.find("/init is not there") != std::string::npos);
}

TEST_CASE("wrong usage is status 2")
{
    CHECK(bench({"--loops", "nonsense"}).status == 2);
    CHECK(bench({"--parts", "nonsense"}).status == 2);
    CHECK(bench({"--blocks", "0"}).status == 2);
    CHECK(bench({"--contention", "0"}).status == 2);
    CHECK(bench({"--parts", "init", "--plot-contention", "plot.svg"}).status == 2);
    CHECK(bench({"--parts", "init", "--plot", "plot.svg"}).status == 2);
    CHECK(bench({"--worker", "{}"}).status == 2);
}

TEST_CASE("figures that cannot be written are a failure, as text and as JSON")
{
    for (const char *format : {"", " --json"})
        for (const std::pair<const char *, const char *> &closed :
             {std::pair{" >&-", "Bad file descriptor"}, {" >/dev/full", "No space left on device"}}) {
            CAPTURE(format);
            CAPTURE(closed.first);
            const Outcome outcome = run_tool(tool(BENCH) + " bench --quick --parts startup" + format + closed.first);
            CHECK(outcome.status == 2);
            CHECK(outcome.error ==
                  std::string("slicepatch: standard output cannot be written: ") + closed.second + "\n");
        }
    CHECK(run_tool(tool(BENCH) + " bench --quick --parts startup 2>&-").status == 0);
    CHECK(run_tool(tool(BENCH) + " bench --parts nonsense 2>/dev/full").status == 2);
}

TEST_CASE("a number out of range is refused with the range")
{
    for (const std::pair<const char *, const char *> &limited : {std::pair{"--blocks", "1 to 1000000"},
                                                                 {"--processes", "1 to 1000"},
                                                                 {"--contention", "1 to 1024"},
                                                                 {"--contention-ms", "1 to 60000"},
                                                                 {"--seed", "0 to 1000000000000000000"}})
        for (const char *number : {"-1", "-18446744073709551615", "99999999999999999999", "x"}) {
            CAPTURE(limited.first);
            CAPTURE(number);
            const Outcome outcome = bench({std::string(limited.first) + "=" + number});
            CHECK(outcome.status == 2);
            CHECK(outcome.error.find(std::string("not in range ") + limited.second) != std::string::npos);
        }
}
