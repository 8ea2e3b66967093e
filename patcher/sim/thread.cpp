// SPDX-License-Identifier: MIT
#include "thread.h"

#include "reserved.h"
#include "rseq_flags.h"
#include "settings.h"
#include "strict.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern "C" {
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
}

namespace slicepatch::sim {

constinit Lock process_lock = Lock::unlocked;

namespace {

// initial-exec: a signal handler must not be the one that allocates the block.
thread_local constinit Thread self __attribute__((tls_model("initial-exec"))) = {};

constinit Thread *first_thread = nullptr;
constinit int process_busy = 0;
pthread_key_t exit_key;

// One byte that this process alone has set: the kernel zeroes the page in the child of a fork, not of a vfork.
constinit volatile char *own_process = nullptr;

uint64_t set_signal_mask(uint64_t mask)
{
    uint64_t old = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof mask);
    return old;
}

int create_timer(clockid_t clock, int signal, pid_t thread)
{
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event._sigev_un._tid = thread;
    int timer = -1; // the kernel's number: libc's timer_create() allocates
    if (syscall(SYS_timer_create, clock, &event, &timer) != 0)
        fail("timer_create failed: too many threads for RLIMIT_SIGPENDING?");
    return timer;
}

timespec to_timespec(uint64_t nanoseconds)
{
    return {static_cast<time_t>(nanoseconds / 1000000000), static_cast<long>(nanoseconds % 1000000000)};
}

void start_interrupts(Thread &thread)
{
    thread.tick_timer = create_timer(CLOCK_THREAD_CPUTIME_ID, tick_signal, thread.id);
    thread.expiry_timer = create_timer(CLOCK_MONOTONIC, expiry_signal, thread.id);
    itimerspec period = {to_timespec(settings.tick_ns), to_timespec(settings.tick_ns)};
    syscall(SYS_timer_settime, thread.tick_timer, 0, &period, nullptr);
    start_strict(thread);
}

void link_thread(Thread &thread)
{
    thread.previous = nullptr;
    thread.next = first_thread;
    if (first_thread != nullptr)
        first_thread->previous = &thread;
    first_thread = &thread;
}

void unlink_thread(Thread &thread)
{
    (thread.previous != nullptr ? thread.previous->next : first_thread) = thread.next;
    if (thread.next != nullptr)
        thread.next->previous = thread.previous;
}

// Runs in the thread that ends, after its C++ thread_local destructors.
void detach_thread(void *)
{
    ErrnoGuard errno_kept;
    ProcessGuard process;
    if (self.id == 0)
        return;
    stop_strict();
    syscall(SYS_timer_delete, self.tick_timer);
    syscall(SYS_timer_delete, self.expiry_timer);
    unlink_thread(self);
    // libc hands the same memory to a later thread, which may run sequences, and whose registration is a new one.
    clear_flags(self);
    self = {};
}

} // namespace

Thread &current_thread()
{
    return self;
}

SignalGuard::SignalGuard() : saved_(set_signal_mask(~0ULL)) {}

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
    while (__atomic_exchange_n(&process_busy, 1, __ATOMIC_ACQUIRE) != 0)
        sched_yield();
}

ProcessGuard::~ProcessGuard()
{
    __atomic_store_n(&process_busy, 0, __ATOMIC_RELEASE);
}

slicepatch_rseq *find_registered_area()
{
    if (&__rseq_offset == nullptr || &__rseq_size == nullptr || __rseq_size == 0)
        return nullptr;
    return reinterpret_cast<slicepatch_rseq *>(static_cast<char *>(__builtin_thread_pointer()) + __rseq_offset);
}

void prepare_threads()
{
    if (pthread_key_create(&exit_key, detach_thread) != 0)
        fail("pthread_key_create failed");
    void *page = mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, 1, MADV_WIPEONFORK) != 0)
        fail("MADV_WIPEONFORK needs Linux 4.14");
    own_process = static_cast<volatile char *>(page);
    *own_process = 1;
}

void attach_current_thread()
{
    ErrnoGuard errno_kept;
    if (*own_process == 0)
        restart_after_fork(); // a fork that no wrapper saw: a raw clone(2)
    if (self.id != 0)
        return;
    ProcessGuard process;
    self.id = static_cast<pid_t>(syscall(SYS_gettid));
    self.area = find_registered_area();
    self.granted = false;
    self.enabled = process_lock == Lock::enabled && self.area != nullptr;
    if (self.area != nullptr)
        self.area->slice_request = self.area->slice_granted = 0;
    write_flags(self);
    link_thread(self);
    start_interrupts(self);
    count(&SharedCounters::threads);
    pthread_setspecific(exit_key, &self);
}

bool owns_current_thread()
{
    return self.id == static_cast<pid_t>(syscall(SYS_gettid));
}

void restart_after_fork()
{
    if (*own_process != 0)
        return;
    *own_process = 1;
    ErrnoGuard errno_kept;
    __atomic_store_n(&process_busy, 0, __ATOMIC_RELAXED); // its holder may have stayed in the parent
    ProcessGuard process;
    first_thread = nullptr;
    if (self.id == 0)
        return;
    self.id = static_cast<pid_t>(syscall(SYS_gettid));
    self.granted = false;
    self.enabled |= process_lock == Lock::enabled && self.area != nullptr; // the parent was in the middle of locking
    if (self.area != nullptr)
        self.area->slice_granted = 0;
    write_flags(self);
    link_thread(self);
    start_interrupts(self);
    count(&SharedCounters::threads);
}

void for_each_thread(void (*visit)(Thread &thread, void *argument), void *argument)
{
    for (Thread *thread = first_thread; thread != nullptr; thread = thread->next)
        visit(*thread, argument);
}

void arm_expiry(const Thread &thread, uint64_t nanoseconds)
{
    itimerspec once = {{0, 0}, to_timespec(nanoseconds)};
    syscall(SYS_timer_settime, thread.expiry_timer, 0, &once, nullptr);
}

} // namespace slicepatch::sim
