// SPDX-License-Identifier: MIT
//
// SLICEPATCH_DEBUG: what sections may not do ends the program where it is done.
#include "outcome.h"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <unistd.h>

using namespace slicepatch::test;

namespace {

Outcome use(const char *program, const std::string &how)
{
    return run({.program = program, .arguments = {how}});
}

/// The line of debugged.c that is marked with a name, so that the test does not know its number.
std::string line_of(const std::string &mark)
{
    std::ifstream source(DEBUGGED_SOURCE);
    std::string line;
    for (int number = 1; std::getline(source, line); ++number)
        if (line.find("see " + mark) != std::string::npos)
            return std::to_string(number);
    return "(no line is marked " + mark + ")";
}

void check_aborts(const std::string &how, const std::string &mark, const std::string &message)
{
    for (const char *program : {DEBUGGED, DEBUGGED_CPP}) {
        const Outcome outcome = use(program, how);
        CAPTURE(program);
        CHECK(outcome.status == 128 + SIGABRT);
        CHECK(outcome.value("done") == "(no done)");
        CHECK(outcome.error.starts_with("slicepatch: "));
        // An emulator has something to say of the signal as well.
        CHECK(outcome.error.find("debugged.c:" + line_of(mark) + ": " + message + "\n") != std::string::npos);
    }
}

} // namespace

TEST_CASE("an ENTER inside a section ends the debugged program and names the line")
{
    check_aborts("nest", "NESTED_LINE", "ENTER inside a section: sections do not nest");
    check_aborts("mixed", "MIXED_LINE", "ENTER inside a section: sections do not nest");
}

TEST_CASE("an EXIT without an ENTER ends the debugged program and names the line")
{
    check_aborts("leave-twice", "LEFT_LINE", "EXIT without ENTER");
}

TEST_CASE("an outermost EXIT of a thread that did not ENTER ends the debugged program and names the line")
{
    check_aborts("leave-alone", "ALONE_LINE", "EXIT_OUTERMOST without ENTER_OUTERMOST in this thread");
}

TEST_CASE("sections that do not nest, and outermost forms that do, pass the debugged program")
{
    for (const char *program : {DEBUGGED, DEBUGGED_CPP})
        for (const char *how : {"well", "outermost", "hand-over"}) {
            const Outcome outcome = use(program, how);
            CAPTURE(program);
            CAPTURE(how);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("done") == "yes");
            CHECK(outcome.error == "");
        }
}

namespace {

bool close_standard_error()
{
    return close(STDERR_FILENO) == 0;
}

} // namespace

TEST_CASE("what ends a program is said in the middle of an allocator, once and whole, without an allocation")
{
    const Outcome outcome = run({.program = ALLOCATING, .arguments = {}});
    const std::string text(5999, 'x');
    CHECK(outcome.status == 3); // by its handler of SIGABRT
    CHECK(outcome.error == "slicepatch: " + text + ":-1: " + text + "\n");
    CHECK(outcome.value("errno") == "kept");
}

TEST_CASE("a closed standard error loses what is said and nothing else")
{
    const Outcome outcome = run({.program = ALLOCATING, .arguments = {}, .before_exec = close_standard_error});
    CHECK(outcome.status == 3);
    CHECK(outcome.value("errno") == "kept");
}
