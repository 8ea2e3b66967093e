// SPDX-License-Identifier: MIT
//
// wordcount on the kernel of this machine, whatever that is.
#include "command.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace slicepatch::test;

namespace {

constexpr const char *all_words = "1000000"; // for --top

std::vector<std::string> operator+(std::vector<std::string> left, const std::vector<std::string> &right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// What coreutils say; a file's end ends a word.
std::string count_by_coreutils(const std::vector<std::string> &files)
{
    std::string script = "for file in";
    for (const std::string &file : files)
        script += " " + quote(file);
    script += R"(; do cat "$file"; echo; done |
        tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | grep . | sort | uniq -c | sort -k1,1nr -k2,2)";
    const Outcome counted = run_shell(script);
    REQUIRE(counted.error == "");
    return counted.out;
}

/// The lines in front of the summary.
std::string ranks_of(const std::string &out, size_t lines)
{
    size_t end = 0;
    for (size_t i = 0; i < lines; ++i) {
        const size_t newline = out.find('\n', end);
        if (newline == std::string::npos)
            return out;
        end = newline + 1;
    }
    return out.substr(0, end);
}

void check_against_coreutils(const std::vector<std::string> &files, const std::string &threads)
{
    const std::string expected = count_by_coreutils(files);
    const auto lines = static_cast<size_t>(std::count(expected.begin(), expected.end(), '\n'));
    const Outcome counted = run(std::vector<std::string>{WORDCOUNT, "--threads", threads, "--top", all_words} + files);
    CAPTURE(counted.error);
    REQUIRE(counted.status == 0);
    CHECK(ranks_of(counted.out, lines) == expected);
    CHECK(counted.out.find(" " + std::to_string(lines) + " different, counted by " + threads + " threads") !=
          std::string::npos);
}

void check_refused(const std::vector<std::string> &arguments, const std::string &message)
{
    const Outcome refused = run(std::vector<std::string>{WORDCOUNT} + arguments);
    CHECK(refused.status == 2);
    CHECK(refused.out == "");
    CHECK(refused.error == "wordcount: " + message + "\n");
}

} // namespace

TEST_CASE("counts real text as coreutils do, with any number of threads")
{
    for (const char *threads : {"1", "2", "8", "16", "100"}) {
        CAPTURE(threads);
        check_against_coreutils(find_texts(), threads);
    }
}

