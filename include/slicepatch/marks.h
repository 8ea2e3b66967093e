/* SPDX-License-Identifier: MIT */
/*
 * What the marks of <slicepatch/slicepatch.h>, which includes this, are made of: the text of a site, its record, and
 * the cold block that a site jumps to while it is not patched.
 */
#ifndef SLICEPATCH_MARKS_H
#define SLICEPATCH_MARKS_H

#include <slicepatch/language.h>
#include <slicepatch/linkage.h>
#include <slicepatch/literal.h>
#include <slicepatch/site.h>

#include <stddef.h>
#include <stdint.h>

#if SLICEPATCH_SUPPORTED

/*
 * Where a site says that it is. A path that holds one of % { | } " \ needs its own definition before the include, for
 * which __FILE_NAME__ or "name.c" does; the compiler says so.
 */
#ifndef SLICEPATCH_FILE
#define SLICEPATCH_FILE __FILE__
#endif
#ifndef SLICEPATCH_LINE
#define SLICEPATCH_LINE __LINE__
#endif

SLICEPATCH_STATIC_ASSERT_(sizeof(struct slicepatch_site_record) == SLICEPATCH_RECORD_SIZE, "record size");
SLICEPATCH_STATIC_ASSERT_(sizeof(struct slicepatch_rseq) == 32, "a legacy rseq area holds slice_ctrl");

SLICEPATCH_BEGIN_C_

/*
 * Defined by the text of each site. At -O0 gcc emits the functions below in files without a site too, where nobody runs
 * them: weak there, and not with optimisation, because a weak variable costs the dynamic path a load for its address.
 */
#ifdef __OPTIMIZE__
#define SLICEPATCH_UNLESS_OPTIMISED_WEAK_
#else
#define SLICEPATCH_UNLESS_OPTIMISED_WEAK_ __weak__,
#endif
extern struct slicepatch_object_state slicepatch_object
    __attribute__((SLICEPATCH_UNLESS_OPTIMISED_WEAK_ __visibility__("hidden")));

SLICEPATCH_END_C_

/* The calling thread's rseq area, or NULL where there is none that slicepatch may touch. */
SLICEPATCH_INLINE_ SLICEPATCH_ARCH_COLD_TARGET volatile struct slicepatch_rseq *slicepatch_rseq_(void)
{
    int64_t offset = slicepatch_object.rseq_offset;
    if (offset == SLICEPATCH_RSEQ_OFFSET_LIBC)
        offset = slicepatch_libc_offset_();
    if (offset == SLICEPATCH_RSEQ_OFFSET_NONE)
        return SLICEPATCH_NULL_;
    return SLICEPATCH_CAST_(reinterpret_cast, volatile struct slicepatch_rseq *,
                            SLICEPATCH_ARCH_THREAD_POINTER() + SLICEPATCH_CAST_(static_cast, unsigned long, offset));
}

/*
 * From 17 on, clang on x86-64 warns of what keeps all registers and calls what does not, and overlooks that both may use
 * general registers alone, and that the latter is inlined.
 */
#if defined(__clang__)
#pragma clang diagnostic push
#if __has_warning("-Wexcessive-regsave")
#pragma clang diagnostic ignored "-Wexcessive-regsave"
#endif
#endif

/* ENTER by hand: what a compiled site does. A thread that is not enabled makes no request. */
SLICEPATCH_ARCH_COLD void slicepatch_enter_dynamic_(void)
{
    volatile struct slicepatch_rseq *rseq = slicepatch_rseq_();
    if (rseq && (rseq->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED))
        rseq->slice_request = 1;
}

/*
 * EXIT by hand, also the slow path of an enabled EXIT. The store comes before the load, in program order: an interrupt
 * before the store may grant, and the load sees it; none after the store can. Clears unconditionally, since the ENTER
 * may have been another site in another state.
 */
