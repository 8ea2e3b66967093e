/* SPDX-License-Identifier: MIT */
/*
 * What a label and the name of a file may hold. Both become literals of the assembler inside a template of the
 * compiler; what either would take for something else, and what is longer than tools read, is refused at the mark that
 * has it.
 */
#ifndef SLICEPATCH_LITERAL_H
#define SLICEPATCH_LITERAL_H

#include <slicepatch/arch.h>

#if SLICEPATCH_SUPPORTED

#define SLICEPATCH_TEXT_SIZE_MAX 4096 /* with its terminator */

#define SLICEPATCH_BAD_LABEL_ \
    "slicepatch: a label holds one of % { | } \" \\ or a new line, or is longer than 4095 bytes"
#define SLICEPATCH_BAD_FILE_ \
    "slicepatch: the name of this file holds one of % { | } \" \\ or is longer than 4095 bytes: define SLICEPATCH_FILE " \
    "before the include, as __FILE_NAME__ or as another literal"

#if defined(__clang__)

/* Its C looks into a literal for this attribute alone. The functions are never called. */
#define SLICEPATCH_HAS_(character) !!__builtin_strchr(text, character)
/* clang-format off */
#define SLICEPATCH_REFUSE_(message) \
    __attribute__((__diagnose_if__( \
        SLICEPATCH_HAS_('%') || SLICEPATCH_HAS_('{') || SLICEPATCH_HAS_('|') || SLICEPATCH_HAS_('}') || \
            SLICEPATCH_HAS_('"') || SLICEPATCH_HAS_('\\') || SLICEPATCH_HAS_('\n') || \
            __builtin_strlen(text) >= SLICEPATCH_TEXT_SIZE_MAX, message, "error")))
/* clang-format on */

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
int slicepatch_check_label_(const char *text) SLICEPATCH_REFUSE_(SLICEPATCH_BAD_LABEL_);
int slicepatch_check_file_(const char *text) SLICEPATCH_REFUSE_(SLICEPATCH_BAD_FILE_);
#pragma clang diagnostic pop
#ifdef __cplusplus
}
#endif

#define SLICEPATCH_CHECK_TEXTS_(label, file) \
    (void)sizeof(slicepatch_check_label_(label)); \
    (void)sizeof(slicepatch_check_file_(file));

#else

#ifdef __cplusplus
#define SLICEPATCH_REFUSE_UNLESS_ static_assert
#else
#define SLICEPATCH_REFUSE_UNLESS_ _Static_assert
#endif
#define SLICEPATCH_IS_PLAIN_(text) \
    (sizeof(text) <= SLICEPATCH_TEXT_SIZE_MAX && __builtin_strcspn(text, "%{|}\"\\\n") == sizeof(text) - 1)
#define SLICEPATCH_CHECK_TEXTS_(label, file) \
    SLICEPATCH_REFUSE_UNLESS_(SLICEPATCH_IS_PLAIN_(label), SLICEPATCH_BAD_LABEL_); \
    SLICEPATCH_REFUSE_UNLESS_(SLICEPATCH_IS_PLAIN_(file), SLICEPATCH_BAD_FILE_);

#endif

#endif /* SLICEPATCH_SUPPORTED */

#endif /* SLICEPATCH_LITERAL_H */
