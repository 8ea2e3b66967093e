// SPDX-License-Identifier: MIT
//
// Threads on a stock kernel, where each has to be enabled: those that come, those that are there, and those that hide.
#include "child.h"

#include <doctest/doctest.h>

#include <cerrno>

using namespace slicepatch::test;

namespace {

const std::vector<std::string> live = {"SLICEPATCH_LIVE=1"};

Outcome start_threads(const char *program, int kernel_error) {
    return run({.program = program, .arguments = {std::to_string(kernel_error)}});
}

void check_all_right(const Outcome &outcome) {
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    for (const char *what : {"value", "identity", "exit", "cancel", "attributes", "c11", "c11_negative", "c11_exit",
                             "cpp", "no_memory", "no_thread", "no_c11_thread", "no_cpp_thread"})
        CHECK_MESSAGE(outcome.value(what) == "right", what);
}

} // namespace

TEST_CASE("threads behave as without the library, however they are started and however the library is linked") {
    for (const char *program : {THREAD_STARTS, THREAD_STARTS_ARCHIVE, THREAD_STARTS_STATIC})
        for (int kernel_error : {0, EINVAL}) {
            CAPTURE(program);
            const Outcome outcome = start_threads(program, kernel_error);
            if (skipped(outcome, "starting threads"))
                return;
            check_all_right(outcome);
        }
}

TEST_CASE("every thread that starts after init is enabled once, however it is started and the library linked") {
    for (const char *program : {THREAD_STARTS, THREAD_STARTS_ARCHIVE, THREAD_STARTS_STATIC}) {
        const Outcome outcome = start_threads(program, 0);
        CAPTURE(outcome.out);
        if (skipped(outcome, "starting threads"))
            return;
        CHECK(outcome.value("after_pthreads") == "4"); // with the one that called init
        const int cancelled = std::stoi(outcome.value("after_cancel"));
        CHECK((cancelled == 4 || cancelled == 5)); // cancelled before or after it began
        CHECK(outcome.value("after_c11") == std::to_string(cancelled + 4));
        CHECK(outcome.value("after_cpp") == std::to_string(cancelled + 15));
        CHECK(outcome.value("after_failures") == std::to_string(cancelled + 15));
    }
}

TEST_CASE("no thread is enabled where the kernel cannot") {
    CHECK(start_threads(THREAD_STARTS, EINVAL).value("after_cpp") == "0");
}

TEST_CASE("a thread that a plug-in starts is enabled too") {
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", std::string("open=") + PLUGIN, "init", "plugin-thread", "report"});
    CHECK(outcome.value("plugin_thread") == "ran");
    CHECK(outcome.value("threads_enabled") == "2");
}

TEST_CASE("threads that exist before init are enabled by it") {
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE, SUBJECT_STATIC}) {
        const Outcome outcome = run({.program = program,
                                     .arguments = {"kernel=stock", "yield=ok", "threads=3", "init", "init", "join",
                                                   "threads=2", "join", "report", "check"},
                                     .environment = live});
        CAPTURE(outcome.out);
        CHECK(outcome.status == 0);
        CHECK(outcome.value("threads_enabled") == "6");
        CHECK(outcome.value("threads_missed") == "0");
        CHECK(outcome.value("enabled") == all_sites);
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("a thread that blocks all signals is counted as missed, and can enable itself") {
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", "threads=2", "hidden=1", "init", "join", "check"}, live);
    CHECK(outcome.value("threads_enabled") == "3");
    CHECK(outcome.value("threads_missed") == "1");
    CHECK(outcome.value("counted") == "yes");
    const Outcome itself = run_subject({"kernel=stock", "yield=ok", "thread-init", "report"});
    CHECK(itself.value("thread_answer") == "0");
    CHECK(itself.value("threads_enabled") == "1");
    CHECK(run_subject({"kernel=none", "thread-init"}).value("thread_answer") == std::to_string(-EINVAL));
}

TEST_CASE("a signal that a thread takes only after init, or after the next one, still finds its handler") {
    const Outcome outcome = run_subject({"kernel=stock", "yield=ok", "late=500", "late=1200", "init", "wait=400", "init",
                                         "wait=1000", "init", "dispositions", "join", "report"},
                                        live);
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("threads_enabled") == "3");
    CHECK(outcome.value("threads_missed") == "0");
    CHECK(outcome.value("dispositions") == "default");
    const Outcome too_late = run_subject({"kernel=stock", "yield=ok", "late=500", "init"}, live);
    CHECK(too_late.value("threads_missed") == "1");
}

TEST_CASE("a thread that takes signals as data is missed and gets none of ours") {
    const Outcome outcome = run_subject(
        {"kernel=stock", "yield=ok", "waiter", "threads=1", "wait=30", "init", "init", "wait=30", "join"}, live);
    CAPTURE(outcome.out);
    CHECK(outcome.value("threads_enabled") == "2");
    CHECK(outcome.value("threads_missed") == "1");
    CHECK(outcome.value("unexpected_signal") == "0");
}

TEST_CASE("the signal that reached the threads has its disposition back, and no system call failed for it") {
    const Outcome outcome = run_subject(
        {"kernel=stock", "yield=ok", "sleepers=3", "dispositions", "init", "dispositions", "join", "report"}, live);
    CAPTURE(outcome.out);
    CHECK(outcome.value("threads_enabled") == "4");
    CHECK(outcome.value("dispositions") == "default");
    CHECK(outcome.value("interrupted") == "0");
}

TEST_CASE("a program that uses every real-time signal has its threads counted as missed") {
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", "take-signals", "threads=2", "init", "join", "check"}, live);
    CHECK(outcome.value("threads_enabled") == "1");
    CHECK(outcome.value("threads_missed") == "2");
    CHECK(outcome.value("counted") == "yes");
}

TEST_CASE("sections give right results while threads start, end, and init enables the sites") {
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", "churn=2", "init", "run=100", "join", "report", "check"}, live);
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("enabled") == all_sites);
    CHECK(outcome.value("counted") == "yes");
}
