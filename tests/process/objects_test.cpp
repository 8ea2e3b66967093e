// SPDX-License-Identifier: MIT
//
// Objects that come and go, copies of the library, and every way of linking it.
#include "expected_bytes.h"
#include "outcome.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace slicepatch::test;

TEST_CASE("an object that is opened later is patched by the next init")
{
    const Outcome outcome = run_subject(
        {"kernel=none", "init", open(PLUGIN), "plugin-run", "init", "plugin-run", "run=10", "check", "states"});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("objects") == "2");
    CHECK(outcome.value("sites") == all_sites_and_plugin);
    CHECK(outcome.value("off") == all_sites_and_plugin);
    CHECK(outcome.state_of("plugin") == "off");
    CHECK(outcome.value("plugin") == "counted");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("an object that is closed and opened again is patched again")
{
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", open(PLUGIN), "init", "plugin-run", "close",
                                         "init", open(PLUGIN), "plugin-run", "states"});
    CHECK(outcome.status == 0);
    CHECK(outcome.state_of("plugin") == "compiled");
    CHECK(outcome.state_of("first") == "enabled");
    CHECK(outcome.value("sites") == all_sites);
    const Outcome again = run_subject(
        {"kernel=stock", "yield=ok", open(PLUGIN), "init", "close", open(PLUGIN), "init", "plugin-run", "states"});
    CHECK(again.state_of("plugin") == "enabled");
    CHECK(again.value("enabled") == all_sites_and_plugin);
    CHECK(again.value("plugin") == "counted");
}

