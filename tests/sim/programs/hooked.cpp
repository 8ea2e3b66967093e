// SPDX-License-Identifier: MIT
//
// The hook sees each yield before the slice ends; a lock that is held there would be a misplaced exit.
#include "section.h"

static volatile bool lock_held = false;
static volatile unsigned long hook_calls = 0;
static volatile unsigned long hook_slices = 0; // that had not ended yet

extern "C" __attribute__((visibility("default"))) void slicepatch_sim_on_yield(void)
{
    CHECK_THAT(!lock_held);
    hook_calls = hook_calls + 1;
    hook_slices = hook_slices + this_area()->slice_granted;
}

int main()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    volatile slicepatch_rseq *area = this_area();
    double end = seconds_now() + deadline_seconds;
    unsigned long calls = 0, yields = 0; // a slice may expire between the look at it and the call
    while (yields < 20 && seconds_now() < end) {
        area->slice_request = 1;
        lock_held = true;
        spin(20000);
        lock_held = false;
        area->slice_request = 0;
        if (area->slice_granted) {
            calls++;
            yields += syscall(SLICEPATCH_NR_RSEQ_SLICE_YIELD) == 1;
        }
    }
    CHECK_THAT(yields == 20);
    CHECK_THAT(hook_calls == calls);
    CHECK_THAT(hook_slices == yields);
    return 0;
}
