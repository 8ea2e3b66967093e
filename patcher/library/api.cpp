// SPDX-License-Identifier: MIT
//
// The C functions of <slicepatch/slicepatch.h>.
#include "patcher/library/base/cancellation.h"
#include "patcher/library/base/init_lock.h"
#include "init.h"
#include "report.h"
#include "settings.h"
#include "visit.h"
#include "patcher/library/base/standard_error.h"
#include "patcher/library/guarantee/threads.h"
#include "patcher/library/sites/sites.h"

#include <slicepatch/slicepatch.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <time.h>

namespace slicepatch {

namespace {

constexpr slicepatch_report report_before_init()
{
    slicepatch_report report = empty_report();
    constexpr char reason[] = "slicepatch_init() has not been called";
    std::copy(std::begin(reason), std::end(reason), report.reason);
    return report;
}

// Both guarded by InitLock.
constinit slicepatch_report last_report = report_before_init();
bool init_runs = false;

/// The text is that of another process's threads, and what this one's kernel task has says nothing about those.
int refuse_guest(slicepatch_report *given)
{
    if (!given)
        return -EBUSY;
    slicepatch_report report{};
    std::snprintf(report.reason, sizeof report.reason,
                  "this process shares the memory of the one that started it (vfork or CLONE_VM), which has to call "
                  "slicepatch_init() itself");
    write_report(report, *given);
    return -EBUSY;
}

struct Visit {
    int (*visit)(const slicepatch_site_info *, void *);
    void *data;
    int answer = 0;
};

/// Whether this call may load something: no guest's, and none of a handler or visitor in the middle of another one.
bool is_outermost()
{
    const InitLock lock;
    return !lock.is_guest() && !lock.nested();
}

/// Whether there is a decoder that was not asked so far. Loads it, for which no lock of ours may be held: the constructor
/// of an object that another thread opens may call init.
bool load_decoder()
{
    const char *const before = host_backend().verifier();
    return host_backend().load_decoder() && host_backend().verifier() != before;
}

int init_locked(const void *here, const slicepatch_options *options, slicepatch_report *report, bool &disproved)
{
    const InitLock lock;
    if (lock.is_guest())
        return refuse_guest(report);
    if (lock.nested())
        return -EDEADLK;
    init_runs = true;
    const InitAnswer answer = init(options, reinterpret_cast<std::uintptr_t>(here), last_report);
    init_runs = false;
    if (report)
        write_report(last_report, *report);
    disproved = answer.disproved;
    return answer.error;
}

} // namespace

} // namespace slicepatch

using namespace slicepatch;

extern "C" int slicepatch_init_from(const void *here, const slicepatch_options *options, slicepatch_report *report)
{
    if (const int error = report ? check_report_size(*report) : 0)
        return error;
    const int saved = errno;
    const CancellationDisabled whole;
    if (wants_decoder() && is_outermost())
        (void)load_decoder(); // the report says what proved
    bool disproved = false;
    int answer = init_locked(here, options, report, disproved);
    if (disproved && load_decoder()) // two assemblers differ: a third opinion
        answer = init_locked(here, options, report, disproved);
    errno = saved;
    return answer;
}

extern "C" int slicepatch_thread_init()
{
    return enable_this_thread();
}

extern "C" int slicepatch_get_report(slicepatch_report *report)
{
    if (const int error = report ? check_report_size(*report) : -EINVAL)
        return error;
    const InitLock lock;
    if (lock.is_guest())
        return -EBUSY;
    if (lock.nested() && init_runs) // under a signal handler of this very thread
        return -EDEADLK;
    slicepatch_report current = last_report;
    report_threads(current);
    write_report(current, *report);
    return 0;
}

extern "C" const char *slicepatch_guarantee_name(int guarantee)
{
    switch (guarantee) {
    case SLICEPATCH_GUARANTEE_NONE:
        return "none";
    case SLICEPATCH_GUARANTEE_THREAD:
        return "thread";
    case SLICEPATCH_GUARANTEE_SEALED:
        return "sealed";
    case SLICEPATCH_GUARANTEE_PROCESS:
        return "process";
    default:
        return "unknown";
    }
}

extern "C" const char *slicepatch_state_name(int state)
{
    const bool known = state >= SLICEPATCH_STATE_COMPILED && state <= SLICEPATCH_STATE_FOREIGN;
    return known ? state_name(static_cast<State>(state)) : "unknown";
}

extern "C" std::size_t slicepatch_report_text(const slicepatch_report *given, char *buffer, std::size_t size)
{
    return format_report(read_report(*given), buffer, size);
}

extern "C" int slicepatch_for_each_site(int (*visit)(const slicepatch_site_info *site, void *data), void *data)
{
    Visit work{visit, data};
    const int saved = errno;
    Status status;
    {
        const InitLock lock;
        if (lock.is_guest())
            return -EBUSY;
        if (lock.nested() && init_runs)
            return -EDEADLK;
        status = with_loader_lock(
            [](void *data) {
                auto &work = *static_cast<Visit *>(data);
                return visit_sites(work.visit, work.data, work.answer);
            },
            &work);
    }
    errno = saved;
    if (status == Status::no_memory)
        return -ENOMEM;
    return status == Status::ok ? work.answer : -EINVAL;
}

// Declared for programs that define SLICEPATCH_DEBUG.
extern "C" SLICEPATCH_API void slicepatch_check_failed(const char *what, const char *file, int line);
extern "C" void slicepatch_check_failed(const char *what, const char *file, int line)
{
    char number[16];
    std::snprintf(number, sizeof number, "%d", line);
    print_pieces({"slicepatch: ", file, ":", number, ": ", what, "\n"});
    std::abort();
}
