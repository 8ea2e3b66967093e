// SPDX-License-Identifier: MIT
//
// Sandboxes that refuse or kill for system calls, before init and behind it: the table in examples/LIMITS.md of what
// one has to allow. And the filter that is ours: what nobody gets past, and what is left behind where it is refused.
#include "outcome.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>

using namespace slicepatch::test;

namespace {

const std::string killed = std::to_string(128 + SIGSYS);

/// What a kernel has to say at each level, and what asks for that level; and what a sandbox has to allow, apart from
/// what libc needs itself.
struct Level {
    const char *name, *guarantee;
    std::vector<std::string> kernel; // verbs that play it
    std::vector<std::string> environment;
    std::string init, behind; // sets of calls: during init, and after it
};

const Level levels[] = {
    {"off", "0", {}, {"SLICEPATCH=off"}, "calls_of_init", ""},
    {"none", "0", {"kernel=none"}, {}, "calls_of_init+asks_kernel", ""},
    {"thread", "1", {"kernel=stock", "yield=ok"}, {}, "calls_of_init+asks_kernel+enables+yields", "enables+yields"},
    {"thread, own areas",
     "1",
     {"kernel=stock", "yield=ok", "rseq=0"},
     {"SLICEPATCH_RSEQ=own"},
     "calls_of_init+asks_kernel+enables+yields+takes_over+registers",
     "enables+yields+registers"},
    {"sealed",
     "2",
     {"kernel=stock", "yield=ok", "rseq=0"},
     {"SLICEPATCH_SEAL=1"},
     "calls_of_init+asks_kernel+enables+yields+takes_over+registers+seals",
     "enables+yields+registers"},
};

std::string status_of(const Level &level, const std::vector<std::string> &verbs)
{
    std::vector<std::string> all = level.kernel;
    all.insert(all.end(), verbs.begin(), verbs.end());
    const Outcome outcome = run_subject(all, level.environment);
    CAPTURE(outcome.out);
    if (outcome.status == 0) {
        CHECK(outcome.value("guarantee") == level.guarantee);
        CHECK(outcome.value("counted") == "yes");
    }
    return std::to_string(outcome.status);
}

std::string status_behind(const Level &level, const std::string &calls)
{
    std::vector<std::string> verbs = {"init", "sandbox=" + calls, "threads=2", "join", "run=100", "check"};
    if (level.guarantee != std::string("0"))
        verbs.insert(verbs.end() - 1, "end-slice");
    return status_of(level, verbs);
}

std::string status_around(const Level &level, const std::string &calls)
{
    return status_of(level, {"sandbox=" + calls, "init", "threads=2", "join", "run=100", "check"});
}

/// All sets but one.
std::string without(const std::string &calls, const std::string &set)
{
    std::string rest = calls;
    return rest.replace(rest.find(set), set.size(), "-");
}

} // namespace

TEST_CASE("a sandbox that comes before init has to allow what the table says, and nothing more")
{
    needs_whole_system("seccomp filters");
    for (const Level &level : levels) {
        CAPTURE(level.name);
        CHECK(status_around(level, level.init) == "0");
        for (const char *set : {"asks_kernel", "enables", "yields", "takes_over", "registers", "seals"})
            if (level.init.find(set) != std::string::npos)
                CHECK_MESSAGE(status_around(level, without(level.init, set)) == killed, set);
    }
}

TEST_CASE("a sandbox that comes after init has to allow what the table says, and nothing more")
{
    needs_whole_system("seccomp filters");
    for (const Level &level : levels) {
        CAPTURE(level.name);
        CHECK(status_behind(level, level.behind) == "0");
        for (const char *set : {"enables", "yields", "registers"})
            if (level.behind.find(set) != std::string::npos)
                CHECK_MESSAGE(status_behind(level, without(level.behind, set)) == killed, set);
    }
}

