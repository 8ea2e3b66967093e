// SPDX-License-Identifier: MIT
//
// Tables that lie: nothing that they name is written, each lie has its words, and the compiler's own sites are patched.
#include "outcome.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

namespace {

struct Lie {
    const char *program;
    const char *subject;  // how the failure begins
    const char *failure;  // how it ends
    const char *compiled; // sites of the table that count as compiled
    const char *foreign;
};

void check_lie(const Lie &lie)
{
    const Outcome outcome =
        run({.program = lie.program, .arguments = {"kernel=none", "run=100", "init", "run=100", "check", "states"}});
    CAPTURE(lie.program);
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("answer") == "0");
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.value("compiled") == lie.compiled);
    CHECK(outcome.value("foreign") == lie.foreign);
    CHECK(outcome.value("failure").starts_with(lie.subject));
    CHECK(outcome.value("failure").ends_with(std::string(", the executable): ") + lie.failure));
    CHECK(outcome.value("counted") == "yes");
    CHECK(outcome.value("hostile") == "untouched");
    for (const char *name : {"first", "second", "plain_one", "plain_two", "slicepatch.outermost", "handler"})
        CHECK_MESSAGE(outcome.state_of(name) == "off", name);
}

void check_note(const char *object, const char *failure)
{
    const Outcome outcome = run_subject(
        {"kernel=none", std::string("open=") + object, "init", "run=100", "check", "states", "close", "init"});
    CAPTURE(object);
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.out.find(std::string("failure=") + failure + "\n") != std::string::npos);
    CHECK(outcome.value("off") == all_sites);
    CHECK(outcome.value("counted") == "yes");
    CHECK(outcome.value("visited") == "-22"); // -EINVAL: for_each_site() promises all sites or none
    CHECK(outcome.value("failure") == "");    // of the last init, when the object is gone
}

const char *const malformed = "the object's slicepatch note is malformed or of another version";
const char *const missing =
    "an object with marks has an empty table of sites: they were dropped, or a tool has renamed "
    "the table (slicepatch verify)";
const char *const outside = "the object's table of sites is not inside the object";

} // namespace

TEST_CASE("records that are not made by a compiler but tell the truth are patched")
{
    const Outcome outcome = run({.program = HOSTILE_NOTHING, .arguments = {"kernel=none", "init", "states"}});
    CHECK(outcome.value("off") == all_sites_and(2));
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("hostile") == "written"); // so that "untouched" below means something
}

TEST_CASE("a site that is told twice is patched once")
{
    const Outcome outcome = run({.program = HOSTILE_TWICE, .arguments = {"kernel=none", "init", "states", "init"}});
    CHECK(outcome.value("off") == all_sites_and_plugin); // four more
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("hostile") == "written");
}

TEST_CASE("a site outside executable memory is left alone")
{
    constexpr const char *failure = "the site is not in executable memory of its object";
    check_lie({HOSTILE_IN_DATA, "enter at 0x", failure, "1", "0"});
    check_lie({HOSTILE_NOWHERE, "enter at 0x", failure, "1", "0"});
}

TEST_CASE("a misaligned site is left alone, although its bytes are right")
{
    check_lie({HOSTILE_MISALIGNED, "enter at 0x", "the site is misaligned", "1", "0"});
}

TEST_CASE("overlapping sites are left alone, although their bytes are right")
{
    check_lie({HOSTILE_OVERLAPPING, "exit at 0x", "the site overlaps another site", "2", "0"});
    check_lie({HOSTILE_CONTRADICTING, "e", "the site overlaps another site", "2", "0"});
}

TEST_CASE("a record that names other code is foreign")
{
    check_lie({HOSTILE_STALE, "enter at 0x",
               "the bytes at the site are not ours (a debugger's breakpoint, a hook, or stale records)", "0", "1"});
}

TEST_CASE("records of an unknown kind, version or architecture are left alone")
{
    constexpr const char *failure = "the record is of an unknown kind, version or architecture";
    for (const char *program : {HOSTILE_KIND, HOSTILE_VERSION, HOSTILE_MACHINE})
        check_lie({program, "branch at 0x", failure, "1", "0"});
}

TEST_CASE("a site whose jump leads out of the text is left alone")
{
    check_lie({HOSTILE_TARGET, "enter at 0x", "a jump target of the site is not in executable memory of its object",
               "1", "0"});
}

TEST_CASE("a site whose label or file name is nowhere is left alone")
{
    constexpr const char *failure = "the label or file name of the site is not inside the object";
    check_lie({HOSTILE_LABEL, "enter at 0x", failure, "1", "0"});
    check_lie({HOSTILE_FILE, "enter at 0x", failure, "1", "0"});
}

TEST_CASE("an object whose note tells the truth is found")
{
    const Outcome outcome = run_subject({"kernel=none", std::string("open=") + NOTE_NOTHING, "init", "states"});
    CHECK(outcome.value("objects") == "2");
    CHECK(outcome.value("sites") == all_sites_and(1));
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("visited") == "0");
    CHECK(outcome.value("off") == all_sites_and(1));
}

TEST_CASE("an object whose note is malformed is left out, and all others are patched")
{
    for (const char *object : {NOTE_VERSION, NOTE_RECORD_SIZE, NOTE_SHORT, NOTE_BEYOND_THE_END})
        check_note(object, malformed);
}

TEST_CASE("an object whose table or state is not inside it is left out, and all others are patched")
{
    for (const char *object : {NOTE_ELSEWHERE, NOTE_REVERSED, NOTE_RAGGED, NOTE_TOO_LONG, NOTE_STATE})
        check_note(object, outside);
}

TEST_CASE("an object that has lost its table is left out, and said")
{
    check_note(NOTE_EMPTY, missing);
}
