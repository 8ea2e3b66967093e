// SPDX-License-Identifier: MIT
#include "guard.h"

#include "context.h"
#include "settings.h"
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

namespace slicepatch::sim {

namespace {

constinit int process_busy = 0;
constinit long process_id = 0;

// One byte that this process alone has set: the kernel zeroes the page in the child of a fork, not of a vfork.
constinit char before_start = 1;
constinit volatile char *own_memory = &before_start;

uint64_t set_signal_mask(uint64_t mask)
{
    uint64_t old = 0;
    kernel_call(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uintptr_t>(&mask), reinterpret_cast<uintptr_t>(&old),
                sizeof mask);
    return old;
}

} // namespace

SignalGuard::SignalGuard() : saved_(set_signal_mask(~(1ULL << (SIGSYS - 1)))) {}

SignalGuard::~SignalGuard()
{
    set_signal_mask(saved_);
}

ErrnoGuard::ErrnoGuard() : saved_(errno) {}

ErrnoGuard::~ErrnoGuard()
{
    errno = saved_;
}

// A spin lock: no futex, since a signal handler takes it too. The holder has all signals blocked, and is brief.
ProcessGuard::ProcessGuard()
{
    restart_after_fork(); // a fork that no wrapper saw: the holder may have stayed in the parent
    while (__atomic_exchange_n(&process_busy, 1, __ATOMIC_ACQUIRE) != 0)
        kernel_call(SYS_sched_yield);
}

ProcessGuard::~ProcessGuard()
{
    __atomic_store_n(&process_busy, 0, __ATOMIC_RELEASE);
}

void prepare_guards()
{
    void *page = mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, 1, MADV_WIPEONFORK) != 0)
        fail("MADV_WIPEONFORK needs Linux 4.14");
    own_memory = static_cast<volatile char *>(page);
    take_note_of_fork(); // which is how this process began
}

bool in_own_process()
{
    restart_after_fork();
    return kernel_call(SYS_getpid) == process_id;
}

bool is_unnoted_fork()
{
    return *own_memory == 0;
}

void take_note_of_fork()
{
    *own_memory = 1;
    process_id = kernel_call(SYS_getpid);
    __atomic_store_n(&process_busy, 0, __ATOMIC_RELAXED);
}

} // namespace slicepatch::sim
