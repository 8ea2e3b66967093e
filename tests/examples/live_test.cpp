// SPDX-License-Identifier: MIT
//
// The live sites of a running wordcount, read by gdb and not by us: what `slicepatch dump --pid` says is there is
// there.
#include "command.h"
#include "instructions.h"
#include "tests/skip.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <regex>
#include <string>
#include <vector>

#include <unistd.h>

using namespace slicepatch::test;

namespace {

/// A wordcount that counts until it is stopped, on a simulated kernel.
class RunningWordcount {
public:
    explicit RunningWordcount(const std::string &kernel)
    {
        const std::string text = folder_.write("text", read_text(find_texts().front()));
        // The shell becomes wordcount, so that its number is the one to look at.
        const std::string inner = "echo $$ >" + quote(folder_.path("new")) + " && mv " + quote(folder_.path("new")) +
                                  " " + quote(folder_.path("pid")) + " && exec " + quote(WORDCOUNT) +
                                  " --repeat 100000000 " + quote(text);
        const Outcome started = run_shell(quote(SLICEPATCH) + " sim --kernel " + kernel + " -- sh -c " + quote(inner) +
                                          " >/dev/null 2>&1 & ");
        REQUIRE(started.status == 0);
        for (int tries = 0; tries < 600 && !pid_; ++tries) {
            usleep(50'000);
            if (std::filesystem::exists(folder_.path("pid")))
                pid_ = std::stoi(read_text(folder_.path("pid")));
        }
        REQUIRE(pid_ > 0);
    }
    RunningWordcount(const RunningWordcount &) = delete;
    RunningWordcount &operator=(const RunningWordcount &) = delete;
    ~RunningWordcount()
    {
        if (pid_ > 0)
            kill(pid_, SIGKILL);
    }

    [[nodiscard]] std::string pid() const
    {
        return std::to_string(pid_);
    }

    /// The sites of wordcount itself, once init is over: as soon as one is not as compiled, no signal of ours can meet
    /// a half-patched program, since init writes before it returns and threads start after that.
    [[nodiscard]] nlohmann::json sites() const
    {
        for (int tries = 0; tries < 600; ++tries) {
            usleep(50'000);
            const Outcome dump = run({SLICEPATCH, "dump", "--json", "--pid", pid()});
            if (dump.status != 0)
                continue; // the shell is not wordcount yet
            nlohmann::json sites = nlohmann::json::parse(dump.out)["sites"];
            if (!sites.empty() && sites[0]["state"] != "compiled")
                return sites;
        }
        FAIL("wordcount did not patch its sites");
        return {};
    }

private:
    TemporaryFolder folder_;
    int pid_ = 0;
};

/// The instructions at each site, as gdb reads them from the process, spaces folded.
std::vector<std::string> disassemble(const RunningWordcount &wordcount, const nlohmann::json &sites)
{
    std::vector<std::string> command = {"gdb", "-nx", "-batch", "-p", wordcount.pid(), "-ex", syntax};
    for (const auto &site : sites)
        command.insert(command.end(),
                       {"-ex", "echo @@\\n", "-ex", first_instructions + site["address"].get<std::string>()});
    const Outcome outcome = run(command);
    REQUIRE(outcome.status == 0);
    std::vector<std::string> texts;
    // "=> 0x1234 <function(int)+56>:\tmov ..." becomes "0x1234: mov ...".
    const std::string named = std::regex_replace(outcome.out, std::regex("(=>)?[ \\t]+"), " ");
    const std::string folded = std::regex_replace(named, std::regex(" <.*?\\+[0-9]+>:"), ":");
    for (std::size_t at = folded.find("@@"); at != std::string::npos;) {
        const std::size_t next = folded.find("@@", at + 2);
        texts.push_back(folded.substr(at + 2, next - at - 2));
        at = next;
    }
    REQUIRE(texts.size() == sites.size());
    return texts;
}

bool gdb_is_here()
{
    if (run({"gdb", "--version"}).status == 0)
        return true;
    skip("there is no gdb here");
    return false;
}

void check_sites(const std::string &kernel, const std::string &state, const std::regex &enter, const std::regex &exit)
{
    if (!gdb_is_here())
        return;
    const RunningWordcount wordcount(kernel);
    const nlohmann::json sites = wordcount.sites();
    const std::vector<std::string> texts = disassemble(wordcount, sites);
    int enters = 0, exits = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        CAPTURE(texts[i]);
        CHECK(sites[i]["state"] == state);
        enters += sites[i]["kind"] == "enter";
        exits += sites[i]["kind"] == "exit";
        if (sites[i]["kind"] == "enter")
            CHECK(std::regex_match(texts[i], enter));
        if (sites[i]["kind"] == "exit")
            CHECK(std::regex_match(texts[i], exit));
    }
    CHECK(enters > 0);
    CHECK(exits > 0);
}

} // namespace

TEST_CASE("under a patched kernel every live ENTER and EXIT is the enabled form")
{
    check_sites("patched", "enabled", enter_enabled, exit_enabled);
}

TEST_CASE("under a stock kernel the same")
{
    check_sites("stock", "enabled", enter_enabled, exit_enabled);
}

TEST_CASE("without the extension every live site is switched off")
{
    check_sites("none", "off", enter_off, exit_off);
}
