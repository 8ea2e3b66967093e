// SPDX-License-Identifier: MIT
//
// sequences SECONDS: enables the extension, and is interrupted in restartable sequences all the time.
#include "section.h"

#include "sequence.h"

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

// More threads than processors, so that they are preempted as well as signalled.
static constexpr int threads_count = 4;

int main(int argc, char **argv)
{
    CHECK_THAT(argc == 2);
    double end = seconds_now() + atof(argv[1]);
    std::atomic<unsigned long> aborts = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < threads_count; i++) {
        threads.emplace_back([&] {
            CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
            tally tally = {0, 0};
            while (seconds_now() < end) {
                for (int round = 0; round < 100; round++)
                    aborts += run_sequence(this_area(), 5000) ? 0 : 1;
                run_section(20000, &tally);
            }
            check_nothing_left();
        });
    }
    for (std::thread &thread : threads)
        thread.join();
    CHECK_THAT(aborts > 0); // otherwise nothing was tried
    return 0;
}
