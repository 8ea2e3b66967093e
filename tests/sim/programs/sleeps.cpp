// SPDX-License-Identifier: MIT
//
// Sleeping calls of threads that are interrupted while they run: not one ends early.
#include "section.h"

#include <atomic>
#include <thread>

static std::atomic<bool> done = false;

static void stay_busy()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    tally tally = {0, 0};
    while (!done)
        run_section(5000, &tally);
    check_nothing_left();
}

static void sleep_and_read(int reader, int writer)
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    for (int round = 0; round < 5; round++) {
        tally tally = {0, 0};
        for (double end = seconds_now() + 0.05; seconds_now() < end;)
            run_section(5000, &tally);
        timespec pause = {0, 200000000};
        CHECK_THAT(nanosleep(&pause, nullptr) == 0);
        std::thread late([&] {
            timespec moment = {0, 50000000};
            nanosleep(&moment, nullptr);
            CHECK_THAT(write(writer, "x", 1) == 1);
        });
        char byte = 0;
        CHECK_THAT(read(reader, &byte, 1) == 1);
        late.join();
    }
}

int main()
{
    int ends[2];
    CHECK_THAT(pipe(ends) == 0);
    std::thread first(stay_busy), second(stay_busy);
    sleep_and_read(ends[0], ends[1]);
    done = true;
    first.join();
    second.join();
    return 0;
}
