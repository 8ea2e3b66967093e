/* SPDX-License-Identifier: MIT */
/*
 * What SLICEPATCH_ARCH_COUNT calls: counters in rax, place in rcx, seen in r11. A C function behind it, and all
 * registers are as they were, but for those that the function does not use (patcher/library/outcomes/count.cpp).
 */
#ifdef __CET__
#include <cet.h>
#else
#define _CET_ENDBR
#endif
        .section .note.GNU-stack, "", @progbits
        .text
        .globl  slicepatch_count_entry
        .hidden slicepatch_count_entry
        .hidden slicepatch_count_exit
        .type   slicepatch_count_entry, @function
        .balign 16
slicepatch_count_entry:
        .cfi_startproc
        _CET_ENDBR
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        andq    $-16, %rsp
        movq    %rax, %rdi
        movq    %rcx, %rsi
        movq    %r11, %rdx
        call    slicepatch_count_exit
        leaq    -72(%rbp), %rsp
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   slicepatch_count_entry, . - slicepatch_count_entry
