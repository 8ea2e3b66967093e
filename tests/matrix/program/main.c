/* SPDX-License-Identifier: MIT */
/* Runs every part as compiled and as patched, and says how many sites the library found and changed. */
#include "parts.h"

#include <slicepatch/slicepatch.h>

#include <stdio.h>

static int run_all(unsigned long times, unsigned long expected_c)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    return run_c_part(times) == expected_c && run_cpp_part(times) == times && run_other_cpp_part(times) == times;
}

int main(void)
{
    const unsigned long times = 100;
    struct slicepatch_report report = {.size = sizeof report};
    const int before = run_all(times, times);
    const int answer = slicepatch_init(NULL, &report);
    const int after = run_all(times, 2 * times); /* this part remembers */
    printf("%s %d %u %u\n", before && after ? "counted" : "lost", answer, report.sites, report.enabled + report.off);
    return 0;
}
