// SPDX-License-Identifier: MIT
//
// Functions that linkers fold, that no unwind table shows, or that a compiler has scattered: which of their sites
// decide together, so that no request is left behind whatever is deselected.
#include "outcome.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <elf.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

Outcome select(const std::string &program, const std::string &selection)
{
    needs_whole_system("the simulated kernel is a seccomp filter");
    return run({.program = SLICEPATCH_TOOL, .arguments = {"sim", "--kernel", "patched", "--", program, selection}});
}

/// Nothing as compiled, no request left, and the right sections run.
void check_whole(const Outcome &outcome, const std::string &failure = "")
{
    CAPTURE(outcome.out);
    CAPTURE(outcome.error);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("guarantee") == "3");
    CHECK(outcome.value("compiled") == "0");
    CHECK(outcome.value("failure") == failure);
    CHECK(outcome.value("request") == "0");
}

std::vector<std::string> folded_programs()
{
    std::vector<std::string> programs;
#ifdef FOLDED_LLD
    programs.emplace_back(FOLDED_LLD);
#else
    skip("folding by lld", "there is none");
#endif
#ifdef FOLDED_GOLD
    programs.emplace_back(FOLDED_GOLD);
#else
    skip("folding by gold", "there is none");
#endif
#ifdef FOLDED_MOLD
    programs.emplace_back(FOLDED_MOLD);
#else
    skip("folding by mold", "there is none");
#endif
    return programs;
}

} // namespace

TEST_CASE("folding keeps labels apart, and what is folded is patched")
{
    for (const std::string &program : folded_programs()) {
        CAPTURE(program);
        for (const char *selection : {"", "-x", "-y", "x", "y", "-*"}) {
            CAPTURE(selection);
            const Outcome outcome = select(program, selection);
            check_whole(outcome);
            const std::string words = selection;
            const std::string x = words == "-x" || words == "y" || words == "-*" ? "off" : "enabled";
            const std::string y = words == "-y" || words == "x" || words == "-*" ? "off" : "enabled";
            CHECK(outcome.value("enter_x") == x);
            CHECK(outcome.value("exit_x") == x);
            CHECK(outcome.value("enter_y") == y);
            CHECK(outcome.value("exit_y") == y);
        }
    }
}

TEST_CASE("an EXIT that one label's record tells, and another label's ENTER needs, is never off while that one asks")
{
    std::vector<std::string> programs = {FOLDED_BY_HAND};
#ifdef FOLDED_UNSEEN_LLD
    programs.emplace_back(FOLDED_UNSEEN_LLD);
#endif
#ifdef FOLDED_UNSEEN_GOLD
    programs.emplace_back(FOLDED_UNSEEN_GOLD);
#endif
#ifdef FOLDED_UNSEEN_MOLD
    programs.emplace_back(FOLDED_UNSEEN_MOLD);
#endif
    for (const std::string &program : programs) {
        CAPTURE(program);
        for (const char *selection : {"", "-x", "-y", "x", "y", "-*"}) {
            CAPTURE(selection);
            const Outcome outcome = select(program, selection);
            CAPTURE(outcome.out);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("failure") == "");
            CHECK(outcome.value("request") == "0");
            const std::string exit = outcome.value("exit_x") + outcome.value("exit_y");
            if (outcome.value("enter_x") != "off" || outcome.value("enter_y") != "off")
                CHECK(exit != "off");
        }
        CHECK(select(program, "").value("compiled") == "0");
        CHECK(select(program, "-*").value("enabled") == "0");
    }
    // The price where only one label is off: its EXITs stay as compiled.
    const Outcome one = select(FOLDED_BY_HAND, "-x");
    CHECK(one.value("enter_x") == "off");
    CHECK(one.value("exit_x") == "compiled");
    CHECK(one.value("enter_y") == "enabled");
}

TEST_CASE("functions without unwind entries, or with several, are selected by their names")
{
    for (const char *program : {SCATTERED, SCATTERED_BLOCKS}) {
        CAPTURE(program);
        for (const std::string name : {"four", "five", "covered"}) {
            const Outcome only = select(program, name), all_but = select(program, "-" + name);
            check_whole(only);
            check_whole(all_but);
            for (const std::string other : {"four", "five", "covered"})
                for (const char *kind : {"enter_", "exit_"}) {
                    CAPTURE(name);
                    CAPTURE(other);
                    CHECK(only.value(kind + other) == (name == other ? "enabled" : "off"));
                    CHECK(all_but.value(kind + other) == (name == other ? "off" : "enabled"));
                }
        }
        check_whole(select(program, ""));
        check_whole(select(program, "-*"));
        const Outcome without = run({.program = program, .arguments = {}});
        CHECK(without.value("off") == without.value("sites"));
    }
}

TEST_CASE("functions that nothing names decide together")
{
    for (const std::string selection : {"", "-four", "four", "-*"}) {
        CAPTURE(selection);
        const bool names = selection.ends_with("four");
        const Outcome outcome = select(SCATTERED_STRIPPED, selection);
        check_whole(outcome, names ? "SLICEPATCH_SITES selects by names that no site has: " + selection : "");
        CHECK(outcome.value("enter_four") == outcome.value("exit_five"));
    }
}

namespace {

/// A copy whose unwind table is in a segment of text of its own, as BOLT leaves it beside the text that it has moved.
bool make_rewritten(const std::string &from, const std::string &to)
{
    std::ifstream in(from, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    Elf64_Ehdr *header = reinterpret_cast<Elf64_Ehdr *>(bytes.data());
    auto *const begin = reinterpret_cast<Elf64_Phdr *>(bytes.data() + header->e_phoff), *const end =
                                                                                            begin + header->e_phnum;
    const auto *const table = std::find_if(begin, end, [](const Elf64_Phdr &p) { return p.p_type == PT_GNU_EH_FRAME; });
    auto *const segment = std::find_if(begin, end, [&](const Elf64_Phdr &p) {
        return p.p_type == PT_LOAD && table != end && table->p_vaddr - p.p_vaddr < p.p_memsz;
    });
    if (segment == end || segment->p_flags & PF_X)
        return false;
    segment->p_flags |= PF_X;
    std::ofstream(to, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return access(to.c_str(), R_OK) == 0 && chmod(to.c_str(), 0755) == 0;
}

} // namespace

TEST_CASE("what a post-link rewriter has left behind is foreign, and is not written")
{
    const std::string rewritten = std::string(REWRITTEN) + ".bolt";
    REQUIRE(make_rewritten(REWRITTEN, rewritten));
    const Outcome before = run({.program = REWRITTEN, .arguments = {}});
    const std::string sites = before.value("sites");
    CHECK(before.value("off") == sites);
    const Outcome outcome = run({.program = rewritten, .arguments = {}});
    CAPTURE(outcome.out);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("sites") == sites);
    CHECK(outcome.value("foreign") == sites);
    CHECK(outcome.value("failure").ends_with(
        "the table is stale: a post-link rewriter such as BOLT has moved the code, and nobody runs this copy"));
    const Outcome verified = run({.program = SLICEPATCH_TOOL, .arguments = {"verify", rewritten}});
    CHECK(verified.status == 1);
    CHECK(verified.out.find("a post-link rewriter such as BOLT has moved the code") != std::string::npos);
}
