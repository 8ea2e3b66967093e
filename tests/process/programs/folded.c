/* SPDX-License-Identifier: MIT */
/*
 * Sections that enter in one function and leave in another, of two labels with equal EXITs; and functions that are
 * equal. A linker may fold them (--icf=all). Prints what init did with a selection, and what the sections of the second
 * label leave behind.
 *   FOLDED_UNSEEN    as a header without the line that keeps labels apart would have it
 *   FOLDED_BY_HAND   as lld leaves that: one EXIT for both labels, whose record tells one
 */
#include <slicepatch/slicepatch.h>

#include <stdio.h>

#ifdef FOLDED_UNSEEN
#undef SLICEPATCH_LABEL_TEXT_
#define SLICEPATCH_LABEL_TEXT_(label) \
    ".pushsection .rodata.slicepatch_strings, \"aMS\", @progbits, 1\n" \
    ".Lslicepatch_label%=: .asciz \"" label "\"\n" \
    ".popsection\n"
#endif

#define COUNTED 6 /* two runs of three functions */
static volatile unsigned long counter, others;

__attribute__((noinline)) static void enter_x(void)
{
    SLICEPATCH_ENTER_AS("x");
    ++counter;
}

__attribute__((noinline)) static void exit_x(void)
{
    ++counter;
    SLICEPATCH_EXIT_AS("x");
}

__attribute__((noinline)) static void enter_y(void)
{
    SLICEPATCH_ENTER_AS("y");
    ++others;
}

#ifdef FOLDED_BY_HAND
#define exit_y exit_x
#else
__attribute__((noinline)) static void exit_y(void)
{
    ++counter;
    SLICEPATCH_EXIT_AS("y");
}
#endif

#define EQUAL(name) \
    __attribute__((noinline)) static void name(void) \
    { \
        SLICEPATCH_ENTER(); \
        ++others; \
        SLICEPATCH_EXIT(); \
    }
EQUAL(equal_one)
EQUAL(equal_two)

__attribute__((noinline)) static int choose_x(void)
{
    return slicepatch_enabled_as("x");
}

__attribute__((noinline)) static int choose_y(void)
{
    return slicepatch_enabled_as("y");
}

static void run(void)
{
    enter_x();
    exit_x();
    enter_y();
    exit_y();
    equal_one();
    equal_two();
}

static int visit(const struct slicepatch_site_info *site, void *data)
{
    static const char *const kinds[] = {"", "enter", "exit", "branch"};
    static const char *const states[] = {"compiled", "enabled", "off", "foreign"};

    (void)data;
    printf("%s_%s=%s\n", kinds[site->kind], site->label ? site->label : "equal", states[site->state]);
    return 0;
}

int main(int count, char **words)
{
    struct slicepatch_options options = {.size = sizeof options, .sites = count > 1 ? words[1] : NULL};
    struct slicepatch_report report = {.size = sizeof report};

    run();
    printf("answer=%d\n", slicepatch_init(&options, &report));
    run();
    slicepatch_for_each_site(visit, NULL);
    printf("guarantee=%d\nsites=%u\nenabled=%u\noff=%u\ncompiled=%u\nfailure=%s\nrequest=%d\nchosen=%d\n",
           (int)report.guarantee, report.sites, report.enabled, report.off, report.compiled, report.failure,
           slicepatch_rseq_() ? slicepatch_rseq_()->slice_request : 0, choose_x() + choose_y());
    return counter == COUNTED && others == 6 ? 0 : 1;
}
