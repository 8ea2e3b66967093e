// SPDX-License-Identifier: MIT
#include "instructions.h"
#include "sample.h"

#include "patcher/library/outcomes/table.h"
#include "patcher/tool/counted.h"
#include "patcher/tool/error.h"
#include "patcher/tool/process.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

using Json = nlohmann::json;

std::string text_of(pid_t pid)
{
    return std::to_string(pid);
}

std::string error_of(pid_t pid, const std::vector<std::string> &before = {})
{
    std::vector<std::string> command = before;
    command.insert(command.end(), {SLICEPATCH, "dump", "--pid", text_of(pid)});
    const Outcome outcome = run(command);
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    return outcome.error;
}

/// Those of the sample itself, not of what it is linked with.
Json own_sites(const Json &sites, const std::string &object)
{
    Json own = Json::array();
    for (const Json &site : sites)
        if (site["object"] == object)
            own.push_back(site);
    return own;
}

void poke(pid_t pid, std::uint64_t address, std::uint8_t byte)
{
    const int memory = open(("/proc/" + text_of(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(memory >= 0);
    CHECK(pwrite(memory, &byte, 1, static_cast<off_t>(address)) == 1);
    close(memory);
}

} // namespace

TEST_CASE("dump --pid shows the sites of a running program as they are in memory")
{
    const RunningSample unpatched({SAMPLE_LIVE, "--unpatched"});
    const Json before = own_sites(slicepatch_json({"dump", "--pid", text_of(unpatched.pid())})["sites"], SAMPLE_LIVE);
    REQUIRE(before.size() == sample_sites);
    for (const Json &site : before)
        CHECK(site["state"] == "compiled");

    const RunningSample patched({"env", "SLICEPATCH=off", SAMPLE_LIVE});
    CHECK(!patched.chose());
    const Json after = own_sites(slicepatch_json({"dump", "--pid", text_of(patched.pid())})["sites"], SAMPLE_LIVE);
    REQUIRE(after.size() == sample_sites);
    for (const Json &site : after) {
        // The branch is alone in its group; two of them are pairs, and those are switched off.
        CHECK(site["state"] == "off");
        CHECK(site["function"] != "");
    }
}

TEST_CASE("dump --pid shows what a process counts, and nothing where it does not")
{
    const RunningSample counting({"env", "SLICEPATCH=compiled", "SLICEPATCH_COUNT=1", SAMPLE_LIVE});
    int exits = 0;
    for (const Json &site :
         own_sites(slicepatch_json({"dump", "--pid", text_of(counting.pid())})["sites"], SAMPLE_LIVE)) {
        CHECK(site.contains("reached") == (site["kind"] == "exit"));
        if (site["kind"] != "exit")
            continue;
        ++exits;
        CHECK(site["yielded"] == 0);
        CHECK(site["lost"] == 0);
        CHECK(site["reached"] == 1);
    }
    CHECK(exits == 2);
    const Outcome table = slicepatch_tool({"dump", "--pid", text_of(counting.pid())});
    CHECK(table.out.find("\n      counted: 0 yielded, 0 lost, 1 reached\n") != std::string::npos);

    const RunningSample silent({"env", "SLICEPATCH=compiled", SAMPLE_LIVE});
    for (const Json &site : own_sites(slicepatch_json({"dump", "--pid", text_of(silent.pid())})["sites"], SAMPLE_LIVE))
        CHECK(!site.contains("reached"));
}

TEST_CASE("counters of a process that are none are not believed")
{
    const RunningSample counting({"env", "SLICEPATCH=compiled", "SLICEPATCH_COUNT=1", SAMPLE_LIVE});
    const tool::Process process(counting.pid());
    for (const auto &object : process.objects()) {
        tool::ObjectView view = tool::view_object(*object, nullptr, false);
        if (!view.counters)
            continue;
        poke(counting.pid(), view.counters + offsetof(OutcomeTable, count) + 7, 0x7f); // far more than there is memory
        tool::read_counts(process, view);
        for (const tool::SiteView &site : view.sites)
            CHECK(!site.counted);
        return;
    }
    FAIL("no object counts");
}

TEST_CASE("under a simulated kernel every ENTER and EXIT of the live process is the enabled instruction")
{
    const RunningSample program({SLICEPATCH, "sim", "--kernel", "patched", "--", SAMPLE_LIVE});
    CHECK(program.chose());
    const Json sites = own_sites(slicepatch_json({"dump", "--pid", text_of(program.pid())})["sites"], SAMPLE_LIVE);
    REQUIRE(sites.size() == sample_sites);
    for (const Json &site : sites) {
        CHECK(site["state"] == "enabled");
        CAPTURE(site.dump());
        CHECK(reads_as_enabled(site["kind"], site["disassembly"], "*"));
    }
    CHECK(slicepatch_tool({"verify", "--pid", text_of(program.pid())}).status == 0);
    const Json why = slicepatch_json({"why", "--pid", text_of(program.pid())});
    CHECK(why["guarantee"] == "thread"); // the lock of a simulated kernel cannot be seen
}

TEST_CASE("--diff shows the bytes of the file beside those in memory")
{
    const Json on_disk = slicepatch_json({"dump", SAMPLE_LIVE})["sites"];
    const RunningSample program({"env", "SLICEPATCH=off", SAMPLE_LIVE});
    const Json sites =
        own_sites(slicepatch_json({"dump", "--diff", "--pid", text_of(program.pid())})["sites"], SAMPLE_LIVE);
    REQUIRE(sites.size() == on_disk.size());
    for (std::size_t i = 0; i < sites.size(); ++i) {
        CHECK(sites[i]["file_state"] == "compiled");
        CHECK(sites[i]["file_bytes"] == on_disk[i]["bytes"]);
        CHECK(sites[i]["bytes"] != on_disk[i]["bytes"]);
    }
    const Outcome files = slicepatch_tool({"dump", "--diff", SAMPLE});
    CHECK(files.status == 2);
    CHECK(files.error == "slicepatch: --diff compares a process with its files: it needs --pid\n");
}

TEST_CASE("verify --pid names a site that somebody wrote to")
{
    const RunningSample program({"env", "SLICEPATCH=off", SAMPLE_LIVE});
    CHECK(slicepatch_tool({"verify", "--pid", text_of(program.pid())}).status == 0);
    const Json sites = own_sites(slicepatch_json({"dump", "--pid", text_of(program.pid())})["sites"], SAMPLE_LIVE);
    REQUIRE(!sites.empty());
    const std::string address = sites[0]["address"];
    poke(program.pid(), std::strtoull(address.c_str(), nullptr, 16), 0xcc);
    const Outcome outcome = slicepatch_tool({"verify", "--pid", text_of(program.pid())});
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find(" at " + address + ", ") != std::string::npos);
    CHECK(outcome.out.find("found cc ") != std::string::npos);
}

TEST_CASE("a process that has gone, or is going, gets an exact message")
{
    RunningSample program({SAMPLE_LIVE, "--unpatched"});
    const pid_t pid = program.pid();
    const tool::Process opened(pid);
    program.end();
    CHECK_THROWS_WITH_AS(opened.require_alive(),
                         ("process " + text_of(pid) + ": exited while it was being read").c_str(), tool::Error);
    CHECK(error_of(pid) == "slicepatch: process " + text_of(pid) + ": no such process\n");

    const pid_t zombie = fork();
    REQUIRE(zombie >= 0);
    if (zombie == 0)
        _exit(0);
    siginfo_t info;
    REQUIRE(waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT) == 0);
    CHECK(error_of(zombie) ==
          "slicepatch: process " + text_of(zombie) + ": has exited and waits for its parent to collect its status\n");
    CHECK(waitpid(zombie, nullptr, 0) == zombie);
}

