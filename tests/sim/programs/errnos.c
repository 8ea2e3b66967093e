/* SPDX-License-Identifier: MIT */
/* errnos KERNEL: every answer of an unlocked process. */
#include "section.h"

#include <string.h>

struct row {
    unsigned long operation, argument, fourth, fifth;
    long stock, patched, off; /* the answer: a result, or -errno */
};

#define UNKNOWN_BIT 0x8UL
#define INVALID (-EINVAL)
#define UNSUPPORTED (-SLICEPATCH_ENOTSUPP)

/* SET is undone by the row after it, so that each row starts from the same state. */
static const struct row table[] = {
    {OPERATION_GET, 0, 0, 0, 0, 0, 0},
    {OPERATION_GET, 1, 0, 0, INVALID, INVALID, INVALID},
    {OPERATION_GET, 0, 1, 0, INVALID, INVALID, INVALID},
    {OPERATION_GET, 0, 0, 1, INVALID, INVALID, INVALID},
    {OPERATION_SET, 0, 0, 0, 0, 0, UNSUPPORTED},
    {OPERATION_SET, BIT_ENABLE, 0, 0, 0, 0, UNSUPPORTED},
    {OPERATION_GET, 0, 0, 0, 1, 1, 0},
    {OPERATION_SET, BIT_ENABLE, 0, 0, 0, 0, UNSUPPORTED},
    {OPERATION_SET, 0, 0, 0, 0, 0, UNSUPPORTED},
    {OPERATION_GET, 0, 0, 0, 0, 0, 0},
    {OPERATION_SET, BIT_ENABLE, 1, 0, INVALID, INVALID, INVALID},
    {OPERATION_SET, BIT_ENABLE, 0, 1, INVALID, INVALID, INVALID},
    {OPERATION_SET, UNKNOWN_BIT, 0, 0, INVALID, INVALID, INVALID},
    {OPERATION_SET, BIT_ENABLE | UNKNOWN_BIT, 0, 0, INVALID, INVALID, INVALID},
    {OPERATION_SET, BIT_INVARIANT | UNKNOWN_BIT, 0, 0, INVALID, INVALID, INVALID},
    /* A kernel that is switched off has the series as well, and says so by an answer other than EINVAL. */
    {OPERATION_SET, BIT_INVARIANT, 1, 0, INVALID, INVALID, INVALID},
    {OPERATION_SET, 1UL << 32, 0, 0, INVALID, INVALID, INVALID},
    {OPERATION_FEATURES, 0, 0, 0, INVALID, (long)(BIT_ENABLE | BIT_INVARIANT), 0},
    {OPERATION_FEATURES, 1, 0, 0, INVALID, INVALID, INVALID},
    {OPERATION_FEATURES, 0, 1, 0, INVALID, INVALID, INVALID},
    {0, 0, 0, 0, INVALID, INVALID, INVALID},
    {3, 0, 0, 0, INVALID, INVALID, INVALID},
    {OPERATION_GET, 0, 0, 0, 0, 0, 0},
};

static long expected_answer(const struct row *row, const char *kernel)
{
    if (strcmp(kernel, "none") == 0)
        return INVALID;
    if (strcmp(kernel, "off") == 0)
        return row->off;
    return strcmp(kernel, "stock") == 0 ? row->stock : row->patched;
}

int main(int argc, char **argv)
{
    CHECK_THAT(argc == 2);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct row *row = &table[i];
        long answer = syscall(SYS_prctl, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, row->operation, row->argument, row->fourth,
                              row->fifth);
        if (answer < 0)
            answer = -errno;
        if (answer != expected_answer(row, argv[1])) {
            fprintf(stderr, "row %zu: %ld, not %ld\n", i, answer, expected_answer(row, argv[1]));
            return 1;
        }
    }
    /* Outside of a slice the yield has nothing to end. */
    errno = 0;
    long yielded = syscall(SLICEPATCH_NR_RSEQ_SLICE_YIELD);
    if (strcmp(argv[1], "none") == 0)
        CHECK_THAT(yielded == -1 && errno == ENOSYS);
    else
        CHECK_THAT(yielded == 0 && errno == 0);
    /* Other calls of prctl reach the real kernel, and the one under test works through libc's function too. */
    CHECK_THAT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    if (strcmp(argv[1], "patched") == 0)
        CHECK_THAT(prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, OPERATION_FEATURES, 0, 0, 0) ==
                   (int)(BIT_ENABLE | BIT_INVARIANT));
    return 0;
}
