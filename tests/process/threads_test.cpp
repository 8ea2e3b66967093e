// SPDX-License-Identifier: MIT
//
// Threads on a stock kernel, where each has to be enabled: those that come, and those that are there.
#include "outcome.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

using namespace slicepatch::test;

namespace {

const std::vector<std::string> live = {"SLICEPATCH_LIVE=1"};

Outcome start_threads(const char *program, int kernel_error)
{
    return run({.program = program, .arguments = {std::to_string(kernel_error)}});
}

void check_all_right(const Outcome &outcome)
{
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    for (const char *what : {"value", "identity", "exit", "cancel", "attributes", "c11", "c11_negative", "c11_exit",
                             "cpp", "no_memory", "no_thread", "no_c11_thread", "no_cpp_thread"})
        CHECK_MESSAGE(outcome.value(what) == "right", what);
}

} // namespace

TEST_CASE("threads behave as without the library, however they are started and however the library is linked")
{
    for (const char *program : {THREAD_STARTS, THREAD_STARTS_ARCHIVE, THREAD_STARTS_STATIC})
        for (int kernel_error : {0, EINVAL}) {
            CAPTURE(program);
            const Outcome outcome = start_threads(program, kernel_error);
            if (skipped(outcome, "starting threads"))
                return;
            check_all_right(outcome);
        }
}

TEST_CASE("every thread that starts after init is enabled once, however it is started and the library linked")
{
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

TEST_CASE("no thread is enabled where the kernel cannot")
{
    CHECK(start_threads(THREAD_STARTS, EINVAL).value("after_cpp") == "0");
}

const std::string passes_by =
    "threads that start later do not pass through this copy of the library: link the executable with it before libc, set "
    "LD_PRELOAD=libslicepatch.so, or boot a kernel with the slicepatch series";

TEST_CASE("where later threads pass by the library, sites stay as compiled on a stock kernel, and it says what helps")
{
    // Of a program that hides the archive's functions, only its own threads come by.
    for (const std::pair<const char *, const char *> &of :
         {std::pair(SUBJECT_BEHIND_LIBC, "1"), std::pair(SUBJECT_ARCHIVE_HIDDEN, "3")}) {
        const char *const program = of.first;
        const Outcome outcome =
            run({.program = program,
                 .arguments = {"kernel=stock", "yield=ok", "init", "threads=2", "join", "report", "check"}});
        CAPTURE(program);
        CAPTURE(outcome.out);
        if (skipped(outcome, "threads that pass by"))
            return;
        CHECK(outcome.value("guarantee") == "1");
        CHECK(outcome.value("compiled") == all_sites);
        CHECK(outcome.value("failure") == passes_by);
        CHECK(outcome.value("threads_enabled") == of.second);
        CHECK(outcome.value("threads_missed") == "unknown");
        CHECK(outcome.value("counted") == "yes");
        CHECK(run({.program = program, .arguments = {"kernel=none", "init", "check"}}).value("off") == all_sites);
    }
}

TEST_CASE("an object that brings the library behind its program's back says so, and preloading the library helps")
{
    const Outcome behind = run({.program = HOST, .arguments = {"0"}});
    CAPTURE(behind.out);
    if (skipped(behind, "answers of the kernel"))
        return;
    CHECK(behind.value("counted") == "yes");
    CHECK(behind.value("compiled") == "4");
    CHECK(behind.value("failure") == passes_by);
    CHECK(behind.value("threads_missed") == "unknown");
    const Outcome preloaded = run({.program = HOST,
                                   .arguments = {"0"},
                                   .environment = {"LD_PRELOAD=" LIBRARY, "ASAN_OPTIONS=verify_asan_link_order=0"}});
    CAPTURE(preloaded.out);
    CHECK(preloaded.value("counted") == "yes");
    CHECK(preloaded.value("enabled") == "4");
    CHECK(preloaded.value("failure") == "");
    CHECK(preloaded.value("threads_enabled") == "3"); // with one of pthread_create() and one of thrd_create()
    CHECK(preloaded.value("threads_missed") == "0");
}

TEST_CASE("an opened copy that finds itself first, or is alone in its namespace, is passed by all the same")
{
    for (const char *how : {"open-deeply=", "open-apart="}) {
        const Outcome outcome = run({.program = SUBJECT_ARCHIVE,
                                     .arguments = {"kernel=stock", "yield=ok", std::string(how) + PLUGIN_ARCHIVE,
                                                   "plugin-init", "plugin-run"}});
        CAPTURE(how);
        CAPTURE(outcome.out);
        if (skipped(outcome, how))
            continue;
        CHECK(outcome.value("plugin_answer") == "0");
        CHECK(outcome.value("plugin_enabled") == "0");
        CHECK(outcome.value("plugin_failure") == passes_by);
        CHECK(outcome.value("plugin_missed") == "unknown");
        CHECK(outcome.value("plugin") == "counted");
    }
}

TEST_CASE("a thread that a plug-in starts is enabled too")
{
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", std::string("open=") + PLUGIN, "init", "plugin-thread", "report"});
    CHECK(outcome.value("plugin_thread") == "ran");
    CHECK(outcome.value("threads_enabled") == "2");
}

TEST_CASE("threads that exist before the first init are missed, once, and those that start later are enabled")
{
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE, SUBJECT_STATIC}) {
        const Outcome outcome = run({.program = program,
                                     .arguments = {"kernel=stock", "yield=ok", "threads=3", "init", "init", "join",
                                                   "threads=2", "init", "join", "report", "check"},
                                     .environment = live});
        CAPTURE(outcome.out);
        CHECK(outcome.status == 0);
        CHECK(outcome.value("threads_enabled") == "3");
        CHECK(outcome.value("threads_missed") == "3");
        CHECK(outcome.value("enabled") == all_sites);
        CHECK(outcome.value("counted") == "yes");
    }
}

