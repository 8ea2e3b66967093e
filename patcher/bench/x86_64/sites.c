/* SPDX-License-Identifier: MIT */
/*
 * BENCH_PAIRS functions with an ENTER and an EXIT each, for what init costs in a large program: 128 bytes a function,
 * so that a page of 4 KiB has 64 sites. The assembler repeats what <slicepatch/arch/x86_64.h> and <slicepatch/site.h>
 * would write for each: a compiler would need minutes. `slicepatch verify` on the result is a test.
 *
 * A function has unwind information, since sites without a label are grouped by function.
 */
#include <slicepatch/slicepatch.h>

#ifndef BENCH_PAIRS
#error "BENCH_PAIRS: how many functions"
#endif

/* The dynamic path, for a site that was left as compiled. */
__attribute__((used, visibility("hidden"))) void bench_sites_enter(void)
{
    slicepatch_enter_dynamic_();
}

__attribute__((used, visibility("hidden"))) void bench_sites_exit(void)
{
    slicepatch_exit_dynamic_(SLICEPATCH_ARCH_COLD_ARGUMENT);
}

/* clang-format off */
__asm__(
    ".macro bench_record head, cold, kind\n"
    ".pushsection slicepatch_sites, \"a\", @progbits\n"
    ".balign 4\n"
    ".long \\head - .\n"
    ".long \\cold - .\n"
    ".long 0, 0\n"
    ".long .Lbench_file - .\n"
    ".long " SLICEPATCH_EXPAND_(__LINE__) "\n"
    ".byte \\kind, " SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_VERSION) "\n"
    ".short " SLICEPATCH_EXPAND_(SLICEPATCH_ARCH_MACHINE) "\n"
    ".popsection\n"
    ".endm\n"

    ".macro bench_cold function, back\n"
    "subq $8, %rsp\n"
    ".cfi_adjust_cfa_offset 8\n"
    "call \\function\n"
    "addq $8, %rsp\n"
    ".cfi_adjust_cfa_offset -8\n"
    "jmp \\back\n"
    ".endm\n"

    ".macro bench_pair\n"
    ".balign 128, 0xcc\n"
    ".type bench_section\\@, @function\n"
    "bench_section\\@:\n"
    ".cfi_startproc\n"
    ".Lbench_enter\\@:\n"
    ".byte 0xe9\n"
    ".long .Lbench_enter_cold\\@ - . - 4\n"
    ".byte 0x0f, 0x1f, 0x40, 0x01\n"
    ".Lbench_entered\\@:\n"
    "incl .Lbench_data(%rip)\n"
    ".balign 8\n"
    ".Lbench_exit\\@:\n"
    ".byte 0xe9\n"
    ".long .Lbench_exit_cold\\@ - . - 4\n"
    ".byte 0x0f, 0x1f, 0x00\n"
    ".byte 0x0f, 0x83\n"
    ".long .Lbench_exit_cold\\@ - . - 4\n"
    ".Lbench_exited\\@:\n"
    "ret\n"
    ".Lbench_enter_cold\\@:\n"
    "bench_cold bench_sites_enter, .Lbench_entered\\@\n"
    ".Lbench_exit_cold\\@:\n"
    "bench_cold bench_sites_exit, .Lbench_exited\\@\n"
    ".cfi_endproc\n"
    ".size bench_section\\@, . - bench_section\\@\n"
    "bench_record .Lbench_enter\\@, .Lbench_enter_cold\\@, " SLICEPATCH_EXPAND_(SLICEPATCH_SITE_ENTER) "\n"
    "bench_record .Lbench_exit\\@, .Lbench_exit_cold\\@, " SLICEPATCH_EXPAND_(SLICEPATCH_SITE_EXIT) "\n"
    ".endm\n"

    SLICEPATCH_OBJECT_TEXT_
    ".pushsection .rodata, \"a\", @progbits\n"
    ".Lbench_file: .asciz \"sites.c\"\n"
    ".popsection\n"
    ".local .Lbench_data\n"
    ".comm .Lbench_data, 4, 4\n"
    ".text\n"
    ".balign 4096, 0xcc\n"
    ".Lbench_text:\n" /* one for all records: the assembler makes a section for each symbol, and searches them */
    ".rept " SLICEPATCH_EXPAND_(BENCH_PAIRS) "\n"
    "bench_pair\n"
    ".endr\n");
/* clang-format on */
