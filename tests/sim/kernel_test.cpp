// SPDX-License-Identifier: MIT
//
// What the simulated kernel answers, grants and takes away.
#include "simulation.h"

#include <sys/prctl.h>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

// Switching it off needs nothing but that it is there.
bool machine_dispatches_system_calls()
{
    constexpr int set_system_call_user_dispatch = 59;
    return prctl(set_system_call_user_dispatch, 0, 0, 0, 0) == 0;
}

} // namespace

TEST_CASE("each kernel answers with its own errnos")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("errnos"), "stock"}).exit_code == 0);
    CHECK(simulate(options_for(SimKernel::patched), {program("errnos"), "patched"}).exit_code == 0);
    CHECK(simulate(options_for(SimKernel::off), {program("errnos"), "off"}).exit_code == 0);
    CHECK(simulate(options_for(SimKernel::none), {program("errnos"), "none"}).exit_code == 0);
}

TEST_CASE("what a thread has registered decides with the process's state")
{
    Variable without_libc("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
    CHECK(simulate(options_for(SimKernel::patched), {program("registrations")}).exit_code == 0);
}

TEST_CASE("sections of every kind of thread are granted and yielded")
{
    for (const char *way : {"main", "pthread", "std", "thrd", "masked"}) {
        CAPTURE(way);
        for (SimKernel kernel : {SimKernel::stock, SimKernel::patched}) {
            const Simulated outcome = simulate(options_for(kernel), {program("grants"), way});
            CHECK(outcome.exit_code == 0);
            CHECK(outcome.statistics.grants >= 50);
            CHECK(outcome.statistics.yields >= 50);
            CHECK(outcome.statistics.ticks >= outcome.statistics.grants);
            CHECK(outcome.statistics.yields <= outcome.statistics.grants);
        }
    }
}

TEST_CASE("threads are counted")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("exits"), "0"}).statistics.threads == 1);
    CHECK(simulate(options_for(SimKernel::stock), {program("grants"), "std"}).statistics.threads == 2);
    CHECK(simulate(options_for(SimKernel::stock), {program("grants"), "thrd"}).statistics.threads == 2);
}

TEST_CASE("a section that is too long expires")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("grants"), "long"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.expired >= 1);
    CHECK(outcome.statistics.expired + outcome.statistics.revoked >= 5);
    CHECK(outcome.statistics.yields == 0);
}

TEST_CASE("a slice that lasts into the next interrupt is revoked")
{
    SimOptions options = options_for(SimKernel::stock);
    options.slice_us = 1000000;
    const Simulated outcome = simulate(options, {program("grants"), "long"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.revoked >= 1);
}

TEST_CASE("a thread that is not enabled is granted nothing")
{
    for (SimKernel kernel : {SimKernel::stock, SimKernel::patched}) {
        const Simulated outcome = simulate(options_for(kernel), {program("grants"), "unset"});
        CHECK(outcome.exit_code == 0);
        CHECK(outcome.statistics.grants == 0);
        CHECK(outcome.statistics.ticks > 0);
    }
}

TEST_CASE("a forked child inherits the state and has its own interrupts")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("grants"), "fork"});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 100);
    CHECK(outcome.statistics.threads == 3);
}

TEST_CASE("children of every kind have the state that their kernel gives them")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("descent")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.yields >= 15);
}

TEST_CASE("threads give back what they took")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("churn")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.threads == 4001);
}

TEST_CASE("threads may end behind their destructors, or without any")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("ends")}).exit_code == 0);
    CHECK(simulate(options_for(SimKernel::patched), {program("ends"), "locked"}).exit_code == 0);
}

TEST_CASE("emulated calls in the middle of dlopen and dlclose")
{
    for (SimKernel kernel : {SimKernel::stock, SimKernel::patched})
        for (int round = 0; round < 5; round++)
            CHECK(simulate(options_for(kernel), {program("loads"), SIM_PLUGIN, "0.3"}).exit_code == 0);
}

TEST_CASE("a signal of the program's ends a call although an interrupt comes with it")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("endable")}).exit_code == 0);
}

TEST_CASE("an interrupt that finds nothing to do makes no system call")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("sandboxed")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.ticks > 0);
}

TEST_CASE("a locked process stays as it is on every thread")
{
    SimOptions options = options_for(SimKernel::patched);
    options.rseq_flags = SimRseqFlags::on;
    CHECK(simulate(options, {program("lock"), "enabled"}).exit_code == 0);
    CHECK(simulate(options, {program("lock"), "disabled"}).exit_code == 0);
    CHECK(simulate(options, {program("lock"), "busy"}).exit_code == 0);
}

TEST_CASE("flags are written by themselves for a program without restartable sequences")
{
    CHECK(simulate(options_for(SimKernel::patched), {program("lock"), "enabled"}).exit_code == 0);
}

TEST_CASE("flags are left alone on request")
{
    SimOptions options = options_for(SimKernel::patched);
    CHECK(simulate(options, {program("lock"), "unlocked"}).exit_code == 0);
    options.rseq_flags = SimRseqFlags::off;
    CHECK(simulate(options, {program("lock"), "unlocked"}).exit_code == 1); // which looks for them
}

TEST_CASE("a program with restartable sequences survives")
{
    CHECK(simulate(options_for(SimKernel::patched), {program("sequences"), "2"}).exit_code == 0);
}

TEST_CASE("sleeping calls are not interrupted")
{
    const Simulated outcome = simulate(options_for(SimKernel::stock), {program("sleeps")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.ticks > 0);
}

TEST_CASE("the reserved signals cannot be taken away")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("signals")}).exit_code == 0);
}

TEST_CASE("the yield hook runs before the slice ends")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("hooked")}).exit_code == 0);
}

TEST_CASE("the constructor of a library is simulated already")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("early")}).exit_code == 0);
}

TEST_CASE("a program that wraps thread creation itself composes")
{
    CHECK(simulate(options_for(SimKernel::stock), {program("wrapped")}).exit_code == 0);
}

TEST_CASE("system calls inside sections are found")
{
    SimOptions options = options_for(SimKernel::stock);
    CHECK(simulate(options, {program("strict")}).statistics.section_syscalls == 0);
    options.strict = true;
    if (!machine_dispatches_system_calls()) {
        MESSAGE("skipped 1 case: this kernel has no system call user dispatch (on arm64, Linux 7.3 has not)");
        CHECK(simulate(options, {program("strict")}).exit_code == 125);
        return;
    }
    const Simulated outcome = simulate(options, {program("strict")});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.statistics.section_syscalls == 5);
    CHECK(outcome.statistics.yields >= 5);
}
