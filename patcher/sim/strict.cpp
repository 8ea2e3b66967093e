// SPDX-License-Identifier: MIT
#include "strict.h"

#include "context.h"
#include "settings.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Linux 5.11; older headers lack them
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif

namespace slicepatch::sim {

namespace {

// Remembers the places that were reported; once the table is full, only the counter goes on.
bool is_first_report(uintptr_t pc)
{
    static uintptr_t reported[64];
    for (uintptr_t &slot : reported) {
        uintptr_t seen = __atomic_load_n(&slot, __ATOMIC_RELAXED);
        if (seen == 0 && __atomic_compare_exchange_n(&slot, &seen, pc, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
        if (seen == pc)
            return false;
    }
    return false;
}

// The handler interrupted a system call, not arbitrary code: dladdr() and snprintf() are as safe here as they were in
// the code that made the call.
void print_report(uintptr_t pc, int number)
{
    Dl_info place = {};
    dladdr(reinterpret_cast<void *>(pc), &place);
    uintptr_t offset = pc - reinterpret_cast<uintptr_t>(place.dli_fbase);
    char line[512];
    int length =
        snprintf(line, sizeof line, "slicepatch sim: system call %d inside a section, at pc 0x%zx (%s+0x%zx%s%s)\n",
                 number, static_cast<size_t>(pc), place.dli_fname != nullptr ? place.dli_fname : "no object",
                 static_cast<size_t>(offset), place.dli_sname != nullptr ? ", " : "",
                 place.dli_sname != nullptr ? place.dli_sname : "");
    if (length >= static_cast<int>(sizeof line))
        length = sizeof line - 1;
    ssize_t written = write(STDERR_FILENO, line, static_cast<size_t>(length));
    (void)written; // the count is in the statistics in any case
}

} // namespace

void start_strict(const Thread &thread)
{
    if (!settings.strict || thread.area == nullptr)
        return;
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &thread.area->slice_request) != 0)
        fail("--strict needs system call user dispatch, which this machine does not offer");
}

void stop_strict()
{
    if (settings.strict)
        prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
}

void report_section_call(const siginfo_t *information, ucontext_t *context)
{
    Thread &thread = current_thread();
    if (thread.area != nullptr)
        thread.area->slice_request = 0; // first of all: from here on this handler may make system calls itself
    repeat_trapped_call(context);
    // The end of a signal handler that interrupted the section is no system call of the section.
    if (information->si_syscall == SYS_rt_sigreturn)
        return;
    count(&SharedCounters::section_syscalls);
    uintptr_t pc = interrupted_pc(context);
    if (is_first_report(pc))
        print_report(pc, information->si_syscall);
}

} // namespace slicepatch::sim
