// SPDX-License-Identifier: MIT
//
// On the simulated kernel with the series, which answers as no seccomp filter can: who locks the state, and what is
// left of a request.
#include "outcome.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

Outcome simulate(const char *kernel, const char *program, const std::vector<std::string> &arguments,
                 const std::vector<std::string> &environment = {})
{
    needs_whole_system("the simulated kernel is a seccomp filter");
    Child child{.program = SLICEPATCH_TOOL,
                .arguments = {"sim", "--kernel", kernel, "--", program},
                .environment = environment};
    child.arguments.insert(child.arguments.end(), arguments.begin(), arguments.end());
    return run(child);
}

const std::string thread = "1", process = "3";

} // namespace

TEST_CASE("the executable locks the state, whether it calls init in main or before it")
{
    CHECK(simulate("patched", SUBJECT, {"init"}).value("guarantee") == process);
    CHECK(simulate("patched", SUBJECT_ARCHIVE, {"init"}).value("guarantee") == process);
    CHECK(simulate("patched", SUBJECT_AT_START, {"report"}).value("guarantee") == process);
    CHECK(simulate("patched", SUBJECT_AT_START, {"report"}, {"SLICEPATCH=require"}).value("answer") == "0");
}

TEST_CASE("a plug-in does not lock its host, and adopts what the host has locked")
{
    for (const char *plugin : {PLUGIN_SHARED, PLUGIN_ARCHIVE}) {
        const std::string open = std::string("open=") + plugin;
        const Outcome alone = simulate("patched", SUBJECT, {open, "plugin-init", "init"}, {"SLICEPATCH_VERBOSE=1"});
        CAPTURE(alone.out);
        CHECK(alone.value("plugin_answer") == "0");
        CHECK(alone.value("plugin_guarantee") == thread);
        CHECK(alone.value("guarantee") == process);
        CHECK(simulate("patched", SUBJECT, {"init", open, "plugin-init"}).value("plugin_guarantee") == process);
    }
}

TEST_CASE("a plug-in in a namespace of its own is not the executable, though it is the first object there")
{
    const Outcome apart = simulate("patched", SUBJECT,
                                   {std::string("open-apart=") + PLUGIN_ARCHIVE, "plugin-init", "plugin-run", "init"});
    CAPTURE(apart.out);
    if (skipped(apart, "a namespace of the dynamic linker's"))
        return;
    CHECK(apart.value("plugin_answer") == "0");
    CHECK(apart.value("plugin_guarantee") == thread);
    CHECK(apart.value("plugin") == "counted");
    CHECK(apart.value("guarantee") == process);
}

TEST_CASE("what the kernel says of its threads is what the report counts")
{
    const Outcome outcome =
        simulate("stock", SUBJECT, {"threads=3", "init", "join", "threads=2", "state", "join", "report", "check"},
                 {"SLICEPATCH_LIVE=1"});
    CAPTURE(outcome.out);
    CHECK(outcome.value("state") == "1");
    CHECK(outcome.value("thread_state") == "1");
    CHECK(outcome.value("threads_enabled") == "6"); // with three of "state"
    CHECK(outcome.value("threads_missed") == "3");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("a function that the compiler has split is one group, by whichever of its names it is deselected")
{
    for (const char *selection : {"-split_section", "-split_section*", "*.cold", "-*"}) {
        const Outcome outcome = simulate("patched", SPLIT, {selection});
        CAPTURE(selection);
        CAPTURE(outcome.out);
        CHECK(outcome.value("guarantee") == process);
        CHECK(outcome.value("off") == outcome.value("sites"));
        CHECK(outcome.value("request") == "0");
    }
    const Outcome selected = simulate("patched", SPLIT, {"split_section"});
    CHECK(selected.value("enabled") == selected.value("sites"));
    CHECK(selected.value("request") == "0");
#if !defined(__clang__) // which does not split at -O2, so that there is nothing to unite
    CHECK(selected.value("split") == "yes");
#endif
#if defined(__x86_64__)
    const Outcome stripped = simulate("patched", SPLIT_STRIPPED, {"-split_section"});
    CHECK(stripped.value("off") == stripped.value("sites"));
#else
    skip("the stripped program", "on this architecture cold blocks stay with their sites, so that nothing but names "
                                 "shows whose part a part is");
#endif
}