TEST_CASE("a thread that enables itself is not missed, before init or after it")
{
    const Outcome after =
        run_subject({"kernel=stock", "yield=ok", "threads=3", "init", "volunteer", "init", "join", "report"}, live);
    CAPTURE(after.out);
    CHECK(after.value("threads_enabled") == "4");
    CHECK(after.value("threads_missed") == "0");
    const Outcome before =
        run_subject({"kernel=stock", "yield=ok", "threads=3", "volunteer", "init", "join", "report"}, live);
    CHECK(before.value("threads_enabled") == "4");
    CHECK(before.value("threads_missed") == "0");
    const Outcome started = run_subject(
        {"kernel=stock", "yield=ok", "threads=2", "init", "threads=1", "volunteer", "join", "report"}, live);
    CHECK(started.value("threads_enabled") == "4"); // one of them was so from its start
    CHECK(started.value("threads_missed") == "0");
    const Outcome itself = run_subject({"kernel=stock", "yield=ok", "thread-init", "report"});
    CHECK(itself.value("thread_answer") == "0");
    CHECK(itself.value("threads_enabled") == "1");
    CHECK(run_subject({"kernel=none", "thread-init"}).value("thread_answer") == std::to_string(-EINVAL));
}

TEST_CASE("init sends no signal, leaves every system call and disposition alone, and opens no file to count threads")
{
    for (const char *denied : {"no-signals", "no-files"}) {
        const Outcome outcome = run_subject(
            {"kernel=stock", "yield=ok", "sleepers=3", denied, "init", "init", "dispositions", "join", "report"}, live);
        CAPTURE(denied);
        CAPTURE(outcome.out);
        CHECK(outcome.status == 0);
        CHECK(outcome.value("threads_enabled") == "1");
        CHECK(outcome.value("threads_missed") == "3");
        CHECK(outcome.value("dispositions") == "default");
        CHECK(outcome.value("interrupted") == "0");
    }
}

TEST_CASE("threads are counted as they are while they start, from any thread and any namespace")
{
    unsigned known = 0;
    for (int round = 0; round < 20; ++round) {
        const Outcome crowds = run_subject({"kernel=stock", "yield=ok", "crowds=20"}, live);
        CAPTURE(crowds.out);
        CHECK(crowds.value("living") == "43");
        const bool is_known = crowds.value("accounted") != "unknown"; // as it is where threads start without a pause
        known += is_known;
        if (is_known)
            CHECK(crowds.value("accounted") == "43");
    }
    CHECK(known > 0);
    const Outcome first = run_subject({"kernel=stock", "yield=ok", "first-ends"});
    CHECK(first.value("threads_enabled") == "1");
    CHECK(first.value("threads_missed") == "0");
    const Outcome outside = run_subject({"new-pids", "kernel=stock", "yield=ok", "threads=3", "init", "join"}, live);
    CAPTURE(outside.out);
    if (!skipped(outside, "a namespace of process numbers"))
        CHECK(outside.value("threads_missed") == "3");
}

TEST_CASE("the child of a fork counts from its one thread")
{
    const Outcome child = run_subject(
        {"kernel=stock", "yield=ok", "sleepers=2", "init", "joined=8", "fork", "joined=16", "init", "report"}, live);
    CAPTURE(child.out);
    CHECK(child.value("threads_enabled") == "17");
    CHECK(child.value("threads_missed") == "0");
}

TEST_CASE("a process without a /proc of its own has an unknown number of threads")
{
    const TemporaryFolder empty, invented;
    std::filesystem::create_directories(invented.path("proc/self/task/1")); // as if there were one
    for (const std::string &root : {empty.path(), invented.path()}) {
        const Outcome outcome = run_subject({"chroot=" + root, "kernel=stock", "yield=ok", "threads=3", "init",
                                             "volunteer", "init", "text", "join", "check"},
                                            live);
        CAPTURE(outcome.out);
        if (!skipped(outcome, "another root")) {
            CHECK(outcome.value("threads_enabled") == "4");
            CHECK(outcome.value("threads_missed") == "unknown");
            CHECK(outcome.value("writer") != "procmem"); // which copies under threads that run
            CHECK(outcome.out.find("4 threads enabled, an unknown number missed") != std::string::npos);
            CHECK(outcome.value("counted") == "yes");
        }
    }
}

TEST_CASE("the report says how a missed thread is included")
{
    const Outcome missed = run_subject({"kernel=stock", "yield=ok", "threads=2", "init", "text", "join"}, live);
    CAPTURE(missed.out);
    CHECK(missed.out.find("slicepatch: 1 threads enabled, 2 missed; ") != std::string::npos);
    CHECK(missed.out.find("slicepatch: a thread is not missed if slicepatch_init() comes before it, or if it calls "
                          "slicepatch_thread_init() itself\n") != std::string::npos);
    const Outcome none = run_subject({"kernel=stock", "yield=ok", "init", "threads=2", "text", "join"}, live);
    CHECK(none.out.find("slicepatch: 3 threads enabled, 0 missed; ") != std::string::npos);
    CHECK(none.out.find("not missed") == std::string::npos);
}

TEST_CASE("sections give right results while threads start, end, and init enables the sites")
{
    const Outcome outcome =
        run_subject({"kernel=stock", "yield=ok", "churn=2", "init", "run=100", "join", "report", "check"}, live);
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("enabled") == all_sites);
    CHECK(outcome.value("counted") == "yes");
}
