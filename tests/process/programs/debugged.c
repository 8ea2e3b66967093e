/* SPDX-License-Identifier: MIT */
/* Compiled with SLICEPATCH_DEBUG, as C and as C++: each argument is something that a program does right or wrong. */
#include "debugged.h"

#include <slicepatch/slicepatch.h>

#include <stdio.h>
#include <string.h>

static void use_well(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    SLICEPATCH_ENTER_AS("other");
    SLICEPATCH_EXIT_AS("other");
}

static void nest(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_ENTER_AS("inner"); /* the line that is named: see NESTED_LINE */
    SLICEPATCH_EXIT_AS("inner");
    SLICEPATCH_EXIT();
}

static void leave_twice(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
    SLICEPATCH_EXIT(); /* the line that is named: see LEFT_LINE */
}

static void nest_outermost(void)
{
    SLICEPATCH_ENTER_OUTERMOST();
    SLICEPATCH_ENTER_OUTERMOST();
    leave_outermost_elsewhere();
    SLICEPATCH_EXIT_OUTERMOST();
}

static void hand_over(void)
{
    SLICEPATCH_ENTER_AS("handed over");
    leave_elsewhere();
}

static void nest_in_outermost(void)
{
    SLICEPATCH_ENTER_OUTERMOST();
    SLICEPATCH_ENTER(); /* the line that is named: see MIXED_LINE */
    SLICEPATCH_EXIT();
    SLICEPATCH_EXIT_OUTERMOST();
}

static void leave_outermost_alone(void)
{
    SLICEPATCH_EXIT_OUTERMOST(); /* the line that is named: see ALONE_LINE */
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } uses[] = {{"well", use_well},
                {"nest", nest},
                {"leave-twice", leave_twice},
                {"outermost", nest_outermost},
                {"hand-over", hand_over},
                {"mixed", nest_in_outermost},
                {"leave-alone", leave_outermost_alone}};
    if (slicepatch_init(NULL, NULL))
        return 2;
    for (int i = 1; i < count; ++i)
        for (size_t use = 0; use < sizeof uses / sizeof *uses; ++use)
            if (!strcmp(words[i], uses[use].name))
                uses[use].run();
    printf("done=yes\n");
    return 0;
}
