// SPDX-License-Identifier: MIT
//
// Thousands of threads, one after the other and a few at a time: what each needs from the kernel is given back.
#include "section.h"

#include <sys/resource.h>
#include <thread>
#include <vector>

static void enable_and_leave()
{
    CHECK_THAT(this_area()->slice_request == 0 && this_area()->slice_granted == 0);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 0); // the memory of a thread that was enabled
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    this_area()->slice_request = 1; // rudely, at the end of the thread
}

int main()
{
    // A timer counts as a pending signal.
    rlimit few = {64, 64};
    CHECK_THAT(setrlimit(RLIMIT_SIGPENDING, &few) == 0);
    for (int round = 0; round < 500; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; i++)
            threads.emplace_back(enable_and_leave);
        for (std::thread &thread : threads)
            thread.join();
    }
    return 0;
}
