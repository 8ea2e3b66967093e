// SPDX-License-Identifier: MIT
//
// Names that would control a terminal, or read as something else: of labels, functions, files and variables.
#include "sample.h"

#include "patcher/tool/known_faults.h"
#include "patcher/tool/printable.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

using Json = nlohmann::json;

// ESC ] 0 ;   right-to-left override   a byte that is no UTF-8   line feed   a b
const std::string evil = "\x1b]0;\xe2\x80\xae\xff\nab";
const std::string evil_shown = "\\x1b]0;\\u202e\\xff\\nab";
const std::string evil_json = "\x1b]0;\xe2\x80\xae\xef\xbf\xbd\nab"; // JSON is UTF-8

bool is_clean(const std::string &text)
{
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (tool::printable(line) != line)
            return false;
    return true;
}

void expect_clean(const Outcome &outcome)
{
    INFO(tool::printable(outcome.out));
    INFO(tool::printable(outcome.error));
    CHECK(is_clean(outcome.out));
    CHECK(is_clean(outcome.error));
}

bool is_ascii(const std::string &text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); });
}

/// The sample with this label instead of its own, and one foreign byte, so that verify names it.
std::string write_labelled(const TemporaryFolder &folder)
{
    Bytes bytes(SAMPLE);
    for (Kind kind : {Kind::enter, Kind::exit}) {
        const Record &record = bytes.find(kind);
        REQUIRE(evil.size() == std::string("sample.lock").size());
        std::copy(evil.begin(), evil.end(), bytes.at(record.named_by(&slicepatch_site_record::label)));
    }
    *bytes.at(bytes.find(Kind::enter).named_by(&slicepatch_site_record::head)) = 0xcc;
    return bytes.write(folder);
}

} // namespace

