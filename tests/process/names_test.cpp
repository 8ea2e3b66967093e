// SPDX-License-Identifier: MIT
//
// Names of functions, by which SLICEPATCH_SITES selects: from memory, and from files wherever they are by now.
#include "outcome.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <link.h>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

const std::string all_sites_and_pair = all_sites_and(2), all_sites_and_both_pairs = all_sites_and(4);

/// Init with a list, after these verbs, in a program that has opened an object by a relative name and changed its
/// folder.
Outcome init_after(const std::vector<std::string> &verbs, const std::string &list, const TemporaryFolder &folder)
{
    std::vector<std::string> all = {"kernel=stock", "yield=ok", "folder=" + folder.path(), open("./named.so"),
                                    "folder=/"};
    all.insert(all.end(), verbs.begin(), verbs.end());
    all.insert(all.end(), {"init", "plugin-run", "run=10", "check"});
    const Outcome outcome = run_subject(all, {"SLICEPATCH_SITES=" + list});
    CAPTURE(outcome.out);
    if (outcome.status != skipped_status) {
        CHECK(outcome.status == 0);
        CHECK(outcome.value("answer") == "0");
        CHECK(outcome.value("plugin") == "counted");
        CHECK(outcome.value("counted") == "yes");
    }
    return outcome;
}

const std::string unnamed_text =
    "names of functions cannot be read, so that none of those without a label is selected in "
    "./named.so";

} // namespace

TEST_CASE("a function is selected by its name, exported or not, wherever its program's folder is by now")
{
    const TemporaryFolder folder;
    (void)folder.copy(NAMED, "named.so");
    for (const char *list : {"-named_inside", "-named_outside"}) {
        const Outcome outcome = init_after({}, list, folder);
        CHECK(outcome.value("enabled") == all_sites_and_pair);
        CHECK(outcome.value("off") == "2");
        CHECK(outcome.value("failure") == "");
    }
    CHECK(init_after({}, "named_inside", folder).value("enabled") == "2");
    CHECK(init_after({}, "-nothing", folder).value("enabled") == all_sites_and_both_pairs);
}

TEST_CASE(
    "where a FIFO has taken the place of an object's file, init ends, and functions keep the names that are in memory")
{
    for (const char *privileges : {"run=1", "nobody"}) {
        const TemporaryFolder folder;
        const std::string fifo = "fifo=" + folder.copy(NAMED, "named.so");
        const Outcome outcome = init_after({"folder=" + folder.path(), fifo, privileges}, "-named_outside", folder);
        if (skipped(outcome, "another user"))
            return;
        CHECK(outcome.value("off") == (outcome.value("failure").empty() ? "2" : "4"));
    }
}

TEST_CASE("a function is not selected where its name cannot be read, which may be the one that is excluded")
{
    const TemporaryFolder folder;
    const std::string path = folder.copy(NAMED, "named.so");
    const Outcome outcome = init_after({"remove=" + path, "nobody"}, "-named_inside", folder);
    if (skipped(outcome, "another user"))
        return;
    CHECK(outcome.value("off") == "2"); // the other one is exported: its name is in memory
    CHECK(outcome.value("enabled") == all_sites_and_pair);
    CHECK(outcome.value("failure") == unnamed_text);
}

TEST_CASE("a file that has another one's place does not name its functions")
{
    const TemporaryFolder folder;
    const std::string path = folder.copy(NAMED, "named.so");
    const Outcome outcome =
        init_after({"remove=" + path, "copy=" + std::string(NAMED) + ":" + path, "nobody"}, "-named_inside", folder);
    if (skipped(outcome, "another user"))
        return;
    CHECK(outcome.value("off") == "2");
    CHECK(outcome.value("failure") == unnamed_text);
}

namespace {

/// The loader that this program was started by.
std::string find_loader()
{
    std::string path;
    dl_iterate_phdr(
        [](dl_phdr_info *info, std::size_t, void *found) {
            if (std::filesystem::path(info->dlpi_name).filename().string().starts_with("ld-"))
                *static_cast<std::string *>(found) = info->dlpi_name;
            return 0;
        },
        &path);
    return path;
}

} // namespace

TEST_CASE("a program that was started through its loader is known by its own names")
{
    needs_whole_system("an emulator is what is started");
    const std::string loader = find_loader();
    REQUIRE(!loader.empty());
    const Outcome outcome =
        run({.program = loader,
             .arguments = {SUBJECT, "kernel=stock", "yield=ok", "init", "run=10", "check", "states"},
             .environment = {"SLICEPATCH_SITES=-plain_two"}});
    CAPTURE(outcome.out);
    CHECK(outcome.state_of("plain_one") == "enabled");
    CHECK(outcome.state_of("plain_two") == "off");
    CHECK(outcome.value("failure") == "");
}

TEST_CASE("names are looked up in one pass, however many functions are asked for")
{
    needs_whole_system("system calls are counted by ptrace");
    const auto count = [](const std::vector<std::string> &environment) {
        const Outcome outcome = run({.program = COUNT_CALLS, .arguments = {CROWDED}, .environment = environment});
        CAPTURE(outcome.out);
        CHECK(outcome.value("answer") == "0");
        CHECK(outcome.value("sites") == "2000");
        CHECK(outcome.value("counted") == "1000");
        return outcome;
    };
    const Outcome plain = count({}), named = count({"SLICEPATCH_SITES=-function_1234"});
    if (skipped(plain, "ptrace"))
        return;
    CHECK(std::stoul(named.value("opens")) <= std::stoul(plain.value("opens")) + 4);
    CHECK(std::stoul(named.value("calls")) <= std::stoul(plain.value("calls")) + 40);
}
