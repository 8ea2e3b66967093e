// SPDX-License-Identifier: MIT
//
// Bytes that another tool wrote: the label is left alone, and everything else is patched.
#include "outcome.h"
#include "expected_bytes.h"

#include <doctest/doctest.h>

#include <regex>

using namespace slicepatch::test;

namespace {

const std::string foreign_text =
    "the bytes at the site are not ours (a debugger's breakpoint, a hook, or stale records)";

void check_group_is_foreign(const Outcome &outcome, const std::string &group)
{
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("sites") == all_sites);
    CHECK(outcome.value("foreign") == "1");
    CHECK(outcome.value("compiled") == "1");
    CHECK(outcome.value("off") == all_but_one_group);
    CHECK(outcome.value("failure").ends_with(", the executable): " + foreign_text));
    for (const char *other : {"first", "second", "plain_one", "plain_two", "slicepatch.outermost", "handler"})
        if (other != group)
            CHECK_MESSAGE(outcome.state_of(other) == "off", other);
}

std::string bytes_of(const Outcome &outcome, const std::string &name, const std::string &kind)
{
    for (const SeenSite &site : outcome.sites)
        if (site.name == name && site.kind == kind)
            return site.bytes;
    return "";
}

} // namespace

TEST_CASE("a breakpoint at a site leaves its label as compiled and every other label patched")
{
    const Outcome before = run_subject({"kernel=none", "states"});
    const Outcome after = run_subject({"kernel=none", "breakpoint=first", "init", "states"});
    if (skipped(after, "a breakpoint"))
        return;
    check_group_is_foreign(after, "first");
    CHECK(after.value("failure").starts_with("enter at 0x"));
    CHECK(after.value("failure").find(" (first, ") != std::string::npos);
    CHECK(bytes_of(after, "first", "enter") ==
          breakpoint_bytes + bytes_of(before, "first", "enter").substr(breakpoint_bytes.size()));
    CHECK(bytes_of(after, "first", "exit") == bytes_of(before, "first", "exit"));
}

TEST_CASE("a breakpoint at a site without a label leaves its function as compiled")
{
    const Outcome outcome = run_subject({"kernel=none", "breakpoint=plain_one", "init", "states"});
    if (skipped(outcome, "a breakpoint"))
        return;
    check_group_is_foreign(outcome, "plain_one");
    CHECK(outcome.state_of("plain_one") == "mixed"); // the one site foreign, the other compiled
}

TEST_CASE("a hook over a site stays, works, and leaves its label as compiled")
{
    const Outcome outcome = run_subject({"kernel=none", "hook=second", "init", "run=1000", "check", "states"});
    if (skipped(outcome, "a hook"))
        return;
    check_group_is_foreign(outcome, "second");
    CHECK(std::regex_search(bytes_of(outcome, "second", "exit"), std::regex("^" + hook_bytes)));
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("foreign bytes leave the label as compiled where everything else is enabled")
{
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", "hook=first", "init", "run=1000", "check", "states"});
    if (skipped(outcome, "a hook"))
        return;
    CHECK(outcome.value("enabled") == all_but_one_group);
    CHECK(outcome.value("foreign") == "1");
    CHECK(outcome.value("compiled") == "1");
    CHECK(outcome.value("counted") == "yes");
    CHECK(outcome.state_of("second") == "enabled");
}

TEST_CASE("a label that was foreign is patched by a later init once its bytes are back")
{
    const Outcome outcome =
        run_subject({"kernel=none", "breakpoint=first", "init", "remove-breakpoint=first", "init", "states"});
    if (skipped(outcome, "a breakpoint"))
        return;
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.value("foreign") == "0");
    CHECK(outcome.value("failure") == "");
}

TEST_CASE("each failure is named on standard error when asked for")
{
    const Outcome outcome =
        run_subject({"kernel=none", "breakpoint=first", "breakpoint=plain_two", "init"}, {"SLICEPATCH_VERBOSE=1"});
    if (skipped(outcome, "a breakpoint"))
        return;
    std::size_t count = 0;
    for (std::size_t at = 0; (at = outcome.error.find(foreign_text, at)) != std::string::npos; ++at)
        ++count;
    CHECK(count == 3); // two sites, and the first of them in the report
}
