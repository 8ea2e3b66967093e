/* SPDX-License-Identifier: MIT */
/*
 * The nine forms once more, as the assembler that builds this file writes them: the second opinion on what AsmJit
 * encodes. One entry (struct Witness, witness.cpp) per kind and state, in that order.
 */
        .section .note.GNU-stack, "", @progbits
#ifdef __CET__
#include <cet.h> /* the note that landing pads are where they have to be: there is no code here */
#endif

/*
 * An entry starts with four bytes: the size of the form, and where the 4-byte operands end that differ from site to site:
 * two jumps and one displacement, 0 if there is none.
 */
        .section .rodata.slicepatch_witness, "a", @progbits
        .globl  slicepatch_x86_64_witness
        .hidden slicepatch_x86_64_witness
        .type   slicepatch_x86_64_witness, @object
        .balign 32
slicepatch_x86_64_witness:

/* ENTER: compiled, enabled, off */
        .byte   9f - 8f, 1f - 8f, 0, 0
8:      jmp     slicepatch_x86_64_witness_target
1:      nopl    1(%rax)
9:      .balign 32
        .byte   9f - 8f, 0, 0, 9f - 8f - 1
8:      movb    $1, %fs:0
9:      .balign 32
        .byte   9f - 8f, 0, 0, 0
8:      nopw    0x01000000(%rax,%rax,1)
9:      .balign 32

/* EXIT: compiled, enabled, off */
        .byte   9f - 8f, 1f - 8f, 2f - 8f, 0
8:      jmp     slicepatch_x86_64_witness_target
1:      nopl    (%rax)
        jnc     slicepatch_x86_64_witness_target
2:
9:      .balign 32
        .byte   9f - 8f, 2f - 8f, 0, 1f - 8f
8:      shrb    $1, %fs:0
1:      jnc     slicepatch_x86_64_witness_target
2:
9:      .balign 32
        .byte   9f - 8f, 0, 0, 0
8:      nopl    0x01000000(%rax,%rax,1)
        nopw    0x40(%rax,%rax,1)
9:      .balign 32

/* BRANCH: compiled, enabled, off */
        .byte   9f - 8f, 1f - 8f, 0, 0
8:      jmp     slicepatch_x86_64_witness_target
1:      nopl    (%rax)
9:      .balign 32
        .byte   9f - 8f, 1f - 8f, 0, 0
8:      jmp     slicepatch_x86_64_witness_target
1:      nopl    (%rax)
9:      .balign 32
        .byte   9f - 8f, 0, 0, 0
8:      nopl    0x01000000(%rax,%rax,1)
9:      .balign 32
        .size   slicepatch_x86_64_witness, . - slicepatch_x86_64_witness

/* In a section of its own, so that no jump to it can be relaxed. */
        .section .rodata.slicepatch_witness_target, "a", @progbits
slicepatch_x86_64_witness_target:
        .byte   0
