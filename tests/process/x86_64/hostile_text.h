/* SPDX-License-Identifier: MIT */
/* Code for records that lie: compiled forms at places where a site may be, may not be, or cannot be. */
#ifndef SLICEPATCH_TESTS_HOSTILE_TEXT_H
#define SLICEPATCH_TESTS_HOSTILE_TEXT_H

#define ENTER_BYTES ".byte 0xe9\n .long hostile_cold - . - 4\n .byte 0x0f, 0x1f, 0x40, 0x01\n"
#define EXIT_BYTES \
    ".byte 0xe9\n .long hostile_cold - . - 4\n .byte 0x0f, 0x1f, 0x00, 0x0f, 0x83\n .long hostile_cold - . - 4\n"

/* hostile_late lies where the EXIT before it still goes on; its own bytes are right as far as they go. */
// clang-format off
#define HOSTILE_TEXT \
    ".balign 8\n" \
    "hostile_enter:\n" ENTER_BYTES \
    ".fill 3, 1, 0x90\n" \
    "hostile_misaligned:\n" ENTER_BYTES \
    ".fill 3, 1, 0x90\n" \
    "hostile_exit:\n" EXIT_BYTES \
    ".set hostile_late, hostile_exit + 8\n" \
    ".fill 2, 1, 0x90\n" \
    "hostile_code: .fill 16, 1, 0x90\n" \
    "hostile_cold: ret\n"
// clang-format on

#endif
