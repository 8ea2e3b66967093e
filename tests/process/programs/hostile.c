/* SPDX-License-Identifier: MIT */
/*
 * Linked to the subject: one table entry, or two, that no compiler made. The definition says which. Nothing that they
 * name may be written to.
 */
#include "hostile_text.h"
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__asm__(".pushsection .text.hostile, \"ax\", @progbits\n"
        ".balign 64\n"
        "hostile_text:\n"
        ".cfi_startproc\n" HOSTILE_TEXT ".cfi_endproc\n"
        ".fill 64, 1, 0x90\n" /* what is compared below is all code */
        ".popsection\n"
        ".pushsection .data.hostile, \"aw\", @progbits\n"
        ".balign 16\n" /* as compilers expect of an array */
        "hostile_data: .fill 64, 1, 0x5a\n"
        ".popsection\n"
        ".pushsection .rodata.hostile, \"a\", @progbits\n"
        "hostile_label: .asciz \"hostile\"\n"
        "hostile_file: .asciz \"hostile.c\"\n"
        ".popsection\n");

/* Each field but the last ones is a distance from itself. */
/* clang-format off */
#define RECORD(head, cold, label, file, kind, version, machine) \
    ".long " head ", " cold ", 0, " label ", " file ", 7\n" \
    ".byte " SLICEPATCH_EXPAND_(kind) ", " SLICEPATCH_EXPAND_(version) "\n" \
    ".short " SLICEPATCH_EXPAND_(machine) "\n"
/* clang-format on */
#define GOOD(head, kind) \
    RECORD(head " - .", "hostile_cold - .", "hostile_label - .", "hostile_file - .", kind, SLICEPATCH_RECORD_VERSION, \
           SLICEPATCH_ARCH_MACHINE)
#define NOWHERE "0x70000000"

#if defined(HOSTILE_NOTHING)
#define RECORDS GOOD("hostile_enter", SLICEPATCH_SITE_ENTER) GOOD("hostile_exit", SLICEPATCH_SITE_EXIT)
#elif defined(HOSTILE_IN_DATA)
#define RECORDS GOOD("hostile_data", SLICEPATCH_SITE_ENTER)
#elif defined(HOSTILE_NOWHERE)
#define RECORDS \
    RECORD(NOWHERE, "hostile_cold - .", "hostile_label - .", "hostile_file - .", SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION, SLICEPATCH_ARCH_MACHINE)
#elif defined(HOSTILE_MISALIGNED)
#define RECORDS GOOD("hostile_misaligned", SLICEPATCH_SITE_ENTER)
#elif defined(HOSTILE_OVERLAPPING)
#define RECORDS GOOD("hostile_exit", SLICEPATCH_SITE_EXIT) GOOD("hostile_late", SLICEPATCH_SITE_BRANCH)
#elif defined(HOSTILE_TWICE)
/* clang-format off */
#define RECORDS \
    GOOD("hostile_enter", SLICEPATCH_SITE_ENTER) GOOD("hostile_exit", SLICEPATCH_SITE_EXIT) \
    RECORD("hostile_enter - .", "hostile_code - .", "hostile_label - .", "hostile_file - .", SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION, SLICEPATCH_ARCH_MACHINE) \
    GOOD("hostile_exit", SLICEPATCH_SITE_EXIT)
/* clang-format on */
#elif defined(HOSTILE_CONTRADICTING)
#define RECORDS GOOD("hostile_exit", SLICEPATCH_SITE_EXIT) GOOD("hostile_exit", SLICEPATCH_SITE_ENTER)
#elif defined(HOSTILE_STALE)
#define RECORDS GOOD("hostile_code", SLICEPATCH_SITE_ENTER)
#elif defined(HOSTILE_KIND)
#define RECORDS GOOD("hostile_enter", 9)
#elif defined(HOSTILE_VERSION)
#define RECORDS \
    RECORD("hostile_enter - .", "hostile_cold - .", "hostile_label - .", "hostile_file - .", SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION + 1, SLICEPATCH_ARCH_MACHINE)
#elif defined(HOSTILE_MACHINE)
#define RECORDS \
    RECORD("hostile_enter - .", "hostile_cold - .", "hostile_label - .", "hostile_file - .", SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION, 8)
#elif defined(HOSTILE_TARGET)
#define RECORDS \
    RECORD("hostile_enter - .", "hostile_data - .", "hostile_label - .", "hostile_file - .", SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION, SLICEPATCH_ARCH_MACHINE)
#elif defined(HOSTILE_LABEL)
#define RECORDS \
    RECORD("hostile_enter - .", "hostile_cold - .", NOWHERE, "hostile_file - .", SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION, SLICEPATCH_ARCH_MACHINE)
#elif defined(HOSTILE_FILE)
#define RECORDS \
    RECORD("hostile_enter - .", "hostile_cold - .", "hostile_label - .", NOWHERE, SLICEPATCH_SITE_ENTER, \
           SLICEPATCH_RECORD_VERSION, SLICEPATCH_ARCH_MACHINE)
#endif

__asm__(".pushsection slicepatch_sites, \"a\", @progbits\n"
        ".balign 4\n" RECORDS ".popsection\n");

extern const uint8_t hostile_text[64], hostile_data[64];
static uint8_t text_before[sizeof hostile_text], data_before[sizeof hostile_data];

__attribute__((constructor)) static void remember(void)
{
    memcpy(text_before, hostile_text, sizeof hostile_text);
    memcpy(data_before, hostile_data, sizeof hostile_data);
}

__attribute__((destructor)) static void compare(void)
{
    const int same = !memcmp(text_before, hostile_text, sizeof hostile_text) &&
                     !memcmp(data_before, hostile_data, sizeof hostile_data);
    printf("hostile=%s\n", same ? "untouched" : "written");
}
