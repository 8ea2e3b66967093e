/* SPDX-License-Identifier: MIT */
/* Sites of every kind, with and without a label. sample.h of the tests says what is in here. */
#include <slicepatch/slicepatch.h>

static volatile int lock;

__attribute__((noinline)) void without_label(void)
{
    SLICEPATCH_ENTER();
    lock = 1;
    lock = 0;
    SLICEPATCH_EXIT();
}

__attribute__((noinline)) void with_label(void)
{
    SLICEPATCH_ENTER_AS("sample.lock");
    lock = 1;
    lock = 0;
    SLICEPATCH_EXIT_AS("sample.lock");
}

__attribute__((noinline)) int chooses(void)
{
    return slicepatch_enabled_as("sample.branch");
}

#ifndef SAMPLE_LIVE
int main(void)
{
    without_label();
    with_label();
    return chooses();
}
#endif
