/* SPDX-License-Identifier: MIT */
/*
 * A shared object with a table of one site and a note that lies about it. The definition says how. Its state says the
 * same of the table as its note, as far as a distance can be the same from two places.
 */
#include "hostile_text.h"

#include <slicepatch/site.h>

#define VERSION SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_VERSION)
#define RECORD_SIZE "28"
#define START "note_table - ."
#define STOP "note_table_end - ."
#define STATE "note_state - ."
#define SIZE "4f - 3f"

#if defined(NOTE_VERSION)
#undef VERSION
#define VERSION SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_VERSION) " + 1"
#elif defined(NOTE_RECORD_SIZE)
#undef RECORD_SIZE
#define RECORD_SIZE "24"
#elif defined(NOTE_SHORT)
#undef SIZE
#define SIZE "16"
#elif defined(NOTE_ELSEWHERE)
#undef START
#define START "0x70000000"
#undef STOP
#define STOP "0x70000018"
#elif defined(NOTE_REVERSED)
#undef START
#define START "note_table_end - ."
#undef STOP
#define STOP "note_table - ."
#elif defined(NOTE_RAGGED)
#undef STOP
#define STOP "note_table_end - . - 4"
#elif defined(NOTE_TOO_LONG)
#undef STOP
#define STOP "note_table - . + 28 * 1000000"
#elif defined(NOTE_EMPTY)
#undef STOP
#define STOP "note_table - ."
#elif defined(NOTE_STATE)
#undef STATE
#define STATE "note_table - ."
#elif defined(NOTE_BEYOND_THE_END)
#undef SIZE
#define SIZE "0x7ffffff0"
#endif

/* clang-format off */
__asm__(".pushsection .text.hostile, \"ax\", @progbits\n" HOSTILE_TEXT ".popsection\n"
        ".pushsection .data.note_state, \"aw\", @progbits\n"
        ".balign 8\n"
        "note_state: .fill 16, 1, 0\n"
        ".ascii \"" SLICEPATCH_OBJECT_MARK "\"\n"
        ".long " START ", " STOP "\n"
        ".popsection\n"
        ".pushsection .rodata.note_table, \"a\", @progbits\n"
        ".balign 4\n"
        "note_table: .long hostile_enter - ., hostile_cold - ., 0, 0, 0, 7\n"
        ".byte 1, " SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_VERSION) "\n"
        ".short " SLICEPATCH_EXPAND_(SLICEPATCH_ARCH_MACHINE) "\n"
        "note_table_end:\n"
        ".popsection\n"
        ".pushsection .note.slicepatch, \"a\", @note\n"
        ".balign 4\n"
        ".long 2f - 1f, " SIZE ", " SLICEPATCH_EXPAND_(SLICEPATCH_NOTE_TYPE) "\n"
        "1: .asciz \"" SLICEPATCH_NOTE_NAME "\"\n"
        "2: .balign 4\n"
        "3: .long " VERSION ", " RECORD_SIZE ", " START ", " STOP ", " STATE "\n"
        "4: .balign 4\n"
        ".popsection\n");
/* clang-format on */

int note_object_is_loaded = 1;
