/* SPDX-License-Identifier: MIT */
/*
 * What the compiler leaves behind for the patcher and for `slicepatch dump`: one record per site in the section
 * slicepatch_sites, a note and a small block of state in each object file.
 */
#ifndef SLICEPATCH_SITE_H
#define SLICEPATCH_SITE_H

#include <slicepatch/abi.h>
#include <slicepatch/arch.h>

#include <stddef.h>
#include <stdint.h>

/* Kinds; macros, because the assembler reads them too. */
#define SLICEPATCH_SITE_ENTER 1
#define SLICEPATCH_SITE_EXIT 2
#define SLICEPATCH_SITE_BRANCH 3

#pragma push_macro("cold") /* may be a program's own word for the attribute */
#undef cold

/*
 * One site. Every int32_t is the distance from that field to what it names: a table needs no dynamic relocation and can
 * live in a read-only segment. 0 means "none".
 */
struct slicepatch_site_record {
    int32_t head;  /* first byte of the site */
    int32_t cold;  /* target of the compiled head */
    int32_t taken; /* branch: where the enabled head jumps to */
    int32_t label; /* null-terminated; none: the site belongs to the function that it was compiled into */
    int32_t file;  /* null-terminated, as __FILE__ was */
    uint32_t line;
    uint8_t kind;     /* SLICEPATCH_SITE_... */
    uint8_t version;  /* SLICEPATCH_RECORD_VERSION */
    uint16_t machine; /* ELF machine number, so that any host can read the record */
};

#pragma pop_macro("cold")

#define SLICEPATCH_RECORD_VERSION 3
#define SLICEPATCH_RECORD_SIZE 28 /* sizeof(struct slicepatch_site_record), for the assembler */

/* The note: owner name, type, and a descriptor of int32_t distances (from each field) except for the first two. */
#define SLICEPATCH_NOTE_NAME "slicepatch"
#define SLICEPATCH_NOTE_TYPE 1

struct slicepatch_note {
    uint32_t version;     /* SLICEPATCH_RECORD_VERSION */
    uint32_t record_size; /* sizeof(struct slicepatch_site_record) */
    int32_t start;        /* first record */
    int32_t stop;         /* behind the last record; equal to start when the linker dropped every site */
    int32_t object;       /* struct slicepatch_object_state */
};

/*
 * What the dynamic path of an object's sites needs to know. Hidden: each executable or shared object has its own, so
 * that an annotated object depends on this header alone and not on the library. Written by slicepatch_init() before it
 * patches; the initial values are right for a process that never calls it.
 */
struct slicepatch_object_state {
    int64_t rseq_offset;  /* rseq area, bytes from the thread pointer; 0: libc's __rseq_offset; or one of the below */
    int32_t yield_number; /* system call that ends a granted slice */
    int32_t enabled;      /* what slicepatch_enabled() answers at a site that is not patched */
    char mark[8];         /* SLICEPATCH_OBJECT_MARK, without its terminator */
    int32_t start;        /* first record, and behind the last one, as in the note: a tool that moves that (patchelf) */
    int32_t stop;         /* moves no data, so that these two say whether the note holds, and lead on where not */
    struct slicepatch_counters *counters; /* who counts what the kernel did at these sites; NULL: nobody */
};

#define SLICEPATCH_OBJECT_MARK "slicept3"

/*
 * What the cold block of an EXIT calls, by SLICEPATCH_ARCH_COUNT, where somebody counts: with a place in that block, by
 * which the site is known, and with what it saw: one of the two below, or what the yield answered. Changes no register
 * and calls nothing of the program: async-signal-safe.
 */
#define SLICEPATCH_SEEN_REQUEST (-2)    /* the request was still there, or there is no area for one */
#define SLICEPATCH_SEEN_NO_REQUEST (-1) /* the kernel has taken it away, which it does as it grants, or none was made */
struct slicepatch_counters {
    void (*count)(void); /* takes its arguments in registers of its own choice: arch/NAME/count.S */
};

#define SLICEPATCH_RSEQ_OFFSET_LIBC 0
#define SLICEPATCH_RSEQ_OFFSET_NONE 1 /* no area is at an odd offset: nobody may touch it, see slicepatch_init() */

#if SLICEPATCH_SUPPORTED

#define SLICEPATCH_STRING_(x) #x
#define SLICEPATCH_EXPAND_(x) SLICEPATCH_STRING_(x)

/*
 * The note and the state block, once per assembly file (.ifndef). The code of an object uses one of its blocks, that of
 * the first file, because the symbol is weak; all are told (find_table). They are no comdat, of which linkers keep one:
 * where objcopy has made the symbols of a vendored object local, its code needs its own block (mold gives it address 0
 * otherwise). They are part of each site's text and not of file-scope asm, because link-time optimisation gathers the
 * latter in one partition. They are in one group because --gc-sections drops a note that is alone in its group, but
 * keeps it beside the state that code uses.
 */
