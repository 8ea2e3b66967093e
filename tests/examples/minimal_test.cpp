// SPDX-License-Identifier: MIT
//
// The programs that a newcomer reads first: they run, they say what happened, and they stay short.
#include "command.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace slicepatch::test;

namespace {

void check_counter(const std::string &program, const std::string &counter)
{
    CAPTURE(program);
    const Outcome outcome = run({program});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.error == "");
    CHECK(outcome.out.starts_with("counter: " + counter + "\n"));
}

} // namespace

TEST_CASE("minimal.c and minimal.cpp count without losing an increment, and print the reason")
{
    for (const char *program : {MINIMAL_C, MINIMAL_CPP}) {
        check_counter(program, "4000000");
        const std::string out = run({program}).out;
        CHECK(out.find(" sites enabled: ") != std::string::npos);
        CHECK(out.find(" of 0 sites") == std::string::npos);
        CHECK(!out.ends_with(": \n"));
    }
}

TEST_CASE("minimal.c and minimal.cpp have at most 40 lines")
{
    for (const char *name : {"minimal.c", "minimal.cpp"}) {
        const std::string text = read_text(std::string(SLICEPATCH_SOURCE_DIR) + "/examples/" + name);
        CAPTURE(name);
        CHECK(std::count(text.begin(), text.end(), '\n') <= 40);
    }
}

#ifdef CK_SPINLOCK
TEST_CASE("Concurrency Kit's spinlock, annotated, counts without losing an increment and prints the report")
{
    check_counter(CK_SPINLOCK, "4000000 of 4000000");
    CHECK(run({CK_SPINLOCK}).out.find("guarantee") != std::string::npos);
}
#endif
