// SPDX-License-Identifier: MIT
#include "thread.h"

#include "context.h"
#include "guard.h"
#include "reserved.h"
#include "rseq_flags.h"
#include "settings.h"
#include "strict.h"

#include <cstddef>
#include <initializer_list>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

extern "C" {
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
}

namespace slicepatch::sim {

constinit Lock process_lock = Lock::unlocked;

namespace {

// initial-exec: a signal handler must not be the one that allocates the block.
thread_local constinit Thread *self __attribute__((tls_model("initial-exec"))) = nullptr;

pthread_key_t exit_key;

// ---- records ----
// All under ProcessGuard. Their memory is never given back, so that a look at one is safe at any time.

constexpr size_t chunk_records = 256;
constexpr unsigned fewest_before_sweep = 64;

constinit Thread first_chunk[chunk_records] = {};
constinit Thread *unused = first_chunk; // up to unused_end: records that nobody had yet
constinit Thread *unused_end = first_chunk + chunk_records;
constinit Thread *free_records = nullptr;
constinit Thread *first_thread = nullptr;
constinit unsigned records_used = 0;
constinit unsigned sweep_at = fewest_before_sweep;

void link_record(Thread &thread)
{
    thread.previous = nullptr;
    thread.next = first_thread;
    if (first_thread != nullptr)
        first_thread->previous = &thread;
    first_thread = &thread;
    records_used++;
}

void release_record(Thread &thread)
{
    for (int timer : {thread.tick_timer, thread.expiry_timer})
        if (timer >= 0)
            kernel_call(SYS_timer_delete, static_cast<unsigned>(timer));
    (thread.previous != nullptr ? thread.previous->next : first_thread) = thread.next;
    if (thread.next != nullptr)
        thread.next->previous = thread.previous;
    records_used--;
    thread = {};
    thread.next = free_records;
    free_records = &thread;
}

// Those of threads that have ended without a word.
void sweep_records()
{
    for (Thread *thread = first_thread; thread != nullptr;) {
        Thread *next = thread->next;
        if (thread->id != 0 && !is_alive(*thread))
            release_record(*thread);
        thread = next;
    }
    sweep_at = 2 * records_used > fewest_before_sweep ? 2 * records_used : fewest_before_sweep;
}

void add_chunk()
{
    const long memory = kernel_call(SYS_mmap, 0, chunk_records * sizeof(Thread), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, ~0UL);
    if (memory < 0 && memory > -4096)
        return;
    unused = reinterpret_cast<Thread *>(memory);
    unused_end = unused + chunk_records;
}

// Null without memory.
Thread *take_record()
{
    if (records_used >= sweep_at)
        sweep_records();
    Thread *thread = free_records;
    if (thread != nullptr) {
        free_records = thread->next;
    } else {
        unused += unused == self; // see keep_own_record()
        if (unused == unused_end)
            add_chunk();
        if (unused == unused_end)
            return nullptr;
        thread = unused++;
    }
    *thread = {};
    thread->tick_timer = thread->expiry_timer = -1;
    link_record(*thread);
    return thread;
}

// In the copy of memory that a fork(2) has made, whatever another thread was about to do with the records then.
void keep_own_record()
{
    unused = first_chunk;
    unused_end = first_chunk + chunk_records;
    free_records = first_thread = nullptr;
    records_used = 0;
    if (self != nullptr)
        link_record(*self);
}

// ---- interrupts ----

// By the kernel's own number, since libc's timer_create() allocates. -1 with RLIMIT_SIGPENDING used up.
int create_timer(clockid_t clock, int signal, Thread &thread)
{
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event.sigev_value.sival_ptr = &thread;
    event._sigev_un._tid = thread.id;
    int timer = -1;
    const long answer = kernel_call(SYS_timer_create, static_cast<unsigned long>(clock),
                                    reinterpret_cast<uintptr_t>(&event), reinterpret_cast<uintptr_t>(&timer));
    return answer == 0 ? timer : -1;
}

timespec to_timespec(uint64_t nanoseconds)
{
    return {static_cast<time_t>(nanoseconds / 1000000000), static_cast<long>(nanoseconds % 1000000000)};
}

void set_timer(int timer, const itimerspec &time)
{
    if (timer >= 0)
        kernel_call(SYS_timer_settime, static_cast<unsigned>(timer), 0, reinterpret_cast<uintptr_t>(&time), 0);
}

// Of the calling thread. Where a process may have no more timers, it goes on without, and is granted nothing.
void start_interrupts(Thread &thread)
{
    thread.expiry_timer = create_timer(CLOCK_MONOTONIC, expiry_signal, thread);
    if (thread.expiry_timer < 0) {
        sweep_records();
        thread.expiry_timer = create_timer(CLOCK_MONOTONIC, expiry_signal, thread);
    }
    if (thread.expiry_timer >= 0)
        thread.tick_timer = create_timer(CLOCK_THREAD_CPUTIME_ID, tick_signal, thread);
    set_timer(thread.tick_timer, {to_timespec(settings.tick_ns), to_timespec(settings.tick_ns)});
    start_strict(thread);
}

// ---- beginnings and ends ----

// Null without a registration (a kernel without rseq), or if another library has taken its place: then cpu_id is
// negative.
slicepatch_rseq *find_registered_area()
{
    slicepatch_rseq *area = area_of_libc();
    return area == nullptr || static_cast<int32_t>(area->cpu_id) < 0 ? nullptr : area;
}

void begin(Thread &thread)
{
    thread.id = static_cast<pid_t>(kernel_call(SYS_gettid));
    thread.area = find_registered_area();
    thread.full = thread.had_full = thread.area != nullptr;
    thread.enabled = process_lock == Lock::enabled && thread.full;
    if (thread.area != nullptr)
        thread.area->slice_request = thread.area->slice_granted = 0;
    self = &thread;
    write_flags(thread);
    start_interrupts(thread);
    count(&SharedCounters::threads);
}

// Runs in the thread that ends, after its C++ thread_local destructors, and behind the other keys' destructors as far
// as POSIX allows: those may run sections.
void detach_thread(void *)
{
    ErrnoGuard errno_kept;
    Thread *thread = current_thread();
    if (thread == nullptr)
        return;
    if (++thread->rounds < PTHREAD_DESTRUCTOR_ITERATIONS && pthread_setspecific(exit_key, thread) == 0)
        return;
    ProcessGuard process;
    stop_strict();
    // libc hands the same memory to a later thread, which may run sequences, and whose registration is a new one.
    clear_flags(*thread);
    self = nullptr;
    release_record(*thread);
}

} // namespace

void prepare_threads()
{
    if (pthread_key_create(&exit_key, detach_thread) != 0)
        fail("pthread_key_create failed");
    prepare_guards();
    Thread *thread = make_thread({});
    if (thread == nullptr)
        fail("no memory");
    attach_started_thread(thread);
}

Thread *make_thread(const Start &start)
{
    ProcessGuard process;
    Thread *thread = take_record();
    if (thread != nullptr)
        thread->start = start;
    return thread;
}

void free_thread(Thread *thread)
{
    ProcessGuard process;
    release_record(*thread);
}

void attach_started_thread(Thread *thread)
{
    // Not from a signal handler: libc may allocate the place of the key.
    const bool detaches = pthread_setspecific(exit_key, thread) == 0;
    ProcessGuard process;
    if (current_thread() == nullptr)
        begin(*thread);
    else
        release_record(*thread); // a routine that ran before ours has made an emulated call
    self->detaches = detaches;
}

void attach_current_thread()
{
    restart_after_fork();
    if (self != nullptr)
        return;
    ProcessGuard process;
    if (!in_own_process())
        return;
    if (Thread *thread = take_record())
        begin(*thread);
}

// One that shares a thread pointer, as between vfork(2) and exec, finds another thread's record here.
Thread *current_thread()
{
    return self != nullptr && self->id == kernel_call(SYS_gettid) ? self : nullptr;
}

void restart_after_fork()
{
    if (!is_unnoted_fork())
        return;
    SignalGuard signals;
    take_note_of_fork();
    keep_own_record();
    if (self == nullptr)
        return;
    self->id = static_cast<pid_t>(kernel_call(SYS_gettid));
    self->tick_timer = self->expiry_timer = -1; // the parent's
    self->granted = false;
    self->enabled |= process_lock == Lock::enabled && self->full; // the parent was in the middle of locking
    if (self->area != nullptr)
        self->area->slice_granted = 0;
    write_flags(*self);
    start_interrupts(*self);
    count(&SharedCounters::threads);
}

void for_each_thread(void (*visit)(Thread &thread, void *argument), void *argument)
{
    for (Thread *thread = first_thread; thread != nullptr; thread = thread->next)
        if (thread->id != 0)
            visit(*thread, argument);
}

bool has_lasting_area(const Thread &thread)
{
    return &thread == self || (thread.detaches && is_alive(thread));
}

bool is_alive(const Thread &thread)
{
    return kernel_call(SYS_tgkill, static_cast<unsigned long>(kernel_call(SYS_getpid)),
                       static_cast<unsigned long>(thread.id), 0) == 0;
}

Thread *interrupted_thread(const siginfo_t &information)
{
    return information.si_code == SI_TIMER && information.si_value.sival_ptr == self ? self : nullptr;
}

slicepatch_rseq *area_of_libc()
{
    if (&__rseq_offset == nullptr || &__rseq_size == nullptr || __rseq_size == 0)
        return nullptr; // tunable glibc.pthread.rseq=0
    return reinterpret_cast<slicepatch_rseq *>(static_cast<char *>(__builtin_thread_pointer()) + __rseq_offset);
}

void arm_expiry(const Thread &thread, uint64_t nanoseconds)
{
    set_timer(thread.expiry_timer, {{0, 0}, to_timespec(nanoseconds)});
}

} // namespace slicepatch::sim
