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
             "leaq 7b(%%rip), %%rax\n"
             "movq %%rax, 8(%[area])\n"
             "1:\n"
             "4: subq $1, %%rcx\n"
             "jnz 4b\n"
             "2:\n"
             "movq $0, 8(%[area])\n"
             "jmp %l[finished]\n"
             ".byte 0x0f, 0xb9, 0x3d\n"
             ".long 0x53053053\n"
             "3:\n"
             :
             : [area] "r"(area), "c"(rounds)
             : "memory", "cc", "rax"
             : finished);
    return false;
finished:
    return true;
}

#endif
