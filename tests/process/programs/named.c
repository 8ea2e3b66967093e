/* SPDX-License-Identifier: MIT */
/* An object with sections that are known by their functions' names alone: one is exported, one is not. */
#include <slicepatch/slicepatch.h>

static volatile unsigned long counter;

__attribute__((noinline)) static void named_inside(void)
{
    SLICEPATCH_ENTER();
    ++counter;
    SLICEPATCH_EXIT();
}

SLICEPATCH_API void named_outside(void);
__attribute__((noinline)) void named_outside(void)
{
    SLICEPATCH_ENTER();
    ++counter;
    SLICEPATCH_EXIT();
}

SLICEPATCH_API unsigned long plugin_run(unsigned long times);
unsigned long plugin_run(unsigned long times)
{
    for (unsigned long i = 0; i < times; i += 2) {
        named_inside();
        named_outside();
    }
    return counter;
}
