// SPDX-License-Identifier: MIT
//
// The C functions of <slicepatch/slicepatch.h>.
#include "settings.h"
#include "patcher/library/base/executable.h"
#include "patcher/library/base/init_lock.h"
#include "patcher/library/guarantee/area.h"
#include "report.h"
#include "patcher/library/base/standard_error.h"
#include "patcher/library/guarantee/threads.h"

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
    slicepatch_report report{};
    report.size = sizeof report;
    report.yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    constexpr char reason[] = "slicepatch_init() has not been called";
    std::copy(std::begin(reason), std::end(reason), report.reason);
    return report;
}

// Both guarded by InitLock.
constinit slicepatch_report last_report = report_before_init();
bool init_runs = false;

struct InitWork {
    const Settings &settings;
    slicepatch_report &report;
    WriteResult written;
};

/// Under the loader's lock: the words of the report are read from objects that may be gone right after it.
Status run_init(void *data)
{
    auto &work = *static_cast<InitWork *>(data);
    PatchResult result;
    patch_process(work.settings.patch, result);
    fill_report(result, work.report);
    if (work.settings.verbose)
        print_failures(result);
    work.written = result.written;
    return result.status;
}

int error_of(Status status, const WriteResult &written)
{
    if (status == Status::no_memory)
        return -ENOMEM;
    if (status == Status::required_guarantee)
        return -EPERM;
    if (status == Status::options_too_new)
        return -E2BIG;
    if (status == Status::bad_options || status == Status::bad_environment)
        return -EINVAL;
    return status == Status::write_failed || written.status == Status::write_failed ? -EIO : 0;
}

std::uint64_t now_us()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

void add_threads(slicepatch_report &report)
{
    const ThreadCounts threads = count_threads();
    report.threads_enabled = threads.enabled;
    report.threads_missed = threads.missed;
}

/// Null, or why this process cannot be sealed.
const char *seal_obstacle()
{
    if (!owns_areas())
        return "libc's registration cannot be sealed";
    if (gives_areas_back())
        return "threads of this C library have to give their areas back before they end";
    if (!threads_are_hooked())
        return "threads that start later do not pass through this copy of the library";
    return count_threads().missed ? "other threads existed at the first init, or cannot be counted: a process is "
                                    "sealed while it has one"
                                  : nullptr;
}

/// A process is sealed once; children inherit it, as they inherit the areas.
void seal(slicepatch_report &report)
{
    static bool sealed = false; // guarded by InitLock
    const char *obstacle = sealed ? nullptr : seal_obstacle();
    if (!obstacle && !sealed) {
        const int answer = seal_process();
        sealed = answer == 0;
        obstacle = sealed             ? nullptr
                   : answer == -ESRCH ? "a thread has a seccomp filter of its own"
                                      : "the kernel or a sandbox refuses the filter";
    }
    if (obstacle) {
        add_failure(report, "not sealed: ", obstacle);
        return;
    }
    report.guarantee = SLICEPATCH_GUARANTEE_SEALED;
    std::snprintf(report.reason, sizeof report.reason,
                  "enabled for each thread as it starts, and a seccomp filter refuses to revert it");
}

int init(const slicepatch_options *options, std::uintptr_t caller_address, slicepatch_report &report)
{
    const std::uint64_t begin = now_us();
    report = {};
    report.size = sizeof report;
    report.yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    Settings settings;
    if (Status status = read_settings(options, is_in_executable(caller_address), settings); status != Status::ok) {
        std::memcpy(report.reason, settings.complaint, sizeof report.reason);
        if (settings.verbose)
            print_report(report);
        return error_of(status, {});
    }
    InitWork work{settings, report, {}};
    const Status status = with_loader_lock(run_init, &work);
    // A thread that is not enabled asks in vain, whatever form its sites have.
    const bool thread_by_thread = report.guarantee == SLICEPATCH_GUARANTEE_THREAD ||
                                  (report.guarantee != SLICEPATCH_GUARANTEE_NONE && owns_areas());
    if (thread_by_thread && status != Status::required_guarantee)
        enable_threads();
    if (settings.patch.request.seal && report.guarantee == SLICEPATCH_GUARANTEE_THREAD)
        seal(report);
    add_threads(report);
    report.duration_us = static_cast<std::uint32_t>(now_us() - begin);
    if (settings.verbose)
        print_report(report);
    return error_of(status, work.written);
}

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

Status visit_sites(void *data)
{
    auto &visit = *static_cast<Visit *>(data);
    SiteList list;
    if (Status status = find_sites(host_backend(), list); status != Status::ok)
        return status;
    if (list.bad_objects)
        return list.bad_object_trouble;
    Decoded decoded{State::foreign, 0};
    for (const Site &site : list.sites) {
        const slicepatch_site_record &record = *site.record;
        const bool readable = site.trouble == Status::ok;
        const Place place = site_place(record);
        if (!site.repeated) // by the site before
            decoded = {State::foreign, 0};
        if (readable && !site.repeated)
            if (Status status = host_backend().decode(
                    site.kind, place,
                    {reinterpret_cast<const std::uint8_t *>(place.head), host_backend().site_size(site.kind)}, decoded);
                status != Status::ok)
                return status;
        const slicepatch_site_info info{
            .object = list.objects[list.groups[site.group].object].name,
            .label = readable ? site_label(record) : nullptr,
            .file = readable ? site_file(record) : "",
            .line = record.line,
            .kind = record.kind,
            .state = static_cast<std::uint8_t>(decoded.state),
            .address = place.head,
        };
        if ((visit.answer = visit.visit(&info, visit.data)))
            break;
    }
    return Status::ok;
}

} // namespace

} // namespace slicepatch

using namespace slicepatch;

extern "C" int slicepatch_init_from(const void *here, const slicepatch_options *options, slicepatch_report *report)
{
    if (const int error = report ? check_report_size(*report) : 0)
        return error;
    const int saved = errno;
    const InitLock lock;
    if (lock.is_guest())
        return refuse_guest(report);
    if (lock.nested())
        return -EDEADLK;
    init_runs = true;
    const int answer = init(options, reinterpret_cast<std::uintptr_t>(here), last_report);
    init_runs = false;
    if (report)
        write_report(last_report, *report);
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
    add_threads(current);
    write_report(current, *report);
    return 0;
}

extern "C" std::size_t slicepatch_report_text(const slicepatch_report *given, char *buffer, std::size_t size)
{
    const slicepatch_report report = read_report(*given);
    const MissedText missed(report.threads_missed);
    const int length = std::snprintf(
        buffer, size,
        "slicepatch: guarantee %s: %s\n"
        "slicepatch: %u sites in %u objects: %u enabled, %u off, %u compiled, %u foreign (%s writer, proven by %s)\n"
        "slicepatch: %u threads enabled, %s missed; yields by system call %d; init took %u us\n"
        "%s%s%s%s",
        guarantee_name(report.guarantee), report.reason, report.sites, report.objects, report.enabled, report.off,
        report.compiled, report.foreign, report.writer, report.verifier, report.threads_enabled, missed.number(),
        report.yield_number, report.duration_us, missed.advice(), *report.failure ? "slicepatch: " : "", report.failure,
        *report.failure ? "\n" : "");
    return length < 0 ? 0 : static_cast<std::size_t>(length);
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
        status = with_loader_lock(visit_sites, &work);
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
