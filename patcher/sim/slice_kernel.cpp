// SPDX-License-Identifier: MIT
#include "slice_kernel.h"

#include "rseq_flags.h"
#include "settings.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
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
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

unsigned long supported_bits()
{
    return settings.kernel == Kernel::patched ? enable_bit | invariant_bit : enable_bit;
}

void set_enabled(Thread &thread, bool enabled)
{
    thread.enabled = enabled;
    write_flags(thread);
}

// The process has a state for good: asking for that state is fine, on every thread, and asking for another is not.
long answer_locked_set(unsigned long argument)
{
    bool asks_enabled = (argument & enable_bit) != 0;
    return asks_enabled == (process_lock == Lock::enabled) ? 0 : -EPERM;
}

// The decision comes before any visible change: EBUSY leaves everything as it was.
long lock_process(bool enable)
{
    bool any_enabled = false;
    for_each_thread([](Thread &thread, void *found) { *static_cast<bool *>(found) |= thread.enabled; }, &any_enabled);
    if (!enable && any_enabled)
        return -EBUSY;
    process_lock = enable ? Lock::enabled : Lock::disabled;
    for_each_thread([](Thread &thread, void *on) { set_enabled(thread, thread.area && *static_cast<bool *>(on)); },
                    &enable);
    return 0;
}

long answer_set(Thread &thread, unsigned long argument)
{
    if ((argument & ~supported_bits()) != 0)
        return -EINVAL;
    if (settings.kernel == Kernel::off)
        return -SLICEPATCH_ENOTSUPP;
    search_for_sequences();
    ProcessGuard process;
    if (process_lock != Lock::unlocked)
        return answer_locked_set(argument);
    if ((argument & invariant_bit) != 0)
        return lock_process((argument & enable_bit) != 0);
    if (thread.area == nullptr || !owns_current_thread())
        return -ENXIO;
    set_enabled(thread, (argument & enable_bit) != 0);
    return 0;
}

// The state of the process is the same on every thread, that of a thread is its own.
long answer_get(const Thread &thread)
{
    ProcessGuard process;
    if (process_lock != Lock::unlocked)
        return static_cast<long>(process_lock == Lock::enabled ? invariant_bit | enable_bit : invariant_bit);
    return thread.enabled && owns_current_thread() ? static_cast<long>(enable_bit) : 0;
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

} // namespace

long answer_prctl(unsigned long operation, unsigned long argument, unsigned long fourth, unsigned long fifth)
{
    if (settings.kernel == Kernel::none || fourth != 0 || fifth != 0)
        return -EINVAL;
    attach_current_thread();
    switch (operation) {
    case SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET:
        return argument == 0 ? answer_get(current_thread()) : -EINVAL;
    case SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET:
        return answer_set(current_thread(), argument);
    case SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES:
        if (settings.kernel != Kernel::patched || argument != 0)
            return -EINVAL;
        return static_cast<long>(supported_bits());
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
    Thread &thread = current_thread();
    if (!thread.granted || !owns_current_thread())
        return 0;
    end_slice(thread);
    arm_expiry(thread, 0);
    count(&SharedCounters::yields);
    sched_yield();
    return 1;
}

// An interrupt that finds no request does nothing: whether somebody else wants the CPU is known to the real scheduler
// alone, and it reschedules by itself.
void interrupt_thread()
{
    Thread &thread = current_thread();
    if (thread.id == 0)
        return;
    count(&SharedCounters::ticks);
    if (thread.granted) {
        end_slice(thread);
        arm_expiry(thread, 0);
        count(&SharedCounters::revoked);
        sched_yield();
    } else if (thread.enabled && __atomic_load_n(&thread.area->slice_request, __ATOMIC_RELAXED) != 0) {
        grant_slice(thread);
    }
}

void expire_slice()
{
    Thread &thread = current_thread();
    // The signal may have been on its way when the thread yielded, and even have met the next slice.
    if (!thread.granted || monotonic_ns() < thread.slice_end_ns)
        return;
    end_slice(thread);
    count(&SharedCounters::expired);
    sched_yield();
}

void find_yield_hook()
{
    yield_hook = reinterpret_cast<YieldHook>(dlsym(RTLD_DEFAULT, "slicepatch_sim_on_yield"));
}

} // namespace slicepatch::sim
