/* SPDX-License-Identifier: MIT */
/*
 * The depth of the outermost forms, in an rseq area of this program's own: what is asked for, and what is left behind
 * where one thread enters and another leaves. Compiled as C and as C++; sites stay as compiled.
 */
#include <slicepatch/slicepatch.h>

#include <stdio.h>

static __thread union {
    struct slicepatch_rseq rseq;
    unsigned char bytes[sizeof(struct slicepatch_rseq)];
} area;
static int failures;

static void expect(const char *what, unsigned request, unsigned depth)
{
    if (area.rseq.slice_request == request && slicepatch_depth_ == depth)
        return;
    printf("%s: request %u and depth %u, should be %u and %u\n", what, area.rseq.slice_request, slicepatch_depth_,
           request, depth);
    ++failures;
}

/* What the kernel does to a request: it grants a longer slice, and in the end preempts. */
static void grant(void)
{
    area.rseq.slice_request = 0;
    area.rseq.slice_granted = 1;
}

static void preempt(void)
{
    area.rseq.slice_request = 0;
    area.rseq.slice_granted = 0;
}

static void nest(void)
{
    SLICEPATCH_ENTER_OUTERMOST();
    expect("after the outer ENTER", 1, 1);
    SLICEPATCH_ENTER_OUTERMOST();
    expect("after the inner ENTER", 1, 2);
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after the inner EXIT", 1, 1);
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after the outer EXIT", 0, 0);
}

static void release_what_others_took(void)
{
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after an EXIT without ENTER", 0, 0);
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after another", 0, 0);
    nest();
}

static void take_what_others_release(void)
{
    SLICEPATCH_ENTER_OUTERMOST();
    SLICEPATCH_ENTER_OUTERMOST();
    expect("while the request of a lock that was handed over stands", 1, 2);
    preempt();
    SLICEPATCH_ENTER_OUTERMOST();
    expect("after the ENTER behind it", 1, 1);
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after its EXIT", 0, 0);
    nest();
}

static void nest_in_a_grant(void)
{
    SLICEPATCH_ENTER_OUTERMOST();
    grant();
    SLICEPATCH_ENTER_OUTERMOST();
    expect("after an ENTER in a granted slice", 0, 2);
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after its EXIT", 0, 1);
    preempt();
    SLICEPATCH_ENTER_OUTERMOST();
    expect("after an ENTER behind a granted slice", 1, 1);
    SLICEPATCH_EXIT_OUTERMOST();
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after all EXITs", 0, 0);
    nest();
}

/* Where nobody is enabled there is nothing to start anew for. */
static void nest_without_extensions(void)
{
    area.rseq.flags = 0;
    SLICEPATCH_ENTER_OUTERMOST();
    SLICEPATCH_ENTER_OUTERMOST();
    expect("after two ENTERs that ask for nothing", 0, 2);
    SLICEPATCH_EXIT_OUTERMOST();
    SLICEPATCH_EXIT_OUTERMOST();
    expect("after their EXITs", 0, 0);
    area.rseq.flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED;
}

/* All forms are expressions. */
static int choose(int which)
{
    which ? SLICEPATCH_ENTER_OUTERMOST() : SLICEPATCH_ENTER_OUTERMOST_AS("other");
    return (SLICEPATCH_EXIT_OUTERMOST(), SLICEPATCH_EXIT_OUTERMOST_AS("other"), which);
}

int main(void)
{
    slicepatch_object.rseq_offset = (int64_t)((unsigned long)&area - SLICEPATCH_ARCH_THREAD_POINTER());
    area.rseq.flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED;
    nest();
    release_what_others_took();
    take_what_others_release();
    nest_in_a_grant();
    nest_without_extensions();
    expect("after the forms as expressions", (unsigned)choose(0), 0);
    return failures != 0;
}
