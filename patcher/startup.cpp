// SPDX-License-Identifier: MIT
//
// The C functions of <slicepatch/slicepatch.h>.
#include "environment.h"
#include "report.h"
#include "threads.h"

#include <slicepatch/slicepatch.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// One init at a time. Holds the process and thread that runs it, so that a fork child does not wait for a thread that
/// only its parent has.
class InitLock {
public:
    InitLock()
    {
        const std::uint64_t own = static_cast<std::uint64_t>(getpid()) << 32 |
                                  static_cast<std::uint32_t>(syscall(SYS_gettid));
        for (;;) {
            std::uint64_t owner = 0;
            if (owner_.compare_exchange_weak(owner, own, std::memory_order_acquire))
                return;
            const bool inherited = owner && owner >> 32 != own >> 32;
            if (inherited && owner_.compare_exchange_strong(owner, own, std::memory_order_acquire))
                return;
            sched_yield();
        }
    }
    InitLock(const InitLock &) = delete;
    InitLock &operator=(const InitLock &) = delete;
    ~InitLock()
    {
        owner_.store(0, std::memory_order_release);
    }

private:
    static inline std::atomic<std::uint64_t> owner_{0};
};

slicepatch_report last_report; // guarded by InitLock

struct Caller {
    std::uintptr_t address;
    bool in_executable;
};

int visit_executable(dl_phdr_info *info, std::size_t, void *data)
{
    // The first object is the executable (dl_iterate_phdr(3)).
    auto &caller = *static_cast<Caller *>(data);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && caller.address - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz)
            caller.in_executable = true;
    }
    return 1;
}

struct InitWork {
    const PatchOptions &options;
    PatchResult &result;
};

Status run_init(void *data)
{
    auto &work = *static_cast<InitWork *>(data);
    patch_process(work.options, work.result);
    return work.result.status;
}

int error_of(Status status, const WriteResult &written)
{
    if (status == Status::no_memory)
        return -ENOMEM;
    if (status == Status::required_guarantee)
        return -EPERM;
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

void print_report(const slicepatch_report &report)
{
    char text[1024];
    (void)slicepatch_report_text(&report, text, sizeof text); // a longer text is cut, which is all that can be done
    dprintf(STDERR_FILENO, "%s", text);
}

int init(const slicepatch_options *options, std::uintptr_t caller_address, slicepatch_report &report)
{
    const std::uint64_t begin = now_us();
    report = {};
    report.size = sizeof report;
    report.yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    Caller caller{caller_address, false};
    dl_iterate_phdr(visit_executable, &caller);
    Settings settings;
    if (Status status = read_settings(options, caller.in_executable, settings); status != Status::ok) {
        std::memcpy(report.reason, settings.complaint, sizeof report.reason);
        dprintf(STDERR_FILENO, "slicepatch: %s\n", report.reason);
        return error_of(status, {});
    }
    PatchResult result;
    InitWork work{settings.patch, result};
    const Status status = with_loader_lock(run_init, &work);
    fill_report(result, report);
    add_threads(report);
    report.duration_us = static_cast<std::uint32_t>(now_us() - begin);
    if (settings.verbose) {
        print_failures(result);
        print_report(report);
    }
    return error_of(status, result.written);
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
    for (const Site &site : list.sites) {
        const slicepatch_site_record &record = *site.record;
        const bool readable = site.trouble == Status::ok;
        Decoded decoded{State::foreign, 0};
        const Place place = site_place(record);
        if (readable)
            if (Status status = host_backend().decode(site.kind, place,
                                                      {reinterpret_cast<const std::uint8_t *>(place.head),
                                                       host_backend().site_size(site.kind)},
                                                      decoded);
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

extern "C" __attribute__((noinline)) int slicepatch_init(const slicepatch_options *options, slicepatch_report *report)
{
    if (report && report->size != sizeof *report)
        return -EINVAL;
    const int saved = errno;
    const auto caller = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    int answer;
    {
        const InitLock lock;
        answer = init(options, caller, last_report);
        if (report)
            *report = last_report;
    }
    errno = saved;
    return answer;
}

extern "C" int slicepatch_thread_init()
{
    return enable_this_thread();
}

extern "C" int slicepatch_get_report(slicepatch_report *report)
{
    if (!report || report->size != sizeof *report)
        return -EINVAL;
    const InitLock lock;
    *report = last_report;
    report->size = sizeof *report;
    add_threads(*report);
    return 0;
}

extern "C" std::size_t slicepatch_report_text(const slicepatch_report *report, char *buffer, std::size_t size)
{
    const int length = std::snprintf(
        buffer, size,
        "slicepatch: guarantee %s: %s\n"
        "slicepatch: %u sites in %u objects: %u enabled, %u off, %u compiled, %u foreign (%s writer, proven by %s)\n"
        "slicepatch: %u threads enabled, %u missed; yields by system call %d; init took %u us\n"
        "%s%s%s",
        guarantee_name(report->guarantee), report->reason, report->sites, report->objects, report->enabled, report->off,
        report->compiled, report->foreign, report->writer, report->verifier, report->threads_enabled,
        report->threads_missed, report->yield_number, report->duration_us, *report->failure ? "slicepatch: " : "",
        report->failure, *report->failure ? "\n" : "");
    return length < 0 ? 0 : static_cast<std::size_t>(length);
}

extern "C" int slicepatch_for_each_site(int (*visit)(const slicepatch_site_info *site, void *data), void *data)
{
    Visit work{visit, data};
    const int saved = errno;
    const Status status = with_loader_lock(visit_sites, &work);
    errno = saved;
    if (status == Status::no_memory)
        return -ENOMEM;
    return status == Status::ok ? work.answer : -EINVAL;
}

// Declared for programs that define SLICEPATCH_DEBUG.
extern "C" SLICEPATCH_API void slicepatch_check_failed(const char *what, const char *file, int line);
extern "C" void slicepatch_check_failed(const char *what, const char *file, int line)
{
    dprintf(STDERR_FILENO, "slicepatch: %s:%d: %s\n", file, line, what);
    std::abort();
}
