// SPDX-License-Identifier: MIT
// Four threads, one counter, one spinlock: the lock asks for a longer time slice by itself.
#include <slicepatch/slicepatch.hpp>

#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

static slicepatch::spinlock lock;
static long counter;

static void work()
{
    for (int i = 0; i < 1'000'000; i++) {
        const std::lock_guard guard(lock); // requests an extension, takes the lock; releases it, ends the request
        counter++;
    }
}

int main()
{
    slicepatch_report report = {};
    report.size = sizeof report;
    const int error = slicepatch_init(nullptr, &report); // rewrites the lock's code, once and for all

    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back(work);
    for (std::thread &thread : threads)
        thread.join();

    std::cout << "counter: " << counter << '\n'
              << report.enabled << " of " << report.sites << " sites enabled: " << report.reason << '\n';
    return error != 0 || counter != 4'000'000;
}
