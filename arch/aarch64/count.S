/* SPDX-License-Identifier: MIT */
/*
 * What SLICEPATCH_ARCH_COUNT calls, with counters, place and seen in x0 to x2. A C function behind it, and all registers
 * are as they were but x16 and x17, and those that the function does not use
 * (patcher/library/outcomes/count.cpp).
 */
        .section .note.GNU-stack, "", @progbits
#ifdef __ARM_FEATURE_BTI_DEFAULT
/* The note that landing pads are where they have to be, and return addresses signed. */
        .section .note.gnu.property, "a", @note
        .balign 8
        .word   4, 16, 5                /* sizes of owner and descriptor; NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .word   0xc0000000, 4, 3, 0     /* GNU_PROPERTY_AARCH64_FEATURE_1_AND, size: BTI | PAC, padding */
#endif
        .text
        .globl  slicepatch_count_entry
        .hidden slicepatch_count_entry
        .hidden slicepatch_count_exit
        .type   slicepatch_count_entry, @function
        .balign 16
slicepatch_count_entry:
        .cfi_startproc
        hint    #25                     /* paciasp, which is a landing pad too; a no-op where there is neither */
        .cfi_negate_ra_state
        stp     x29, x30, [sp, #-176]!
        .cfi_def_cfa_offset 176
        .cfi_offset x29, -176
        .cfi_offset x30, -168
        mov     x29, sp
        stp     x0, x1, [sp, #16]
        stp     x2, x3, [sp, #32]
        stp     x4, x5, [sp, #48]
        stp     x6, x7, [sp, #64]
        stp     x8, x9, [sp, #80]
        stp     x10, x11, [sp, #96]
        stp     x12, x13, [sp, #112]
        stp     x14, x15, [sp, #128]
        str     x18, [sp, #144]
        bl      slicepatch_count_exit
        ldp     x0, x1, [sp, #16]
        ldp     x2, x3, [sp, #32]
        ldp     x4, x5, [sp, #48]
        ldp     x6, x7, [sp, #64]
        ldp     x8, x9, [sp, #80]
        ldp     x10, x11, [sp, #96]
        ldp     x12, x13, [sp, #112]
        ldp     x14, x15, [sp, #128]
        ldr     x18, [sp, #144]
        ldp     x29, x30, [sp], #176
        .cfi_restore x29
        .cfi_restore x30
        .cfi_def_cfa_offset 0
        hint    #29                     /* autiasp */
        .cfi_negate_ra_state
        ret
        .cfi_endproc
        .size   slicepatch_count_entry, . - slicepatch_count_entry
