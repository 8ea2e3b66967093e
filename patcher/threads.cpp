// SPDX-License-Identifier: MIT
#include "threads.h"

#include "registration.h"

#include <atomic>
#include <cstdlib>

namespace slicepatch {

namespace {

std::atomic<bool> enabling{false};
std::atomic<unsigned> enabled_count{0};
std::atomic<unsigned> missed_count{0};
// initial-exec: a signal handler reads it, and the first access of a dynamic one may allocate.
__attribute__((tls_model("initial-exec"))) thread_local bool this_thread_counted = false;

} // namespace

int enable_this_thread()
{
    const int answer = enable_thread_area();
    if (answer == 0 && !this_thread_counted) {
        this_thread_counted = true;
        enabled_count.fetch_add(1, std::memory_order_relaxed);
    }
    return answer;
}

void enable_started_thread()
{
    // Sequentially consistent, with the store in enable_all_threads(): a thread that reads false here is in the list of
    // threads that is read after that store.
    if (!enabling.load())
        return;
    if (enable_this_thread() != 0)
        missed_count.fetch_add(1, std::memory_order_relaxed);
}

void enable_all_threads()
{
    enabling.store(true);
    (void)enable_this_thread(); // obtain_guarantee() has just done so: this counts it
    missed_count.store(signal_existing_threads(), std::memory_order_relaxed);
}

ThreadCounts count_threads()
{
    return {enabled_count.load(std::memory_order_relaxed), missed_count.load(std::memory_order_relaxed)};
}

} // namespace slicepatch
