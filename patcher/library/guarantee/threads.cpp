// SPDX-License-Identifier: MIT
#include "threads.h"

#include "patcher/library/base/memory_owner.h"
#include "area.h"
#include "kernel.h"

#include <slicepatch/slicepatch.h>

#include <algorithm>
#include <atomic>
#include <pthread.h>
#include <time.h>

namespace slicepatch {

namespace {

std::atomic<std::uint32_t> enabled_count{0};
std::atomic<std::uint32_t> missed_count{0};
// initial-exec: a signal handler reads it, and the first access of a dynamic one may allocate.
__attribute__((tls_model("initial-exec"))) thread_local bool this_thread_counted = false;

// One word, so that "now new threads enable themselves" can be said of a moment at which no thread was starting, and
// which of them the kernel has counted is certain:
//   bits 0 to 23   threads that are starting: from before the kernel can count them until they know whether to enable
//                  themselves. Linux has no more than 4 million (PID_MAX_LIMIT)
//   bit 24         new threads enable themselves
//   bits 25 to 63  how many have begun to start; may overflow
constexpr std::uint64_t one_starting = 1, starting_mask = (1 << 24) - 1, enabling = 1 << 24, one_change = 1 << 25;
std::atomic<std::uint64_t> starts{0};

/// Unknown stays unknown, and there are never fewer than none: who enables itself may have started later, unseen.
void change_missed(int by)
{
    std::uint32_t missed = missed_count.load();
    while (missed != SLICEPATCH_THREADS_UNKNOWN && (by > 0 || missed) &&
           !missed_count.compare_exchange_weak(missed, missed + static_cast<std::uint32_t>(by)))
        ;
}

/// Whether new threads enabled themselves already.
bool begin_start()
{
    return starts.fetch_add(one_change + one_starting) & enabling;
}

/// Whether they do so now. In the child of a fork, who was starting in its parent is forgotten.
bool end_start()
{
    std::uint64_t seen = starts.load();
    while (!starts.compare_exchange_weak(seen, seen - (seen & starting_mask ? one_starting : 0)))
        ;
    return seen & enabling;
}

/// Enables the calling thread. newly: it was not counted before. A guest in this memory is no thread of this process;
/// what was started here is none, and asks nothing that a late sandbox might kill for.
int enable_and_count(bool was_started_here, bool &newly)
{
    const int answer = enable_thread_area();
    newly = answer == 0 && !this_thread_counted && (was_started_here || !shares_memory());
    if (newly) {
        this_thread_counted = true;
        enabled_count.fetch_add(1);
    }
    return answer;
}

/// What the threads of the process are, without those that have enabled themselves. Some of these may have ended since:
/// then others are taken for them.
std::uint32_t count_missed(unsigned tasks)
{
    if (!tasks)
        return SLICEPATCH_THREADS_UNKNOWN;
    const std::uint32_t living = tasks - (tasks > 1 && first_task_has_ended());
    return living - std::min(living, enabled_count.load());
}

/// One thread is all that a child has; what is counted of others is its parent's.
void forget_others()
{
    const bool missed = starts.load() & enabling && !this_thread_counted;
    enabled_count.store(this_thread_counted);
    missed_count.store(missed);
    starts.fetch_and(~starting_mask);
}

[[gnu::constructor(101)]] void watch_forks()
{
    (void)pthread_atfork(nullptr, nullptr, forget_others);
}

} // namespace

int enable_this_thread()
{
    // As if it were starting: it is counted before new threads enable themselves, and not missed then; or afterwards.
    const bool may_be_missed = begin_start();
    bool newly = false;
    const int answer = enable_and_count(false, newly);
    (void)end_start();
    if (newly && may_be_missed)
        change_missed(-1);
    return answer;
}

void begin_thread_start()
{
    (void)begin_start();
}

void fail_thread_start()
{
    (void)end_start();
}

void enable_started_thread()
{
    bool newly = false;
    if (end_start() && enable_and_count(true, newly) != 0)
        change_missed(1);
}

void enable_threads()
{
    (void)enable_this_thread(); // the guarantee has just done so: this counts it
    // There is a second look only while a thread is starting, and in the end no count: after 0.2 s, or somewhat more
    // where the pauses last longer.
    constexpr unsigned looks = 2000;
    constexpr timespec pause{0, 100'000};
    for (unsigned look = 0; look < looks; ++look) {
        std::uint64_t seen = starts.load();
        if (seen & enabling)
            return;
        const unsigned tasks = count_tasks();
        missed_count.store(count_missed(tasks));                 // nobody else changes it before the next line
        const bool starting = tasks > 1 && seen & starting_mask; // one thread has no other that starts one
        if (!starting && starts.compare_exchange_strong(seen, seen | enabling))
            return;
        nanosleep(&pause, nullptr);
    }
    missed_count.store(SLICEPATCH_THREADS_UNKNOWN);
    starts.fetch_or(enabling);
}

ThreadCounts count_threads()
{
    const std::uint32_t missed = missed_count.load();
    // Threads that do not pass through us may start at any time.
    const bool unseen = starts.load() & enabling && !threads_are_hooked();
    return {enabled_count.load(), unseen ? SLICEPATCH_THREADS_UNKNOWN : missed};
}

} // namespace slicepatch