/* clang-format off */
#define SLICEPATCH_OBJECT_TEXT_ \
    ".ifndef .Lslicepatch_object_emitted\n" \
    ".set .Lslicepatch_object_emitted, 1\n" \
    ".weak __start_slicepatch_sites\n" \
    ".hidden __start_slicepatch_sites\n" \
    ".weak __stop_slicepatch_sites\n" \
    ".hidden __stop_slicepatch_sites\n" \
    ".pushsection .data.slicepatch_object, \"awG\", @progbits, slicepatch_object\n" \
    ".weak slicepatch_object\n" \
    ".hidden slicepatch_object\n" \
    ".type slicepatch_object, @object\n" \
    ".balign 8\n" \
    "slicepatch_object:\n" \
    ".quad " SLICEPATCH_EXPAND_(SLICEPATCH_RSEQ_OFFSET_LIBC) "\n" \
    ".long " SLICEPATCH_EXPAND_(SLICEPATCH_NR_RSEQ_SLICE_YIELD) "\n" \
    ".long 0\n" \
    ".ascii \"" SLICEPATCH_OBJECT_MARK "\"\n" \
    ".long __start_slicepatch_sites - .\n" \
    ".long __stop_slicepatch_sites - .\n" \
    ".quad 0\n" \
    ".size slicepatch_object, . - slicepatch_object\n" \
    ".popsection\n" \
    ".pushsection .note.slicepatch, \"aG\", @note, slicepatch_object\n" \
    ".balign 4\n" \
    ".long 2f - 1f, 4f - 3f, " SLICEPATCH_EXPAND_(SLICEPATCH_NOTE_TYPE) "\n" \
    "1: .asciz \"" SLICEPATCH_NOTE_NAME "\"\n" \
    "2: .balign 4\n" \
    "3: .long " SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_VERSION) ", " SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_SIZE) "\n" \
    ".long __start_slicepatch_sites - .\n" \
    ".long __stop_slicepatch_sites - .\n" \
    ".long slicepatch_object - .\n" \
    "4: .balign 4\n" \
    ".popsection\n" \
    ".endif\n"
/* clang-format on */

/*
 * Opens the section of a record: one for each of the first 1,024 sites of an assembly file, so that --gc-sections can
 * drop each with its code, and one for all others, because gas looks through all sections of a name to open one. The
 * assembler has to count, since a site may be inlined many times; only .altmacro makes a literal of what it counted.
 */
#define SLICEPATCH_RECORD_SECTION_TEXT_ \
    ".ifndef .Lslicepatch_section\n" \
    ".set .Lslicepatch_section, 0\n" \
    ".macro slicepatch_section number\n" \
    ".pushsection slicepatch_sites, \"a?\", @progbits, unique, \\number\n" \
    ".endm\n" \
    ".endif\n" \
    ".if .Lslicepatch_section < 1024\n" \
    ".set .Lslicepatch_section, .Lslicepatch_section + 1\n" \
    ".endif\n" \
    ".altmacro\n" \
    "slicepatch_section %%.Lslicepatch_section\n" \
    ".noaltmacro\n"

/*
 * A record lives exactly as long as the code that it describes. The code refers to its record, by a relocation that
 * changes no byte: every linker follows it when it collects sections, partial links keep it, and identical code folding
 * compares it, so that functions with sites of different records are never folded. "?" puts the record in the group of
 * its code, if that is in one. (Not "o", which ties sections to each other: a partial link merges the records, and they
 * then live and die with the first of all.)
 */
/* clang-format off */
#define SLICEPATCH_RECORD_TEXT_(kind, taken, label) \
    ".reloc .Lslicepatch_head%=, BFD_RELOC_NONE, .Lslicepatch_record%=\n" \
    SLICEPATCH_RECORD_SECTION_TEXT_ \
    ".balign 4\n" \
    ".Lslicepatch_record%=:\n" \
    ".long .Lslicepatch_head%= - .\n" \
    ".long %l[slicepatch_cold] - .\n" \
    ".long " taken "\n" \
    ".long " label "\n" \
    ".long .Lslicepatch_file%= - .\n" \
    ".long " SLICEPATCH_EXPAND_(SLICEPATCH_LINE) "\n" \
    ".byte " SLICEPATCH_EXPAND_(kind) ", " SLICEPATCH_EXPAND_(SLICEPATCH_RECORD_VERSION) "\n" \
    ".short " SLICEPATCH_EXPAND_(SLICEPATCH_ARCH_MACHINE) "\n" \
    ".popsection\n" \
    ".pushsection .rodata.slicepatch_strings, \"aMS\", @progbits, 1\n" \
    ".Lslicepatch_file%=: .asciz \"" SLICEPATCH_FILE "\"\n" \
    ".popsection\n" \
    SLICEPATCH_OBJECT_TEXT_
/* clang-format on */

#define SLICEPATCH_LABEL_TEXT_(label) \
    ".pushsection .rodata.slicepatch_strings, \"aMS\", @progbits, 1\n" \
    ".Lslicepatch_label%=: .asciz \"" label "\"\n" \
    ".popsection\n"

#define SLICEPATCH_NO_LABEL_ "0"
#define SLICEPATCH_HAS_LABEL_ ".Lslicepatch_label%= - ."

#endif /* SLICEPATCH_SUPPORTED */

#endif /* SLICEPATCH_SITE_H */
