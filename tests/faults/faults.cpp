// SPDX-License-Identifier: MIT
//
// Lets every system call of init fail in turn: at its first, second and last use and at all of them, with each error
// that it may have, on each guarantee and with each writer. What calls there are is found out by a run in which none
// fails. The subject looks at what is left. Prints a table with the number of cells, and each cell that failed.
#include "tracer.h"

#include "../skip.h"

#include <slicepatch/slicepatch.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <linux/futex.h>
#include <map>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace slicepatch::test;

namespace {

struct Scene {
    const char *name;
    PlayedKernel kernel;
    std::vector<std::string> environment;
    const char *threads;  // subject's argument
    const char *expected; // states when nothing fails
    slicepatch_guarantee guarantee;
    int answer = 0; // of init, then
};

const std::vector<Scene> scenes = {
    {"process, procmem",
     PlayedKernel::series,
     {"SLICEPATCH_WRITER=procmem"},
     "alone",
     "enabled",
     SLICEPATCH_GUARANTEE_PROCESS},
    {"process, rwx", PlayedKernel::series, {"SLICEPATCH_WRITER=rwx"}, "alone", "enabled", SLICEPATCH_GUARANTEE_PROCESS},
    {"process, either", PlayedKernel::series, {}, "alone", "enabled", SLICEPATCH_GUARANTEE_PROCESS},
    {"process, live", PlayedKernel::series, {"SLICEPATCH_LIVE=1"}, "threads", "enabled", SLICEPATCH_GUARANTEE_PROCESS},
    {"process, names",
     PlayedKernel::series,
     {"SLICEPATCH_SITES=-nothing"},
     "alone",
     "enabled",
     SLICEPATCH_GUARANTEE_PROCESS},
    {"process, verbose",
     PlayedKernel::series,
     {"SLICEPATCH_VERBOSE=1"},
     "alone",
     "enabled",
     SLICEPATCH_GUARANTEE_PROCESS},
    {"sealed", PlayedKernel::stock, {"SLICEPATCH_SEAL=1"}, "alone", "enabled", SLICEPATCH_GUARANTEE_SEALED},
    {"thread, own area", PlayedKernel::stock, {"SLICEPATCH_RSEQ=own"}, "alone", "enabled", SLICEPATCH_GUARANTEE_THREAD},
    {"thread, libc's area",
     PlayedKernel::stock,
     {"SLICEPATCH_RSEQ=libc"},
     "alone",
     "enabled",
     SLICEPATCH_GUARANTEE_THREAD},
    {"thread, live", PlayedKernel::stock, {"SLICEPATCH_LIVE=1"}, "threads", "enabled", SLICEPATCH_GUARANTEE_THREAD},
    {"require on stock",
     PlayedKernel::stock,
     {"SLICEPATCH=require"},
     "alone",
     "compiled",
     SLICEPATCH_GUARANTEE_THREAD,
     -EPERM},
    {"none", PlayedKernel::none, {}, "alone", "off", SLICEPATCH_GUARANTEE_NONE},
    {"off", PlayedKernel::series, {"SLICEPATCH=off"}, "alone", "off", SLICEPATCH_GUARANTEE_NONE},
};

struct Known {
    const char *name;
    std::vector<int> errors;
    Fault::Way way = Fault::refused;
    bool transfers = false; // may be short
};

/// Each with the errors that kernels, limits and sandboxes answer it with.
const std::map<long, Known> known_calls = {
    {SYS_openat, {"openat", {EMFILE, ENOENT, EACCES}}},
    {SYS_read, {"read", {EIO, EINTR}, Fault::refused, true}},
    {SYS_pread64, {"pread64", {EIO, EINTR}, Fault::refused, true}},
    {SYS_write, {"write", {EPIPE, EIO}, Fault::refused, true}},
    {SYS_pwrite64, {"pwrite64", {EIO, EINTR, EPERM}, Fault::refused, true}},
    {SYS_close, {"close", {EINTR, EIO}, Fault::reported}},
    {SYS_fstat, {"fstat", {EACCES, ENOSYS}}},
    {SYS_newfstatat, {"newfstatat", {ENOENT, EACCES, ENOSYS}}},
    {SYS_lseek, {"lseek", {EINVAL}}},
    {SYS_mmap, {"mmap", {ENOMEM, EPERM}}},
    {SYS_munmap, {"munmap", {ENOMEM}}},
    {SYS_mprotect, {"mprotect", {EACCES, ENOMEM, EPERM}}},
    {SYS_madvise, {"madvise", {EINVAL, ENOMEM}}},
    {SYS_brk, {"brk", {ENOMEM}}},
    {SYS_membarrier, {"membarrier", {ENOSYS, EPERM, EINVAL}}},
    {SYS_prctl, {"prctl", {EPERM, EINVAL, ENOSYS}}},
    {SYS_rseq, {"rseq", {EPERM, EINVAL, ENOSYS, EBUSY}}},
    {SYS_seccomp, {"seccomp", {EINVAL, EACCES, ENOSYS, ENOMEM}}},
    {SYS_getdents64, {"getdents64", {ENOENT, EACCES}}},
    {SLICEPATCH_NR_RSEQ_SLICE_YIELD, {"rseq_slice_yield", {ENOSYS, EPERM, EACCES, EINVAL, EOPNOTSUPP, ENOMEM}}},
};
const Known unknown_call{nullptr, {EPERM, ENOSYS}};

const Known &known(const Call &call)
{
    const auto found = known_calls.find(call.number);
    return found == known_calls.end() ? unknown_call : found->second;
}

std::string name(const Call &call)
{
    const char *text = known(call).name;
    std::string result = text ? text : "call " + std::to_string(call.number);
    if (call.number != SYS_prctl)
        return result;
    return result + (call.operation == SLICEPATCH_PR_RSEQ_SLICE_EXTENSION ? "(79)"
                     : call.operation == PR_SET_NO_NEW_PRIVS              ? "(no_new_privs)"
                                                                          : "(" + std::to_string(call.operation) + ")");
}

/// Null, or why nothing can be asked of a process in which it fails.
const char *cannot_fail(const Call &call)
{
    switch (call.number) {
    case SYS_rt_sigprocmask: // glibc itself relies on it
        return "fails for addresses and arguments alone";
    case SYS_getpid:
    case SYS_gettid:
        return "always answers";
    default:
        return nullptr;
    }
}

struct Use {
    const char *name;
    unsigned first, last;
};

/// An interruption that never ends is none: every loop that tries again would go on for ever.
std::vector<Use> uses_of(unsigned count, int error)
{
    std::vector<Use> uses{{"first", 1, 1}};
    if (count > 1)
        uses.push_back({"second", 2, 2});
    if (count > 2)
        uses.push_back({"last", count, count});
    if (count > 1 && error != EINTR)
        uses.push_back({"every", 1, UINT_MAX});
    return uses;
}

struct Totals {
    unsigned cells = 0, failed = 0, untouched = 0;
};

class Table {
public:
    explicit Table(std::string subject) : subject_(std::move(subject)) {}