TEST_CASE("an object that is opened while threads run is patched under them")
{
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", "init", "threads=2", open(PLUGIN), "init",
                                         "plugin-run", "join", "check", "states"},
                                        {"SLICEPATCH_LIVE=1"});
    CHECK(outcome.value("enabled") == all_sites_and_plugin);
    CHECK(outcome.value("plugin") == "counted");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("a plug-in uses the copy of the library that its program has been linked with")
{
    for (const char *plugin : {PLUGIN_SHARED, PLUGIN_ARCHIVE}) { // the dynamic linker prefers the program's to its own
        const Outcome outcome = run_subject({"kernel=stock", "yield=ok", "init", open(plugin), "plugin-run",
                                             "plugin-init", "plugin-run", "init", "run=100", "check", "states"});
        CAPTURE(outcome.out);
        CHECK(outcome.value("plugin_answer") == "0");
        CHECK(outcome.value("plugin_guarantee") == "1");
        CHECK(outcome.value("plugin_enabled") == all_sites_and_plugin);
        CHECK(outcome.value("writer") == "none"); // the plug-in had it all done
        CHECK(outcome.value("plugin") == "counted");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("a plug-in with a copy of its own leaves what the program's copy did, and is patched by it")
{
    for (const char *plugin : {PLUGIN_SHARED, PLUGIN_ARCHIVE}) {
        const Outcome outcome = run({.program = SUBJECT_ARCHIVE,
                                     .arguments = {"kernel=stock", "yield=ok", "init", open(plugin), "plugin-run",
                                                   "plugin-init", "plugin-run", "init", "run=100", "check", "states"}});
        CAPTURE(plugin);
        CAPTURE(outcome.out);
        CHECK(outcome.status == 0);
        CHECK(outcome.value("plugin_answer") == "0");
        CHECK(outcome.value("plugin_guarantee") == "1");
        CHECK(outcome.value("plugin_enabled") == all_sites);
        CHECK(outcome.value("plugin_foreign") == "0");
        CHECK(outcome.value("enabled") == all_sites_and_plugin);
        CHECK(outcome.value("plugin") == "counted");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("a copy that new threads do not pass through leaves every site as compiled, and says so")
{
    for (const char *plugin : {PLUGIN_SHARED, PLUGIN_ARCHIVE}) {
        const Outcome outcome = run({.program = SUBJECT_ARCHIVE,
                                     .arguments = {"kernel=stock", "yield=ok", open(plugin), "plugin-init",
                                                   "plugin-run", "plugin-thread", "run=100", "check", "states"}});
        CAPTURE(outcome.out);
        CHECK(outcome.value("plugin_guarantee") == "1");
        CHECK(outcome.value("plugin_enabled") == "0");
        CHECK(outcome.value("plugin_failure")
                  .starts_with("threads that start later do not pass through this copy of the library: "));
        CHECK(outcome.state_of("first") == "compiled");
        CHECK(outcome.state_of("plugin") == "compiled");
        CHECK(outcome.value("plugin_thread") == "ran");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("a program can open many plug-ins that each have a copy of the library inside")
{
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", std::string("copies=") + PLUGIN_ARCHIVE, "init", "run=100", "check"});
    CAPTURE(outcome.out);
    CHECK(outcome.value("copies") == "all"); // static TLS is what runs out
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("two copies of the library at the same moment compose")
{
    for (int round = 0; round < 10; ++round) {
        const Outcome outcome = run({.program = SUBJECT_ARCHIVE,
                                     .arguments = {"kernel=none", open(PLUGIN_ARCHIVE), "both", "plugin-run", "init",
                                                   "run=100", "check", "states"},
                                     .environment = {"SLICEPATCH_LIVE=1"}});
        CAPTURE(outcome.out);
        CHECK(outcome.value("both") == "0 0");
        CHECK(outcome.value("off") == all_sites_and_plugin);
        CHECK(outcome.value("foreign") == "0");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("the nesting depth of the outermost forms is one for a program and its plug-ins")
{
    const auto depths = [](const char *program) {
        return run({.program = program, .arguments = {open(PLUGIN), "across"}}).value("depths");
    };
    CHECK(depths(SUBJECT) == "1 2 0");
    CHECK(depths(SUBJECT_ARCHIVE_EXPORTS) == "1 2 0");
    // Nobody in such a program exports it unless told to: examples/LIMITS.md.
    CHECK(depths(SUBJECT_ARCHIVE) == "1 1 0");
}

namespace {

/// A copy of the library whose own assembler's opinion of the first sequence has another byte. False: without nm(1).
bool copy_library_with_doubt(const TemporaryFolder &folder)
{
    const std::string copy = folder.copy(LIBRARY, "libslicepatch.so.0");
    const Ended symbols = run_child({.program = "nm", .arguments = {copy}, .emulated = false});
    if (symbols.status == 127)
        return false;
    const std::size_t name = symbols.out.find(" r slicepatch_" ARCHITECTURE "_witness\n");
    REQUIRE(name != std::string::npos);
    const std::size_t line = symbols.out.rfind('\n', name) + 1;
    // Where it is in the file too: read-only data comes before all that linkers put elsewhere.
    const auto address = static_cast<std::streamoff>(std::stoul(symbols.out.substr(line, name - line), nullptr, 16));
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(address + witness_opcode);
    const int byte = file.get();
    file.seekp(address + witness_opcode);
    file.put(static_cast<char>(byte ^ 1));
    REQUIRE(file.good());
    return true;
}

} // namespace

TEST_CASE("the decoder is loaded where it is asked for, and where two assemblers differ")
{
    const std::vector<std::string> verbs = {"kernel=none", "init", "run=100", "check", "states"};
    const TemporaryFolder folder;
    const bool doubt = copy_library_with_doubt(folder);
    const std::string doubtful = "LD_LIBRARY_PATH=" + folder.path();
    const struct {
        std::vector<std::string> environment;
        std::string verifier;
    } ways[] = {{{"SLICEPATCH_VERIFY=auto"}, "assembler"},
                {{"SLICEPATCH_VERIFY="}, "assembler"},
                {{"SLICEPATCH_VERIFY=decoder"}, DECODER},
                {{"SLICEPATCH_VERIFY=auto", doubtful}, DECODER}};
    for (const auto &way : ways) {
        if (way.environment.size() > 1 && !doubt) {
            skip("two assemblers that differ", "there is no nm here");
            continue;
        }
        const Outcome outcome = run_subject(verbs, way.environment);
        CAPTURE(outcome.out);
        CHECK(outcome.value("verifier") == way.verifier);
        CHECK(outcome.value("off") == all_sites);
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("a program patches itself whether the library is shared, archived or fully static")
{
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE, SUBJECT_STATIC}) {
        for (const char *kernel : {"kernel=none", "kernel=stock"}) {
            const Outcome outcome = run({.program = program,
                                         .arguments = {kernel, "yield=ok", "run=10", "init", "run=1000", "threads=2",
                                                       "join", "check", "states"},
                                         .environment = {"SLICEPATCH_VERIFY=auto"}});
            CAPTURE(program);
            CAPTURE(outcome.out);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("answer") == "0");
            CHECK(outcome.value("verifier") == "assembler");
            CHECK(outcome.value("sites") == all_sites);
            CHECK(outcome.value(kernel == std::string("kernel=none") ? "off" : "enabled") == all_sites);
            CHECK(outcome.value("counted") == "yes");
        }
    }
}

TEST_CASE("an object whose constructor calls init is opened while another thread is inside init")
{
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", std::string("open-during-init=") + PLUGIN_AT_START, "run=10", "check"},
                    {"SLICEPATCH_LIVE=1"});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("opened") == "all");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("an object whose constructor waits for threads that start threads is opened as without the library")
{
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE}) {
        const Outcome outcome =
            run({.program = program, .arguments = {open(PLUGIN_STARTS_THREADS), "run=10", "check"}});
        CHECK(outcome.status == 0);
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("what dlerror() has to say survives the start of a thread and init")
{
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE})
        CHECK(run({.program = program,
                   .arguments = {"kernel=stock", "yield=ok", "dlerror"},
                   .environment = {"SLICEPATCH_VERIFY=auto"}}) // to load the decoder is to use up what there is
                  .value("dlerror") == "kept");
}

namespace {

/// How many system calls a program with that many objects makes, all in all.
unsigned long count_calls(const std::vector<std::string> &paths, std::size_t objects,
                          const std::vector<std::string> &verbs, const std::vector<std::string> &environment)
{
    std::vector<std::string> arguments = {SUBJECT, "kernel=none"};
    for (std::size_t i = 0; i < objects; ++i)
        arguments.push_back(open(paths[i].c_str()));
    arguments.insert(arguments.end(), verbs.begin(), verbs.end());
    const Outcome outcome = run({.program = COUNT_CALLS, .arguments = arguments, .environment = environment});
    CAPTURE(outcome.out);
    if (skipped(outcome, "ptrace"))
        return 0;
    CHECK(outcome.status == 0);
    CHECK(outcome.value("off") == std::to_string(std::stoul(all_sites) + 4 * objects));
    CHECK(outcome.value("compiled") == "0");
    return std::stoul(outcome.value("calls"));
}

} // namespace

TEST_CASE("what a further object costs does not grow with the number of objects")
{
    needs_whole_system("system calls are counted by ptrace");
    constexpr std::size_t few = 50, many = 4 * few;
    const TemporaryFolder folder;
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < many; ++i)
        paths.push_back(folder.copy(PLUGIN, std::to_string(i) + ".so"));
    const struct {
        std::vector<std::string> verbs, environment;
    } ways[] = {
        {{"init"}, {}},
        {{"init"}, {"SLICEPATCH_WRITER=procmem"}},
        {{"init"}, {"SLICEPATCH_WRITER=rwx"}},
        {{"init"}, {"SLICEPATCH_SITES=-nothing"}},
        {{"threads=1", "init", "join"}, {"SLICEPATCH_LIVE=1"}},
    };
    unsigned long by_copies = 0;
    for (const auto &way : ways) {
        CAPTURE(way.environment);
        const unsigned long none = count_calls(paths, 0, way.verbs, way.environment);
        if (!none)
            return;
        const unsigned long some = count_calls(paths, few, way.verbs, way.environment) - none;
        const unsigned long all = count_calls(paths, many, way.verbs, way.environment) - none;
        CHECK(all < 6 * some); // 4 times as many objects
        by_copies = by_copies ? by_copies : all;
        CHECK(all < 2 * by_copies);
    }
}
