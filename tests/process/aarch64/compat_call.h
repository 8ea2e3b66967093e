/* SPDX-License-Identifier: MIT */
/* A system call by the interface of 32-bit programs, which a 64-bit one cannot make here: SVC says AArch64 in it. */
#ifndef SLICEPATCH_TESTS_COMPAT_CALL_H
#define SLICEPATCH_TESTS_COMPAT_CALL_H

#include <errno.h>

/* The answer or -errno; the other arguments are 0. */
static inline long compat_call(unsigned number, unsigned first, unsigned second, unsigned third)
{
    (void)number;
    (void)first;
    (void)second;
    (void)third;
    return -ENOSYS;
}

#endif
