/* SPDX-License-Identifier: MIT */
/* A system call by the interface of 32-bit programs, which any program can use. */
#ifndef SLICEPATCH_TESTS_COMPAT_CALL_H
#define SLICEPATCH_TESTS_COMPAT_CALL_H

/* The answer or -errno; the other arguments are 0. */
static inline long compat_call(unsigned number, unsigned first, unsigned second, unsigned third)
{
    int answer;
    __asm__ volatile("int $0x80"
                     : "=a"(answer)
                     : "a"(number), "b"(first), "c"(second), "d"(third), "S"(0), "D"(0)
                     : "memory", "cc", "r8", "r9", "r10", "r11");
    return answer;
}

#endif
