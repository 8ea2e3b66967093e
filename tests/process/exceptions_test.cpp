// SPDX-License-Identifier: MIT
//
// What leaves a section by an exception.
#include "outcome.h"

#include <doctest/doctest.h>

using namespace slicepatch::test;

TEST_CASE("a lock that throws leaves no request behind")
{
    const Outcome outcome = run({.program = THROWING, .arguments = {}});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("held") == "taken, request 1");
    CHECK(outcome.value("unlock") == "thrown, request 0");
    CHECK(outcome.value("try_lock") == "thrown, request 0");
    CHECK(outcome.value("lock") == "thrown, request 0");
    CHECK(outcome.value("inside") == "taken, request 1");
    CHECK(outcome.value("behind") == "taken, request 0");
}
