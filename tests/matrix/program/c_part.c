/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <slicepatch/slicepatch.h>

static volatile unsigned long counter;

/* The first one, with which a linker might drop what it has merged with others. */
void never_called_in_c(void)
{
    SLICEPATCH_ENTER_AS("unused");
    counter = counter + 1;
    SLICEPATCH_EXIT_AS("unused");
}

static void plain(void)
{
    SLICEPATCH_ENTER();
    counter = counter + 1;
    SLICEPATCH_EXIT();
}

/* Not static: those gcc puts first. */
__attribute__((noinline, visibility("hidden"))) void labelled(void)
{
    SLICEPATCH_ENTER_AS("c_part");
    counter = counter + 1;
    SLICEPATCH_EXIT_AS("c_part");
}

static void outermost(void)
{
    SLICEPATCH_ENTER_OUTERMOST();
    counter = counter + 1;
    SLICEPATCH_EXIT_OUTERMOST();
}

unsigned long run_c_part(unsigned long times)
{
    for (unsigned long i = 0; i < times; ++i) {
        plain();
        labelled();
        outermost();
        if (slicepatch_enabled_as("c_part"))
            plain();
        else
            labelled();
    }
    return counter / 4;
}
