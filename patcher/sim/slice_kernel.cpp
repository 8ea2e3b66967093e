// SPDX-License-Identifier: MIT
#include "slice_kernel.h"

#include "context.h"
#include "guard.h"
#include "rseq_flags.h"
#include "settings.h"
#include "strict.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

namespace slicepatch::sim {

namespace {

constexpr unsigned long enable_bit = SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE;
constexpr unsigned long invariant_bit = SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT;

using YieldHook = void (*)();
constinit YieldHook yield_hook = nullptr;

uint64_t monotonic_ns()
{
    timespec now = {};
    kernel_call(SYS_clock_gettime, CLOCK_MONOTONIC, reinterpret_cast<uintptr_t>(&now));
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

bool has_series()
{
    return settings.kernel == Kernel::patched || settings.kernel == Kernel::off;
}

unsigned long known_bits()
{
    return has_series() ? enable_bit | invariant_bit : enable_bit;
}

// The process has a state for good: asking for another is refused, on every thread.
bool contradicts_lock(unsigned long argument)
{
    const bool asks_enabled = (argument & enable_bit) != 0;
    return process_lock != Lock::unlocked && asks_enabled != (process_lock == Lock::enabled);
}

// The decision comes before any visible change: EBUSY leaves everything as it was.
long lock_process(bool enable)
{
    bool any_enabled = false;
    for_each_thread(
        [](Thread &thread, void *found) { *static_cast<bool *>(found) |= thread.enabled && is_alive(thread); },
        &any_enabled);
    if (!enable && any_enabled)
        return -EBUSY;
    process_lock = enable ? Lock::enabled : Lock::disabled;
    for_each_thread(
        [](Thread &thread, void *) {
            thread.enabled = process_lock == Lock::enabled && thread.full;
            update_flags(thread);
        },
        nullptr);
    return 0;
}

// In the order of kernel/README.md, "What SET answers".
long answer_set(unsigned long argument)
{
    if ((argument & ~known_bits()) != 0)
        return -EINVAL;
    if (settings.kernel == Kernel::off)
        return -SLICEPATCH_ENOTSUPP;
    ProcessGuard process;
    Thread *thread = current_thread();
    if (contradicts_lock(argument))
        return -EPERM;
    if (thread == nullptr || thread->area == nullptr)
        return -ENXIO;
    if (!thread->full)
        return -SLICEPATCH_ENOTSUPP;
    if (process_lock != Lock::unlocked)
        return 0;
    if ((argument & invariant_bit) != 0)
        return lock_process((argument & enable_bit) != 0);
    thread->enabled = (argument & enable_bit) != 0;
    write_flags(*thread);
    return 0;
}

// The state of the process is the same on every thread, that of a thread is its own.
long answer_get()
{
    ProcessGuard process;
    if (process_lock != Lock::unlocked)
        return static_cast<long>(process_lock == Lock::enabled ? invariant_bit | enable_bit : invariant_bit);
    const Thread *thread = current_thread();
    return thread != nullptr && thread->enabled ? static_cast<long>(enable_bit) : 0;
}

// The kernel always writes the whole of slice_ctrl: a request that was made while granted goes as well.
void end_slice(Thread &thread)
{
    thread.granted = false;
    thread.area->slice_request = thread.area->slice_granted = 0;
}

void grant_slice(Thread &thread)
{
    thread.area->slice_request = 0;
    thread.area->slice_granted = 1;
    thread.granted = true;
    thread.slice_end_ns = monotonic_ns() + settings.slice_ns;
    arm_expiry(thread, settings.slice_ns);
    count(&SharedCounters::grants);
}

// Kernels before 6.3 know the first 32 bytes alone.
long register_with_machine(unsigned long area, unsigned long length, unsigned long flags, unsigned long signature)
{
    const long answer = kernel_call(SYS_rseq, area, length, flags, signature);
    if (answer != -EINVAL || length <= sizeof(slicepatch_rseq))
        return answer;
    return kernel_call(SYS_rseq, area, sizeof(slicepatch_rseq), flags, signature);
}

// The calling thread's registration from now on; null: none. `enable`: as with RSEQ_FLAG_SLICE_EXT_DEFAULT_ON.
void change_area(Thread &thread, slicepatch_rseq *area, bool full, bool enable)
{
    ProcessGuard process;
    stop_strict();
    arm_expiry(thread, 0);
    thread.area = area;
    thread.full = area != nullptr && full;
    thread.had_full |= thread.full;
    thread.granted = thread.flags_written = thread.flags_due = false;
    thread.enabled = thread.full && (process_lock == Lock::unlocked ? enable : process_lock == Lock::enabled);
    write_flags(thread);
    start_strict(thread);
}

// By an area of 32 bytes, in a process where every thread is to keep what it has had. A thread that never had more may
// have one: C libraries up to glibc 2.40 register it for each new thread.
bool would_lose_extensions(const Thread &thread)
{
    ProcessGuard process;
    return thread.had_full && process_lock == Lock::enabled;
}

} // namespace

long answer_prctl(unsigned long operation, unsigned long argument, unsigned long fourth, unsigned long fifth)
{
    if (settings.kernel == Kernel::none || fourth != 0 || fifth != 0)
        return -EINVAL;
    attach_current_thread();
    if (Thread *thread = current_thread())
        follow_flags(*thread);
    switch (operation) {
    case SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET:
        return argument == 0 ? answer_get() : -EINVAL;
    case SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET:
        return answer_set(argument);
    case SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES:
        if (!has_series() || argument != 0)
            return -EINVAL;
        return settings.kernel == Kernel::off ? 0 : static_cast<long>(known_bits());
    default:
        return -EINVAL;
    }
}

long answer_yield()
{
    if (settings.kernel == Kernel::none)
        return -ENOSYS;
    if (yield_hook != nullptr)
        yield_hook();
    Thread *thread = current_thread();
    if (thread == nullptr || !thread->granted)
        return 0;
    end_slice(*thread);
    arm_expiry(*thread, 0);
    count(&SharedCounters::yields);
    kernel_call(SYS_sched_yield);
    return 1;
}

// The machine's kernel need not know the flag. Of an area that is to have extensions the kernel demands more than
// 32 bytes; libc's counts as full whatever its size (thread.h).
long answer_rseq(unsigned long area, unsigned long length, unsigned long flags, unsigned long signature)
{
    const bool known = settings.kernel != Kernel::none;
    const unsigned long default_on = known ? flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON : 0;
    const bool unregisters = (flags & SLICEPATCH_RSEQ_FLAG_UNREGISTER) != 0;
    const bool full = length > sizeof(slicepatch_rseq) || area == reinterpret_cast<uintptr_t>(area_of_libc());
    attach_current_thread();
    Thread *thread = current_thread();
    if (thread != nullptr && thread->area == nullptr && !unregisters && !full && would_lose_extensions(*thread))
        return -EPERM;
    const long answer = register_with_machine(area, length, flags & ~default_on, signature);
    if (answer != 0 || thread == nullptr)
        return answer;
    if (unregisters)
        change_area(*thread, nullptr, false, false);
    else
        change_area(*thread, reinterpret_cast<slicepatch_rseq *>(area), full,
                    default_on != 0 && settings.kernel != Kernel::off);
    return answer;
}

// An interrupt that finds no request does nothing: whether another thread wants the CPU is known to the real scheduler
// alone, and it reschedules by itself.
void interrupt_thread(Thread &thread)
{
    follow_flags(thread);
    count(&SharedCounters::ticks);
    if (thread.granted) {
        end_slice(thread);
        arm_expiry(thread, 0);
        count(&SharedCounters::revoked);
        kernel_call(SYS_sched_yield);
    } else if (thread.enabled && __atomic_load_n(&thread.area->slice_request, __ATOMIC_RELAXED) != 0) {
        grant_slice(thread);
    }
}

void expire_slice(Thread &thread)
{
    // The signal may have been on its way when the thread yielded, and even have met the next slice.
    if (!thread.granted || monotonic_ns() < thread.slice_end_ns)
        return;
    end_slice(thread);
    count(&SharedCounters::expired);
    kernel_call(SYS_sched_yield);
}

void find_yield_hook()
{
    yield_hook = reinterpret_cast<YieldHook>(dlsym(RTLD_DEFAULT, "slicepatch_sim_on_yield"));
}

} // namespace slicepatch::sim
