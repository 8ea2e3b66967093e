// SPDX-License-Identifier: MIT
//
// Objects that come and go, copies of the library, and every way of linking it.
#include "child.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

std::string open(const char *object) {
    return std::string("open=") + object;
}

} // namespace

TEST_CASE("an object that is opened later is patched by the next init") {
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

TEST_CASE("an object that is closed and opened again is patched again") {
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", open(PLUGIN), "init", "plugin-run", "close",
                                         "init", open(PLUGIN), "plugin-run", "states"});
    CHECK(outcome.status == 0);
    CHECK(outcome.state_of("plugin") == "compiled");
    CHECK(outcome.state_of("first") == "enabled");
    CHECK(outcome.value("sites") == all_sites);
    const Outcome again = run_subject({"kernel=stock", "yield=ok", open(PLUGIN), "init", "close", open(PLUGIN), "init",
                                       "plugin-run", "states"});
    CHECK(again.state_of("plugin") == "enabled");
    CHECK(again.value("enabled") == all_sites_and_plugin);
    CHECK(again.value("plugin") == "counted");
}

TEST_CASE("an object that is opened while threads run is patched under them") {
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", "init", "threads=2", open(PLUGIN), "init",
                                         "plugin-run", "join", "check", "states"},
                                        {"SLICEPATCH_LIVE=1"});
    CHECK(outcome.value("enabled") == all_sites_and_plugin);
    CHECK(outcome.value("plugin") == "counted");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("a plug-in uses the copy of the library that its program has been linked with") {
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

TEST_CASE("a plug-in with a copy of its own leaves what the program's copy did, and is patched by it") {
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

TEST_CASE("a copy that new threads do not pass through leaves every site as compiled, and says so") {
    for (const char *plugin : {PLUGIN_SHARED, PLUGIN_ARCHIVE}) {
        const Outcome outcome = run({.program = SUBJECT_ARCHIVE,
                                     .arguments = {"kernel=stock", "yield=ok", open(plugin), "plugin-init",
                                                   "plugin-run", "plugin-thread", "run=100", "check", "states"}});
        CAPTURE(outcome.out);
        CHECK(outcome.value("plugin_guarantee") == "1");
        CHECK(outcome.value("plugin_enabled") == "0");
        CHECK(outcome.value("plugin_failure") ==
              "threads that start later do not pass through this copy of the library: the executable has to link it");
        CHECK(outcome.state_of("first") == "compiled");
        CHECK(outcome.state_of("plugin") == "compiled");
        CHECK(outcome.value("plugin_thread") == "ran");
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("two copies of the library at the same moment compose") {
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

TEST_CASE("the nesting depth of the outermost forms is one for a program and its plug-ins") {
    const auto depths = [](const char *program) {
        return run({.program = program, .arguments = {open(PLUGIN), "across"}}).value("depths");
    };
    CHECK(depths(SUBJECT) == "1 2 0");
    CHECK(depths(SUBJECT_ARCHIVE_EXPORTS) == "1 2 0");
    // Nobody in such a program exports it unless told to: README, "Limits".
    CHECK(depths(SUBJECT_ARCHIVE) == "1 1 0");
}

TEST_CASE("a program patches itself whether the library is shared, archived or fully static") {
    const struct {
        const char *program, *verifier;
    } ways[] = {{SUBJECT, DECODER}, {SUBJECT_ARCHIVE, DECODER}, {SUBJECT_STATIC, "assembler"}};
    for (const auto &way : ways) {
        for (const char *kernel : {"kernel=none", "kernel=stock"}) {
            const Outcome outcome = run({.program = way.program,
                                         .arguments = {kernel, "yield=ok", "run=10", "init", "run=1000", "threads=2",
                                                       "join", "check", "states"}});
            CAPTURE(way.program);
            CAPTURE(outcome.out);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("answer") == "0");
            CHECK(outcome.value("verifier") == way.verifier);
            CHECK(outcome.value("sites") == all_sites);
            CHECK(outcome.value(kernel == std::string("kernel=none") ? "off" : "enabled") == all_sites);
            CHECK(outcome.value("counted") == "yes");
        }
    }
}

TEST_CASE("an object whose constructor calls init is opened while another thread is inside init") {
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", std::string("open-during-init=") + PLUGIN_AT_START,
                                         "run=10", "check"},
                                        {"SLICEPATCH_LIVE=1"});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("opened") == "all");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("an object whose constructor waits for threads that start threads is opened as without the library") {
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE}) {
        const Outcome outcome = run({.program = program, .arguments = {open(PLUGIN_STARTS_THREADS), "run=10", "check"}});
        CHECK(outcome.status == 0);
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("what dlerror() has to say survives the start of a thread and init") {
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE})
        CHECK(run({.program = program, .arguments = {"kernel=stock", "yield=ok", "dlerror"}}).value("dlerror") ==
              "kept");
}