    /// False where nothing can be traced.
    bool run(const Scene &scene)
    {
        const Outcome undisturbed = run_subject(scene, nullptr);
        if (!undisturbed.traced)
            return false;
        if (undisturbed.status != 0)
            fail(scene, "nothing fails", undisturbed);
        std::map<Call, unsigned> counts;
        for (const Call &call : undisturbed.calls)
            ++counts[call];
        std::printf("%-20s %zu calls of %zu kinds: %s", scene.name, undisturbed.calls.size(), counts.size(),
                    undisturbed.output.c_str());
        for (const auto &[call, count] : counts)
            run_call(scene, call, count);
        std::fflush(stdout);
        return true;
    }

    [[nodiscard]] const Totals &totals() const
    {
        return totals_;
    }

private:
    Outcome run_subject(const Scene &scene, const Fault *fault)
    {
        return trace(
            {subject_, scene.threads, scene.expected, std::to_string(scene.answer), std::to_string(scene.guarantee)},
            scene.environment, scene.kernel, fault);
    }

    void run_call(const Scene &scene, const Call &call, unsigned count)
    {
        if (const char *reason = cannot_fail(call)) {
            std::printf("    %-22s %3u uses, not let fail: it %s\n", name(call).c_str(), count, reason);
            return;
        }
        Totals before = totals_;
        std::string errors;
        for (int error : known(call).errors) {
            errors += std::string(" ") + strerrorname_np(error);
            for (const Use &use : uses_of(count, error))
                run_cell(scene, {call, use.first, use.last, known(call).way, error}, use.name);
        }
        if (known(call).transfers) {
            errors += " short";
            for (const Use &use : uses_of(count, 0))
                run_cell(scene, {call, use.first, use.last, Fault::shortened, 0}, use.name);
        }
        std::printf("    %-22s %3u uses, %3u cells, %u failed:%s\n", name(call).c_str(), count,
                    totals_.cells - before.cells, totals_.failed - before.failed, errors.c_str());
    }

    void run_cell(const Scene &scene, const Fault &fault, const char *use)
    {
        const Outcome outcome = run_subject(scene, &fault);
        ++totals_.cells;
        totals_.untouched += outcome.faults == 0; // another number of calls than in the run before
        if (outcome.status != 0 || !outcome.traced || outcome.faults == 0)
            fail(scene,
                 name(fault.call) + ", " + use + " use, " +
                     (fault.way == Fault::shortened ? "short" : strerrorname_np(fault.error)),
                 outcome);
    }

    void fail(const Scene &scene, const std::string &what, const Outcome &outcome)
    {
        ++totals_.failed;
        std::printf("FAILED: %s: %s: status %#x, %u faults\n%s", scene.name, what.c_str(),
                    static_cast<unsigned>(outcome.status), outcome.faults, outcome.output.c_str());
    }

    std::string subject_;
    Totals totals_;
};

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    Table table(argv[1]);
    for (const Scene &scene : scenes) {
        if (argc > 2 && std::strcmp(argv[2], scene.name) != 0) // by hand: one scene
            continue;
        if (!table.run(scene)) {
            std::printf("SKIP: no process can be traced here\n");
            return skipped_status;
        }
    }
    const Totals &totals = table.totals();
    std::printf("%u cells, %u failed, %u in which the call was not made\n", totals.cells, totals.failed,
                totals.untouched);
    return totals.cells == 0 || totals.failed != 0;
}