TEST_CASE("SLICEPATCH=off makes no system call that has to do with rseq")
{
    needs_whole_system("seccomp filters");
    for (const char *program : {SUBJECT, SUBJECT_ARCHIVE, SUBJECT_STATIC})
        for (const char *registration : {"auto", "own"}) {
            const Outcome outcome =
                run({.program = program,
                     .arguments = {"kill-rseq", "init", "threads=2", "join", "run=100", "check"},
                     // Without this libc would make the calls itself, for its own areas.
                     .environment = {"SLICEPATCH=off", std::string("SLICEPATCH_RSEQ=") + registration,
                                     "GLIBC_TUNABLES=glibc.pthread.rseq=0"}});
            CAPTURE(outcome.out);
            CHECK(outcome.status == 0);
            CHECK(outcome.value("answer") == "0");
            CHECK(outcome.value("off") == all_sites);
            CHECK(outcome.value("counted") == "yes");
        }
    CHECK(run_subject({"kill-rseq", "init"}).status == 128 + SIGSYS); // the filter means something
    CHECK(run_subject({"flags=1", "kill-rseq", "init", "run=100", "check"}).value("off") == all_sites);
}

TEST_CASE("whatever error refuses rseq_slice_yield selects another system call to end a slice")
{
    for (int error : {EPERM, ENOSYS, EACCES, EINVAL, EOPNOTSUPP, ENOMEM, EAGAIN, ENOTSUP, 524}) {
        const Outcome outcome = run_subject(
            {"kernel=stock", "yield=" + std::to_string(error), "init", "kill-yields", "run=100", "end-slice", "check"});
        CAPTURE(error);
        CHECK(outcome.value("yield_number") == std::to_string(SYS_sched_yield));
        CHECK(outcome.value("enabled") == all_sites);
        CHECK(outcome.value("slice") == "ended");
        CHECK(outcome.value("counted") == "yes");
    }
}

namespace {

/// On a played kernel that registers areas of ours, so that it can be sealed.
Outcome seal(std::vector<std::string> before, const std::vector<std::string> &behind)
{
    before.insert(before.begin(), {"kernel=stock", "yield=ok", "rseq=0"});
    before.push_back("init");
    before.insert(before.end(), behind.begin(), behind.end());
    return run_subject(before, {"SLICEPATCH_SEAL=1"});
}

const std::string is_refused = std::to_string(EPERM);

} // namespace

TEST_CASE("a sealed process cannot be reverted by the system calls of any architecture, and stays sealed")
{
    needs_whole_system("seccomp filters");
    const Outcome outcome = seal({}, {"revert-by-all-means", "threads=2", "join", "run=100", "check", "init"});
    CAPTURE(outcome.out);
    CHECK(outcome.status == 0);
    CHECK(outcome.value("guarantee") == "2");
    CHECK(outcome.value("failure") == "");
    CHECK(outcome.value("counted") == "yes");
    for (const char *means : {"revert_native", "unregister_native"})
        CHECK_MESSAGE(outcome.value(means) == is_refused, means);
#if defined(__x86_64__)
    CHECK(outcome.value("revert_x32") == is_refused);
    const Outcome open = run_subject({"revert-by-all-means"});
    if (open.status != 0) // this kernel has no such calls, and kills for them
        return skip("system calls of 32-bit programs", "this kernel runs none");
    for (const char *means : {"revert_compat", "unregister_compat"}) {
        CHECK_MESSAGE(outcome.value(means) == is_refused, means);
        CHECK_MESSAGE(open.value(means) != is_refused, means);
    }
    for (const char *means : {"enable_compat", "other_compat"}) // what nobody seals is as it was
        CHECK_MESSAGE(outcome.value(means) == open.value(means), means);
#endif
}

TEST_CASE("a process that cannot be sealed has no new restriction, and is told")
{
    needs_whole_system("seccomp filters");
    const Outcome sealed = seal({"unprivileged"}, {"no-new-privs"});
    if (skipped(sealed, "a process without CAP_SYS_ADMIN"))
        return;
    CHECK(sealed.value("guarantee") == "2");
    CHECK(sealed.value("no_new_privs") == "1"); // the price, where the kernel asks for it
    CHECK(seal({}, {"no-new-privs"}).value("no_new_privs") == "0");
    for (int error : {EPERM, EACCES, ENOSYS, EINVAL, ENOMEM}) {
        const Outcome refused =
            seal({"seccomp=" + std::to_string(error), "unprivileged"}, {"no-new-privs", "run=100", "check"});
        CAPTURE(refused.out);
        CHECK(refused.value("guarantee") == "1");
        CHECK(refused.value("failure") == "not sealed: the kernel or a sandbox refuses the filter");
        CHECK(refused.value("no_new_privs") == "0");
        CHECK(refused.value("counted") == "yes");
    }
}
