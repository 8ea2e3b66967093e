/* SPDX-License-Identifier: MIT */
/*
 * One function in two parts: the compiler puts the retry, with an EXIT and an ENTER of its own, with other unlikely
 * code. Prints whether it did, what init did with them when one name of the function is deselected, and whether a
 * request is left behind the last EXIT.
 */
#include <slicepatch/slicepatch.h>

#include <stdio.h>

__attribute__((noinline, cold)) static void wait_a_little(void)
{
    __asm__ volatile("" ::: "memory");
}

SLICEPATCH_API void split_section(volatile int *busy);
__attribute__((noinline)) void split_section(volatile int *busy)
{
    SLICEPATCH_ENTER();
    if (*busy) {
        wait_a_little();
        SLICEPATCH_EXIT();
        wait_a_little();
        SLICEPATCH_ENTER();
        wait_a_little();
    }
    *busy = 0;
    SLICEPATCH_EXIT();
}

/* The linker puts unlikely code before the rest. */
static int is_elsewhere(const struct slicepatch_site_info *site, void *data)
{
    (void)data;
    return site->address < (uintptr_t)&split_section;
}

int main(int count, char **names)
{
    struct slicepatch_options options = {.size = sizeof options, .sites = count > 1 ? names[1] : NULL};
    struct slicepatch_report report = {.size = sizeof report};
    volatile int busy = 1;

    printf("answer=%d\n", slicepatch_init(&options, &report));
    split_section(&busy);
    printf("split=%s\nguarantee=%d\nsites=%u\nenabled=%u\noff=%u\nforeign=%u\nfailure=%s\nrequest=%d\n",
           slicepatch_for_each_site(is_elsewhere, NULL) ? "yes" : "no", (int)report.guarantee, report.sites,
           report.enabled, report.off, report.foreign, report.failure,
           slicepatch_rseq_() ? slicepatch_rseq_()->slice_request : 0);
    return 0;
}