SLICEPATCH_ARCH_COLD void slicepatch_exit_dynamic_(SLICEPATCH_ARCH_COLD_PARAMETER)
{
    volatile struct slicepatch_rseq *rseq = slicepatch_rseq_();
    struct slicepatch_counters *counters = slicepatch_object.counters;
    long seen = SLICEPATCH_SEEN_REQUEST;
    if (rseq) {
        seen = ~SLICEPATCH_CAST_(static_cast, long, rseq->slice_request);
        rseq->slice_request = 0;
        if (rseq->slice_granted)
            seen = SLICEPATCH_ARCH_SYSCALL(slicepatch_object.yield_number);
    }
    if (counters)
        SLICEPATCH_ARCH_COUNT(counters, seen);
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

/* Whether no request that this thread made can still be granted, and none is: false where it could not make one. */
SLICEPATCH_ARCH_COLD_WITH_RESULT int slicepatch_request_is_over_(void)
{
    volatile struct slicepatch_rseq *rseq = slicepatch_rseq_();
    return rseq && (rseq->flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED) && !rseq->slice_request &&
           !rseq->slice_granted;
}

#if defined(__clang__)
#define SLICEPATCH_COLD_LABEL_
#else
#define SLICEPATCH_COLD_LABEL_ __attribute__((__cold__))
#endif

/*
 * A thread-local counter, defined by the text of each site that uses it, so that a file without one has none: once per
 * assembly file (.ifndef) and once per object (comdat). Weak and of default visibility, so that the dynamic linker can
 * unite those of an executable and its libraries.
 */
/* clang-format off */
#define SLICEPATCH_COUNTER_TEXT_(name) \
    ".ifndef .L" name "emitted\n" \
    ".set .L" name "emitted, 1\n" \
    ".pushsection .tbss." name ", \"awTG\", @nobits, " name ", comdat\n" \
    ".weak " name "\n" \
    ".type " name ", @tls_object\n" \
    ".balign 4\n" \
    name ": .zero 4\n" \
    ".size " name ", 4\n" \
    ".popsection\n" \
    ".endif\n"
/* clang-format on */

/* As the text has it; initial-exec, so that no access can allocate. */
#define SLICEPATCH_COUNTER_ \
    extern __attribute__((__visibility__("default"), __tls_model__("initial-exec"))) __thread unsigned

#ifdef SLICEPATCH_DEBUG
#define SLICEPATCH_DEBUG_TEXT_ SLICEPATCH_COUNTER_TEXT_("slicepatch_inside_")
#else
#define SLICEPATCH_DEBUG_TEXT_ ""
#endif

/*
 * No instruction, but a text of its own behind the dynamic path: that is no tail call then, and compilers make one of cold
 * blocks that are alike, whose place could not tell its sites apart.
 */
#define SLICEPATCH_COLD_IS_ITS_OWN_() __asm__ inline volatile("/* line " SLICEPATCH_EXPAND_(SLICEPATCH_LINE) " */")

/* One site: the text, its record, and the cold block that it jumps to while it is not patched. */
/* clang-format off */
#define SLICEPATCH_SITE_BODY_(text, kind, more_text, label_at, by_hand) \
    __asm__ inline goto(text SLICEPATCH_RECORD_TEXT_(kind, "0", label_at) more_text SLICEPATCH_DEBUG_TEXT_ \
                        : : : SLICEPATCH_ARCH_CLOBBERS : slicepatch_cold); \
    goto slicepatch_done; \
    slicepatch_cold: SLICEPATCH_COLD_LABEL_; \
    by_hand; \
    SLICEPATCH_COLD_IS_ITS_OWN_(); \
    slicepatch_done:;

#define SLICEPATCH_BRANCH_BODY_(more_text, label_at) \
    __asm__ inline goto(SLICEPATCH_ARCH_BRANCH SLICEPATCH_RECORD_TEXT_(SLICEPATCH_SITE_BRANCH, \
                            "%l[slicepatch_taken] - .", label_at) more_text \
                        : : : SLICEPATCH_ARCH_CLOBBERS : slicepatch_cold, slicepatch_taken); \
    slicepatch_answer_ = 0; \
    goto slicepatch_done; \
    slicepatch_cold: SLICEPATCH_COLD_LABEL_; \
    slicepatch_answer_ = slicepatch_object.enabled; \
    goto slicepatch_done; \
    slicepatch_taken: \
    slicepatch_answer_ = 1; \
    slicepatch_done:;
/* clang-format on */

/*
 * A statement expression; for C++ with clang a lambda, because clang refuses asm goto in a scope that has destructors.
 * gcc refuses to inline a lambda into a function that has a target(...) of its own.
 */
#if defined(__cplusplus) && defined(__clang__)
/* clang-format off */
#define SLICEPATCH_SITE_(text, kind, more_text, label_at, label, by_hand) \
    ([]() SLICEPATCH_ARCH_COLD_TARGET __attribute__((__always_inline__)) { \
        SLICEPATCH_CHECK_TEXTS_(label, SLICEPATCH_FILE) \
        SLICEPATCH_SITE_BODY_(text, kind, more_text, label_at, by_hand) \
    }())
/* clang-format on */
#define SLICEPATCH_BRANCH_(more_text, label_at, label) \
    ([]() SLICEPATCH_ARCH_COLD_TARGET __attribute__((__always_inline__)) { \
        SLICEPATCH_CHECK_TEXTS_(label, SLICEPATCH_FILE) \
        int slicepatch_answer_; \
        SLICEPATCH_BRANCH_BODY_(more_text, label_at) \
        return slicepatch_answer_ != 0; \
    }())
#else
#define SLICEPATCH_SITE_(text, kind, more_text, label_at, label, by_hand) \
    __extension__({ \
        __label__ slicepatch_cold, slicepatch_done; \
        SLICEPATCH_CHECK_TEXTS_(label, SLICEPATCH_FILE) \
        SLICEPATCH_SITE_BODY_(text, kind, more_text, label_at, by_hand) \
    })
#define SLICEPATCH_BRANCH_(more_text, label_at, label) \
    __extension__({ \
        __label__ slicepatch_cold, slicepatch_taken, slicepatch_done; \
        SLICEPATCH_CHECK_TEXTS_(label, SLICEPATCH_FILE) \
        int slicepatch_answer_; \
        SLICEPATCH_BRANCH_BODY_(more_text, label_at) \
        slicepatch_answer_ != 0; \
    })
#endif

/* clang-format off */
#define SLICEPATCH_ENTER_SITE_(more_text, label_at, label) \
    SLICEPATCH_SITE_(SLICEPATCH_ARCH_ENTER, SLICEPATCH_SITE_ENTER, more_text, label_at, label, SLICEPATCH_ENTER_BY_HAND_())
/* clang-format on */
#define SLICEPATCH_EXIT_SITE_(more_text, label_at, label) \
    SLICEPATCH_SITE_(SLICEPATCH_ARCH_EXIT, SLICEPATCH_SITE_EXIT, more_text, label_at, label, \
                     SLICEPATCH_EXIT_BY_HAND_(SLICEPATCH_ARCH_COLD_ARGUMENT))

SLICEPATCH_BEGIN_C_

/* Depth of the _OUTERMOST forms, one per thread. */
SLICEPATCH_COUNTER_ slicepatch_depth_;

#ifdef SLICEPATCH_DEBUG
/* Whether the calling thread is in a section. All that ENTER and EXIT has to be compiled so. */
SLICEPATCH_COUNTER_ slicepatch_inside_;

SLICEPATCH_API void slicepatch_check_failed(const char *what, const char *file, int line);

#define SLICEPATCH_FAIL_UNLESS_(holds, what) ((holds) ? (void)0 : slicepatch_check_failed(what, __FILE__, __LINE__))
#define SLICEPATCH_CHECK_ENTER_() \
    SLICEPATCH_FAIL_UNLESS_(slicepatch_inside_++ == 0, "ENTER inside a section: sections do not nest")
#define SLICEPATCH_CHECK_EXIT_() SLICEPATCH_FAIL_UNLESS_(slicepatch_inside_-- != 0, "EXIT without ENTER")
#define SLICEPATCH_CHECK_DEPTH_() \
    SLICEPATCH_FAIL_UNLESS_(slicepatch_depth_ != 0, "EXIT_OUTERMOST without ENTER_OUTERMOST in this thread")
#else
#define SLICEPATCH_CHECK_ENTER_() ((void)0)
#define SLICEPATCH_CHECK_EXIT_() ((void)0)
#define SLICEPATCH_CHECK_DEPTH_() ((void)0)
#endif

SLICEPATCH_END_C_

/* ---- the marks ---- */

/* clang-format off */
#define SLICEPATCH_ENTER_UNLABELLED_() \
    (SLICEPATCH_CHECK_ENTER_(), SLICEPATCH_ENTER_SITE_("", SLICEPATCH_NO_LABEL_, ""))
#define SLICEPATCH_EXIT_UNLABELLED_() \
    (SLICEPATCH_EXIT_SITE_("", SLICEPATCH_NO_LABEL_, ""), SLICEPATCH_CHECK_EXIT_())
/* clang-format on */
#define SLICEPATCH_ENTER_LABELLED_(more_text, label) \
    (SLICEPATCH_CHECK_ENTER_(), \
     SLICEPATCH_ENTER_SITE_(more_text SLICEPATCH_LABEL_TEXT_(label), SLICEPATCH_HAS_LABEL_, label))
#define SLICEPATCH_EXIT_LABELLED_(more_text, label) \
    (SLICEPATCH_EXIT_SITE_(more_text SLICEPATCH_LABEL_TEXT_(label), SLICEPATCH_HAS_LABEL_, label), \
     SLICEPATCH_CHECK_EXIT_())

#define SLICEPATCH_ENABLED_UNLABELLED_() SLICEPATCH_BRANCH_("", SLICEPATCH_NO_LABEL_, "")
#define SLICEPATCH_ENABLED_LABELLED_(label) \
    SLICEPATCH_BRANCH_(SLICEPATCH_LABEL_TEXT_(label), SLICEPATCH_HAS_LABEL_, label)

#define SLICEPATCH_DEPTH_TEXT_ SLICEPATCH_COUNTER_TEXT_("slicepatch_depth_")
#ifdef SLICEPATCH_DEBUG
#define SLICEPATCH_STARTS_ANEW_() 0 /* what is counted wrong is to be found, not mended */
#else
#define SLICEPATCH_STARTS_ANEW_() SLICEPATCH_REQUEST_IS_OVER_()
#endif
#define SLICEPATCH_ENTER_DEPTH_(label) \
    (slicepatch_depth_ == 0 || SLICEPATCH_STARTS_ANEW_() \
         ? ((void)(slicepatch_depth_ = 1), SLICEPATCH_ENTER_LABELLED_(SLICEPATCH_DEPTH_TEXT_, label)) \
         : (void)++slicepatch_depth_)
#define SLICEPATCH_EXIT_DEPTH_(label) \
    (SLICEPATCH_CHECK_DEPTH_(), slicepatch_depth_ > 1 ? (void)--slicepatch_depth_ \
                                                      : ((void)(slicepatch_depth_ = 0), \
                                                         SLICEPATCH_EXIT_LABELLED_(SLICEPATCH_DEPTH_TEXT_, label)))

#else /* !SLICEPATCH_SUPPORTED: nothing, but still expressions */

#define SLICEPATCH_ENTER_UNLABELLED_() ((void)0)
#define SLICEPATCH_EXIT_UNLABELLED_() ((void)0)
#define SLICEPATCH_ENTER_LABELLED_(more_text, label) ((void)0)
#define SLICEPATCH_EXIT_LABELLED_(more_text, label) ((void)0)
#define SLICEPATCH_ENABLED_UNLABELLED_() 0
#define SLICEPATCH_ENABLED_LABELLED_(label) 0
#define SLICEPATCH_ENTER_DEPTH_(label) ((void)0)
#define SLICEPATCH_EXIT_DEPTH_(label) ((void)0)

#endif /* SLICEPATCH_SUPPORTED */

#endif /* SLICEPATCH_MARKS_H */
