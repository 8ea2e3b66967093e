/* SPDX-License-Identifier: MIT */
/*
 * The forms once more, as the assembler that builds this file writes them: the second opinion on what AsmJit encodes. All
 * of them twice, first with every operand that differs from site to site or from process to process at 0, then with all
 * its bits set: what differs between the two is the operand.
 */
        .section .note.GNU-stack, "", @progbits
#ifdef __ARM_FEATURE_BTI_DEFAULT
/* The note that landing pads are where they have to be, and return addresses signed: there is no code here. */
        .section .note.gnu.property, "a", @note
        .balign 8
        .word   4, 16, 5                /* sizes of owner and descriptor; NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .word   0xc0000000, 4, 3, 0     /* GNU_PROPERTY_AARCH64_FEATURE_1_AND, size: BTI | PAC, padding */
#endif

/* Kind, state, number of slots, 0; then the slots, in room for 7 (struct Witness, witness.cpp). */
        .macro  form kind, state, slots
        .balign 32
        .byte   \kind, \state, \slots, 0
        .endm

        .macro  enter_tail_as_compiled
        mrs     x16, tpidr_el0
        nop
        mov     w17, #1
        nop
        .endm

        .macro  exit_tail_as_compiled distance
        mrs     x16, tpidr_el0
        nop
        nop
        nop
        cbz     w16, . + 8
        b       . + \distance
        .endm

        .macro  enter_enabled units:vararg
        form    1, 1, 5
        nop
        mrs     x16, tpidr_el0
        \units
        mov     w17, #1
        .endm

        .macro  exit_enabled units:vararg
        form    2, 1, 7
        nop
        mrs     x16, tpidr_el0
        \units
        .endm

        .macro  exit_enabled_end distance
        cbz     w16, . + 8
        b       . + \distance
        .endm

/* Every form, and of the enabled ones each way to reach a byte: at once, at once and negative, above, below. */
        .macro  forms distance, units, rest, signed
/* ENTER: compiled, enabled, off */
        form    1, 0, 5
        b       . + \distance
        enter_tail_as_compiled
        enter_enabled nop
        strb    w17, [x16, #\rest]
        enter_enabled nop
        sturb   w17, [x16, #\signed]
        enter_enabled add x16, x16, #\units, lsl #12
        strb    w17, [x16, #\rest]
        enter_enabled sub x16, x16, #\units, lsl #12
        strb    w17, [x16, #\rest]
        form    1, 2, 5
        b       . + 20
        enter_tail_as_compiled

/* EXIT: compiled, enabled, off */
        form    2, 0, 7
        b       . + \distance
        exit_tail_as_compiled \distance
        exit_enabled nop
        strb    wzr, [x16, #\rest]
        ldrb    w16, [x16, #\rest]
        exit_enabled_end \distance
        exit_enabled nop
        sturb   wzr, [x16, #\signed]
        ldurb   w16, [x16, #\signed]
        exit_enabled_end \distance
        exit_enabled add x16, x16, #\units, lsl #12
        strb    wzr, [x16, #\rest]
        ldrb    w16, [x16, #\rest]
        exit_enabled_end \distance
        exit_enabled sub x16, x16, #\units, lsl #12
        strb    wzr, [x16, #\rest]
        ldrb    w16, [x16, #\rest]
        exit_enabled_end \distance
        form    2, 2, 7
        b       . + 28
        exit_tail_as_compiled \distance

/* BRANCH: compiled, enabled, off */
        form    3, 0, 1
        b       . + \distance
        form    3, 1, 1
        b       . + \distance
        form    3, 2, 1
        nop
        .balign 32
        .endm

        .section .rodata.slicepatch_witness, "a", @progbits
        .globl  slicepatch_aarch64_witness
        .hidden slicepatch_aarch64_witness
        .type   slicepatch_aarch64_witness, @object
        .balign 32
slicepatch_aarch64_witness:
        forms   0, 0, 0, 0
        forms   -4, 4095, 4095, -1
        .size   slicepatch_aarch64_witness, . - slicepatch_aarch64_witness