TEST_CASE("a process of somebody else gets an exact message")
{
    const bool root = geteuid() == 0;
    if (root && run({"setpriv", "--version"}).status != 0) {
        MESSAGE("skipped 1 check: root without setpriv(1) cannot become somebody else");
        return;
    }
    const RunningSample ours({SAMPLE_LIVE, "--unpatched"});
    const pid_t pid = root ? ours.pid() : 1;
    // The program's own folders may be closed to others, so that it is started from a copy for all.
    const TemporaryFolder folder;
    std::filesystem::permissions(folder.path("."), std::filesystem::perms::others_all,
                                 std::filesystem::perm_options::add);
    std::filesystem::copy(SLICEPATCH, folder.path("slicepatch"));
    std::vector<std::string> command;
    if (root)
        command = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    command.insert(command.end(), {folder.path("slicepatch"), "dump", "--pid", text_of(pid)});
    const Outcome outcome = run(command);
    CHECK(outcome.status == 2);
    CHECK(outcome.error ==
          "slicepatch: process " + text_of(pid) +
              ": not ours: it belongs to user 0, and its memory may be read by that user and by root\n");
}

TEST_CASE("without /proc the message says so")
{
    if (run_shell("unshare -m umount -l /proc").status != 0) {
        MESSAGE("skipped 1 check: no mount namespace to hide /proc in");
        return;
    }
    const Outcome outcome =
        run_shell("exec unshare -m sh -c 'umount -l /proc && exec \"$0\" dump --pid 1' " + quote(SLICEPATCH));
    CHECK(outcome.status == 2);
    CHECK(outcome.error == "slicepatch: process 1: /proc is not mounted\n");
}

TEST_CASE("a program whose file is deleted or replaced is still listed")
{
    const TemporaryFolder folder;
    const std::string path = folder.path("program");
    std::filesystem::copy(SAMPLE_LIVE, path);
    const RunningSample program({path, "--unpatched"});
    std::filesystem::remove(path);
    std::filesystem::copy(SAMPLE_STRANGER, path);
    const Outcome outcome = slicepatch_tool({"dump", "--json", "--pid", text_of(program.pid())});
    CHECK(outcome.status == 0);
    const Json sites = Json::parse(outcome.out)["sites"];
    std::size_t found = 0;
    for (const Json &site : sites) {
        found += site["object"].get<std::string>().starts_with(path);
        CHECK(site["state"] == "compiled");
        // Names come from the mapped file itself where the kernel lets us reach it, else not at all: never from
        // another.
        CHECK(site["function"] != "stranger");
    }
    CHECK(found == sample_sites);
}

TEST_CASE("an ELF file that is only mapped to be looked at is not an object of the process")
{
    const RunningSample program({SAMPLE_LIVE, "--unpatched"});
    const tool::Process process(program.pid());
    CHECK(process.objects().size() >= 3); // itself, libc, the dynamic linker
    for (const auto &object : process.objects())
        CHECK(object->machine() == SLICEPATCH_ARCH_MACHINE);
    tool::Mapping mapping;
    CHECK(tool::parse_mapping("55d0-55e0 r-xp 00001000 08:01 42   /a b/c (deleted)", mapping));
    CHECK(mapping.begin == 0x55d0);
    CHECK(mapping.offset == 0x1000);
    CHECK(mapping.inode == 42);
    CHECK(mapping.executable);
    CHECK(mapping.path == "/a b/c (deleted)");
    CHECK(tool::parse_mapping("7f00-7f10 rw-p 00000000 00:00 0 ", mapping));
    CHECK(mapping.path == "");
    CHECK(!tool::parse_mapping("nonsense", mapping));
}
