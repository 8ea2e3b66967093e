// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TESTS_SIM_SEQUENCE_H
#define SLICEPATCH_TESTS_SIM_SEQUENCE_H

// A restartable sequence that counts down from rounds. False if the kernel aborted it.
__attribute__((noinline)) static bool run_sequence(volatile slicepatch_rseq *area, unsigned long rounds)
{
    asm goto(".pushsection .data.sequences, \"aw\"\n"
             ".balign 32\n"
             "7: .long 0, 0\n"
             ".quad 1f, 2f - 1f, 3f\n"
             ".popsection\n"
             "adrp x16, 7b\n"
             "add x16, x16, :lo12:7b\n"
             "mov x17, %[rounds]\n"
             "str x16, [%[area], #8]\n"
             "1:\n"
             "4: subs x17, x17, #1\n"
             "b.ne 4b\n"
             "2:\n"
             "str xzr, [%[area], #8]\n"
             "b %l[finished]\n"
             ".inst 0xd428bc00\n"
             "3:\n"
             :
             : [area] "r"(area), [rounds] "r"(rounds)
             : "memory", "cc", "x16", "x17"
             : finished);
    return false;
finished:
    return true;
}

#endif
