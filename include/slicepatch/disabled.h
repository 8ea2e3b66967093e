/* SPDX-License-Identifier: MIT */
/*
 * The functions of <slicepatch/slicepatch.h>, which includes this, where there are no sites: with SLICEPATCH_DISABLE
 * defined before the include, on other machines and with other compilers. They answer as the library does in a process
 * that cannot have extensions, need no library, and read no environment.
 */
#ifndef SLICEPATCH_DISABLED_H
#define SLICEPATCH_DISABLED_H

#include <slicepatch/slicepatch.h>

#if !SLICEPATCH_SUPPORTED

#ifdef SLICEPATCH_DISABLE
#define SLICEPATCH_DISABLED_REASON_ "compiled with SLICEPATCH_DISABLE"
#else
#define SLICEPATCH_DISABLED_REASON_ "compiled for a machine or by a compiler that slicepatch does not know"
#endif

/* errno's, of every system that has them; a header of macros alone may have no <errno.h>. */
#define SLICEPATCH_EPERM_ 1
#define SLICEPATCH_E2BIG_ 7
#define SLICEPATCH_EINVAL_ 22

/* Copies text and its terminator, as far as there is room; returns its length. */
SLICEPATCH_API size_t slicepatch_copy_text_(char *to, size_t room, size_t at, const char *text)
{
    size_t length = 0;
    for (; text[length]; ++length)
        if (at + length + 1 < room)
            to[at + length] = text[length];
    if (room)
        to[at + length < room ? at + length : room - 1] = 0;
    return length;
}

/* All of what the caller has room for; the text that this cuts is terminated. */
SLICEPATCH_API int slicepatch_get_report(struct slicepatch_report *report)
{
    struct slicepatch_report whole;
    unsigned char *const from = SLICEPATCH_CAST_(reinterpret_cast, unsigned char *, &whole);
    unsigned char *const to = SLICEPATCH_CAST_(reinterpret_cast, unsigned char *, report);
    size_t size, i;
    if (!report || report->size < SLICEPATCH_REPORT_SIZE_MIN)
        return -SLICEPATCH_EINVAL_;
    size = report->size;
    if (size > SLICEPATCH_STRUCT_SIZE_MAX)
        return -SLICEPATCH_E2BIG_;
    for (i = 0; i < sizeof whole; ++i)
        from[i] = 0;
    whole.size = report->size;
    whole.guarantee = SLICEPATCH_GUARANTEE_NONE;
    whole.yield_number = SLICEPATCH_NR_RSEQ_SLICE_YIELD;
    (void)slicepatch_copy_text_(whole.writer, sizeof whole.writer, 0, "none");
    (void)slicepatch_copy_text_(whole.verifier, sizeof whole.verifier, 0, "none");
    (void)slicepatch_copy_text_(whole.reason, sizeof whole.reason, 0, SLICEPATCH_DISABLED_REASON_);
    for (i = 0; i < size; ++i)
        to[i] = SLICEPATCH_CAST_(static_cast, unsigned char, i < sizeof whole ? from[i] : 0);
    if (size > offsetof(struct slicepatch_report, writer) && size < sizeof whole)
        to[size - 1] = 0;
    return 0;
}

SLICEPATCH_API int slicepatch_init_from(const void *here, const struct slicepatch_options *options,
                                        struct slicepatch_report *report)
{
    const int answer = report ? slicepatch_get_report(report) : 0;
    (void)here;
    if (answer || !options)
        return answer;
    if (options->size < SLICEPATCH_OPTIONS_SIZE_0)
        return -SLICEPATCH_EINVAL_;
    if (options->size > SLICEPATCH_STRUCT_SIZE_MAX)
        return -SLICEPATCH_E2BIG_;
    return options->flags & SLICEPATCH_OPTION_REQUIRE ? -SLICEPATCH_EPERM_ : 0;
}

SLICEPATCH_API int slicepatch_init_from_executable(const void *here, const struct slicepatch_options *options,
                                                   struct slicepatch_report *report)
{
    return slicepatch_init_from(here, options, report);
}

SLICEPATCH_API int slicepatch_thread_init(void)
{
    return 0;
}

SLICEPATCH_API size_t slicepatch_report_text(const struct slicepatch_report *report, char *buffer, size_t size)
{
    size_t length = slicepatch_copy_text_(buffer, size, 0, "slicepatch: guarantee none: ");
    const int has_reason = report->size >= offsetof(struct slicepatch_report, failure);
    length += slicepatch_copy_text_(buffer, size, length, has_reason ? report->reason : SLICEPATCH_DISABLED_REASON_);
    return length + slicepatch_copy_text_(buffer, size, length, "\n");
}

SLICEPATCH_API const char *slicepatch_guarantee_name(int guarantee)
{
    return guarantee == SLICEPATCH_GUARANTEE_NONE      ? "none"
           : guarantee == SLICEPATCH_GUARANTEE_THREAD  ? "thread"
           : guarantee == SLICEPATCH_GUARANTEE_SEALED  ? "sealed"
           : guarantee == SLICEPATCH_GUARANTEE_PROCESS ? "process"
                                                       : "unknown";
}

SLICEPATCH_API const char *slicepatch_state_name(int state)
{
    return state == SLICEPATCH_STATE_COMPILED  ? "compiled"
           : state == SLICEPATCH_STATE_ENABLED ? "enabled"
           : state == SLICEPATCH_STATE_OFF     ? "off"
           : state == SLICEPATCH_STATE_FOREIGN ? "foreign"
                                               : "unknown";
}

SLICEPATCH_API int slicepatch_for_each_site(int (*visit)(const struct slicepatch_site_info *site, void *data),
                                            void *data)
{
    (void)visit;
    (void)data;
    return 0;
}

#endif /* !SLICEPATCH_SUPPORTED */

#endif /* SLICEPATCH_DISABLED_H */