TEST_CASE("controls, format characters and what is no UTF-8 are escaped, everything else stays")
{
    for (const auto &[text, shown] : {
             std::pair<std::string, std::string>{"plain \"text\" \\ 100 %", "plain \"text\" \\ 100 %"},
             {evil, evil_shown},
             {"\t\r\x7f", "\\t\\r\\x7f"},
             {std::string("\0", 1), "\\x00"},
             {"\xc2\x9b"
              "31m",
              "\\u009b31m"}, // CSI in one character
             {"\xe2\x80\x8f\xe2\x81\xa6\xef\xbb\xbf", "\\u200f\\u2066\\ufeff"},
             {"\xf3\xa0\x81\x81", "\\U000e0041"}, // a tag
             {"\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", "\xc3\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
             {"\xc0\x80 \xe0\x80\x8a", "\\xc0\\x80 \\xe0\\x80\\x8a"}, // too long a form
             {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                     // a surrogate
             {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},            // beyond U+10FFFF
             {"\xe2\x80", "\\xe2\\x80"},                              // cut off
             {"\xe2(\xa1", "\\xe2(\\xa1"},
         }) {
        const std::string &expected = shown; // clang 14 captures no structured binding
        CAPTURE(expected);
        CHECK(tool::printable(text) == shown);
        CHECK(tool::printable(shown) == shown);
    }
}

TEST_CASE("what is too long is cut between characters")
{
    const std::string text = "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"; // five
    CHECK(tool::first_of(text, 5) == text);
    CHECK(tool::last_of(text, 5) == text);
    CHECK(tool::first_of(text, 4) == "\xc3\xa9...");
    CHECK(tool::last_of(text, 4) == "...\xc3\xa9");
    CHECK(tool::first_of("abcdef", 5) == "ab...");
    CHECK(tool::last_of("abcdef", 5) == "...ef");
    CHECK(tool::first_of("", 5) == "");
}

TEST_CASE("a label cannot control the terminal")
{
    const TemporaryFolder folder;
    const std::string path = write_labelled(folder);
    const Outcome dump = slicepatch_tool({"dump", path});
    expect_clean(dump);
    CHECK(dump.out.find(evil_shown) != std::string::npos);
    const Outcome verify = slicepatch_tool({"verify", path});
    expect_clean(verify);
    CHECK(verify.status == 1);
    CHECK(verify.out.find("label \"" + evil_shown + "\"") != std::string::npos);
    for (const char *subcommand : {"dump", "verify"}) {
        const Outcome outcome = slicepatch_tool({subcommand, path, "--json"});
        CHECK(is_ascii(outcome.out)); // on a terminal it may well be looked at too
        const Json sites = Json::parse(outcome.out)["sites"];
        CHECK(std::count_if(sites.begin(), sites.end(), [](const Json &site) { return site["label"] == evil_json; }) ==
              2);
    }
}

TEST_CASE("a function cannot control the terminal")
{
    Bytes bytes(SAMPLE);
    std::string text(bytes.all().begin(), bytes.all().end());
    const std::string name("\0with_label\0", 12);
    std::size_t changed = 0;
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; ++changed)
        text[at + 5] = '\x1b';
    REQUIRE(changed > 0);
    const TemporaryFolder folder;
    const Outcome outcome = slicepatch_tool({"dump", folder.write("changed", text)});
    expect_clean(outcome);
    CHECK(outcome.out.find("with\\x1blabel") != std::string::npos);
}

TEST_CASE("the name of a file cannot control the terminal")
{
    const TemporaryFolder folder;
    const std::string path = Bytes(SAMPLE).write(folder, evil);
    for (const char *subcommand : {"dump", "verify"}) {
        for (const std::string &name : {path, folder.path("no " + evil)}) {
            const Outcome outcome = slicepatch_tool({subcommand, name});
            expect_clean(outcome);
            // Of a file in which all is well, verify has nothing to say.
            if (name != path || std::string(subcommand) == "dump")
                CHECK((outcome.out + outcome.error).find(evil_shown) != std::string::npos);
        }
        const Json sites = slicepatch_json({subcommand, path})["sites"];
        REQUIRE(sites.size() == sample_sites);
        CHECK(sites[0]["object"].get<std::string>().ends_with(evil_json));
    }
    const std::string plain = folder.write("no site\x1b", read_text("/bin/true"));
    expect_clean(slicepatch_tool({"verify", plain}));
    CHECK(slicepatch_json({"verify", plain})["without_sites"] == Json::array({plain}));
}

TEST_CASE("what is not understood is not repeated to the terminal")
{
    for (const std::vector<std::string> &arguments : {std::vector<std::string>{evil},
                                                      {"help", evil},
                                                      {"dump", "--" + evil},
                                                      {"dump", "--pid", evil},
                                                      {"sim", "--kernel", evil, "true"}}) {
        const Outcome outcome = slicepatch_tool(arguments);
        CHECK(outcome.status == 2);
        expect_clean(outcome);
    }
}

TEST_CASE("a variable cannot control the terminal")
{
    for (const char *name :
         {"SLICEPATCH", "SLICEPATCH_SITES", "SLICEPATCH_WRITER", "SLICEPATCH_UNKNOWN", "GLIBC_TUNABLES"}) {
        CAPTURE(name);
        const std::string setting = std::string(name) + "=" + evil;
        const Outcome outcome = run({"env", setting, SLICEPATCH, "why"});
        CHECK(outcome.status == 0);
        CHECK(is_clean(outcome.out));
        if (std::string(name) != "GLIBC_TUNABLES") // which the loader of glibc 2.41 repeats by itself
            CHECK(is_clean(outcome.error));
        const Outcome json = run({"env", setting, SLICEPATCH, "why", "--json"});
        CHECK(is_ascii(json.out));
        CHECK(Json::parse(json.out)["checks"].is_array());
    }
}

TEST_CASE("a kernel with known faults is told by its release")
{
    using slicepatch::tool::known_fault;
    for (const char *release : {"7.0.0", "7.0.12-amd64", "7.1.0-rc3", "7.1.9+deb14-amd64", "7.2.0-rc6"})
        CHECK_MESSAGE(known_fault(release).find("August 2026") != std::string::npos, release);
    for (const char *release :
         {"7.2.0", "7.2.4-amd64", "7.3.0-rc1", "7.3.4", "7.10.1", "6.18.44", "8.0.0-rc1", "", "none"})
        CHECK_MESSAGE(known_fault(release).empty(), release);
    CHECK(known_fault("7.0.3").find("tcmalloc") != std::string::npos);
    CHECK(known_fault("7.1.3").find("tcmalloc") == std::string::npos);
}