TEST_CASE("words end where letters end, at any byte, in chunks of any shape")
{
    const TemporaryFolder folder;
    std::string bytes;
    for (int i = 0; i < 256 * 256; ++i)
        bytes += std::string("aB") + static_cast<char>(i % 256) + static_cast<char>(i / 256);
    const std::string endless(100'000, 'x'); // several chunks long
    check_against_coreutils({folder.write("bytes", bytes)}, "4");
    check_against_coreutils({folder.write("endless", endless)}, "4");
    check_against_coreutils({folder.write("long", "a " + endless + "," + endless + "Y\r\n" + endless)}, "4");
    check_against_coreutils({folder.write("one", "z")}, "4");
}

TEST_CASE("a word does not continue in the next file")
{
    const TemporaryFolder folder;
    const Outcome counted = run({WORDCOUNT, folder.write("first", "one t"), folder.write("second", "wo one")});
    CHECK(counted.status == 0);
    CHECK(counted.out.starts_with("      2 one\n      1 t\n      1 wo\n4 words, 3 different"));
}

TEST_CASE("a file without words has no words")
{
    const TemporaryFolder folder;
    for (const char *text : {"", "\n", "1234 5678"}) {
        const Outcome counted = run({WORDCOUNT, folder.write("text", text)});
        CHECK(counted.status == 0);
        CHECK(counted.out.starts_with("0 words, 0 different"));
    }
}

TEST_CASE("every run of --repeat counts everything again")
{
    const Outcome once = run(std::vector<std::string>{WORDCOUNT, "--json"} + find_texts());
    const Outcome often = run(std::vector<std::string>{WORDCOUNT, "--json", "--repeat", "7"} + find_texts());
    REQUIRE(once.status == 0);
    REQUIRE(often.status == 0);
    const auto json_once = nlohmann::json::parse(once.out);
    const auto json_often = nlohmann::json::parse(often.out);
    CHECK(json_once["runs"].size() == 1);
    CHECK(json_often["runs"].size() == 7);
    CHECK(json_once["words"] > 1000);
    CHECK(json_once["words"] == json_often["words"]);
    CHECK(json_once["top"] == json_often["top"]);
}

TEST_CASE("--top says how many words are printed")
{
    const TemporaryFolder folder;
    const std::string text = folder.write("text", "b a c c");
    CHECK(run({WORDCOUNT, "--top", "0", text}).out.starts_with("4 words, 3 different"));
    CHECK(run({WORDCOUNT, "--top", "2", text}).out.starts_with("      2 c\n      1 a\n4 words, 3 different"));
    CHECK(nlohmann::json::parse(run({WORDCOUNT, "--top", "2", "--json", text}).out)["top"].size() == 2);
}

TEST_CASE("--check finds nothing, and looks at each section")
{
    const Outcome checked = run(std::vector<std::string>{WORDCOUNT, "--check", "--json"} + find_texts());
    REQUIRE(checked.status == 0);
    const auto json = nlohmann::json::parse(checked.out);
    CHECK(json["check"]["exits"] == json["words"]);
    CHECK(json["check"]["requests_left"] == 0);
    CHECK(json["check"]["grants_left"] == 0);
    CHECK(json["check"]["yields_while_holding"] == 0);

    const Outcome text = run(std::vector<std::string>{WORDCOUNT, "--check"} + find_texts());
    CHECK(text.out.find("\ncheck: " + json["words"].dump() + " exits, 0 requests left, 0 grants left, ") !=
          std::string::npos);
}

TEST_CASE("prints the report of slicepatch, in which no site is left as compiled")
{
    const Outcome counted = run(std::vector<std::string>{WORDCOUNT, "--json"} + find_texts());
    REQUIRE(counted.status == 0);
    const auto report = nlohmann::json::parse(counted.out)["slicepatch"];
    CHECK(report["sites"] >= 3); // lock, unlock, and the attempt that failed
    CHECK(report["compiled"] == 0);
    CHECK(report["foreign"] == 0);
    CHECK(report["reason"] != "");
    CHECK(report["failure"] == "");
    CHECK(run({WORDCOUNT, "/dev/null"}).out.find(report["reason"].get<std::string>()) != std::string::npos);
}

TEST_CASE("SLICEPATCH=off counts with no-ops")
{
    const Outcome counted = run({"env", "SLICEPATCH=off", WORDCOUNT, "--json", "/dev/null"});
    REQUIRE(counted.status == 0);
    const auto report = nlohmann::json::parse(counted.out)["slicepatch"];
    CHECK(report["guarantee"] == "none");
    CHECK(report["off"] == report["sites"]);
}

TEST_CASE("a failure of slicepatch_init() is a message and status 1")
{
    const Outcome refused = run({"env", "SLICEPATCH=maybe", WORDCOUNT, "/dev/null"});
    CHECK(refused.status == 1);
    CHECK(refused.out == "");
    CHECK(refused.error.find("wordcount: slicepatch: SLICEPATCH=maybe") != std::string::npos);
}

TEST_CASE("wrong usage gets an exact message and status 2")
{
    const std::string help = " (see wordcount --help)";
    check_refused({}, "FILE is required" + help);
    check_refused({"--threads", "0", "/dev/null"}, "--threads: '0' is not a number from 1 to 1024" + help);
    check_refused({"--threads", "1025", "/dev/null"}, "--threads: '1025' is not a number from 1 to 1024" + help);
    check_refused({"--threads", "many", "/dev/null"}, "--threads: 'many' is not a number from 1 to 1024" + help);
    check_refused({"--repeat", "1e3", "/dev/null"}, "--repeat: '1e3' is not a number from 1 to 1000000000" + help);
    check_refused({"--repeat", "-1", "/dev/null"}, "--repeat: '-1' is not a number from 1 to 1000000000" + help);
    check_refused({"--top", "99999999999", "/dev/null"},
                  "--top: '99999999999' is not a number from 0 to 1000000000" + help);
}

TEST_CASE("a file that cannot be read gets an exact message and status 2")
{
    const TemporaryFolder folder;
    const std::string missing = folder.path("missing");
    check_refused({"/dev/null", missing}, missing + ": No such file or directory");
    check_refused({folder.path("")}, folder.path("") + ": Is a directory");
}

TEST_CASE("output that cannot be written is a failure")
{
    const Outcome full = run_shell(command(WORDCOUNT) + " /dev/null >/dev/full");
    CHECK(full.status == 1);
    CHECK(full.error == "wordcount: standard output: No space left on device\n");
}

TEST_CASE("--help shows an example")
{
    const Outcome help = run({WORDCOUNT, "--help"});
    CHECK(help.status == 0);
    CHECK(help.out.find("Example: wordcount --threads 16") != std::string::npos);
}
