/* SPDX-License-Identifier: MIT */
/* Code for records that lie: compiled forms at places where a site may be, may not be, or cannot be. */
#ifndef SLICEPATCH_TESTS_HOSTILE_TEXT_H
#define SLICEPATCH_TESTS_HOSTILE_TEXT_H

#define ENTER_BYTES "b hostile_cold\n mrs x16, tpidr_el0\n nop\n mov w17, #1\n nop\n"
#define EXIT_BYTES "b hostile_cold\n mrs x16, tpidr_el0\n nop\n nop\n nop\n cbz w16, . + 8\n b hostile_cold\n"

/*
 * hostile_late lies where the EXIT before it still goes on. No assembler puts an instruction where none can be: what is
 * misaligned is the name of the middle of one.
 */
// clang-format off
#define HOSTILE_TEXT \
    ".balign 4\n" \
    "hostile_enter:\n" ENTER_BYTES \
    ".set hostile_misaligned, hostile_code + 2\n" \
    "hostile_exit:\n" EXIT_BYTES \
    ".set hostile_late, hostile_exit + 8\n" \
    "hostile_code: .fill 8, 4, 0xd503201f\n" \
    "hostile_cold: ret\n"
// clang-format on

#endif
