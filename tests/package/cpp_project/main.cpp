// SPDX-License-Identifier: MIT
//
// Counts under a slicepatch::spinlock on two threads, and prints the count and what init says.
#include <slicepatch/slicepatch.hpp>

#include <cstdio>
#include <mutex>
#include <thread>

int main()
{
    slicepatch_report report{};
    report.size = sizeof report;
    const int answer = slicepatch_init(nullptr, &report);
    slicepatch::spinlock lock;
    unsigned long counter = 0;
    const auto count = [&] {
        for (int i = 0; i < 10000; ++i) {
            const std::lock_guard guard(lock);
            ++counter;
        }
    };
    std::thread thread(count);
    count();
    thread.join();
    std::printf("answer %d, counter %lu, compiled %u\n", answer, counter, report.compiled);
    return report.sites == 0;
}
