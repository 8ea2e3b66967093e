/* SPDX-License-Identifier: MIT */
/*
 * What the marks use and has internal linkage. C forbids that in an inline function with external linkage (C11,
 * 6.7.4p3); it is harmless where the functions of all files do the same. Compilers say so at each use, and some have no
 * switch for it but that this is a system header: hence nothing else is in here.
 */
#ifndef SLICEPATCH_LINKAGE_H
#define SLICEPATCH_LINKAGE_H

#include <slicepatch/site.h>

#pragma GCC system_header

#if SLICEPATCH_SUPPORTED

/*
 * libc's own variable under a name of ours. A reference by this name alone is weak, because C libraries that register
 * no rseq area do not define it; what else the file refers to it by stays strong. A linker that drops libc's variable
 * where all references are weak leaves the offset to slicepatch_init(), which tells it.
 */
static ptrdiff_t slicepatch_libc_rseq_offset_ __attribute__((__weakref__("__rseq_offset")));

SLICEPATCH_INLINE_ SLICEPATCH_ARCH_COLD_TARGET int64_t slicepatch_libc_offset_(void)
{
    return &slicepatch_libc_rseq_offset_ ? slicepatch_libc_rseq_offset_ : SLICEPATCH_RSEQ_OFFSET_NONE;
}

#define SLICEPATCH_ENTER_BY_HAND_() slicepatch_enter_dynamic_()
#define SLICEPATCH_EXIT_BY_HAND_(place) slicepatch_exit_dynamic_(place)
#define SLICEPATCH_REQUEST_IS_OVER_() slicepatch_request_is_over_()

#endif /* SLICEPATCH_SUPPORTED */

#endif /* SLICEPATCH_LINKAGE_H */
