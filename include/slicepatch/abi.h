/* SPDX-License-Identifier: MIT */
/*
 * The kernel ABI that slicepatch uses, and nothing else.
 *
 * Source: Linux 7.0 and later, include/uapi/linux/rseq.h and prctl.h. The names of the kernel are kept, with a
 * SLICEPATCH_ prefix, so that this header composes with <linux/rseq.h> and <sys/rseq.h> of any version. What our kernel
 * series adds (kernel/README.md) is marked "series".
 */
#ifndef SLICEPATCH_ABI_H
#define SLICEPATCH_ABI_H

#include <stdint.h>

/*
 * struct rseq as the kernel of 7.0 knows it, at thread pointer + __rseq_offset. A legacy registration (32 bytes) ends
 * right after slice_ctrl, so that these bytes are always ours to address; the kernel honours slice_ctrl only in a
 * registration of more than 32 bytes ("v2").
 */
struct slicepatch_rseq {
    uint32_t cpu_id_start;
    uint32_t cpu_id;
    uint64_t rseq_cs;
    uint32_t flags;
    uint32_t node_id;
    uint32_t mm_cid;
    uint8_t slice_request; /* slice_ctrl.request: user space sets and clears it, the kernel clears it */
    uint8_t slice_granted; /* slice_ctrl.granted: written by the kernel alone */
    uint16_t slice_reserved;
};

/* rseq->flags, written by the kernel, read-only for user space. */
#define SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE (1U << 4)
#define SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED (1U << 5)
#define SLICEPATCH_RSEQ_FLAG_SLICE_EXT_INVARIANT \
    (1U << 30) /* series: the state of this thread can never change again */

/* getauxval(3): how much of struct rseq the kernel uses, and how it wants it aligned. Newer than many <elf.h>. */
#define SLICEPATCH_AT_RSEQ_FEATURE_SIZE 27
#define SLICEPATCH_AT_RSEQ_ALIGN 28

/* rseq(area, size, flags, signature) */
#define SLICEPATCH_RSEQ_FLAG_UNREGISTER 1
#define SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON 2 /* enabled from the registration on */

/* prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, operation, argument, 0, 0) */
#define SLICEPATCH_PR_RSEQ_SLICE_EXTENSION 79
#define SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET 1
#define SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET 2
/* Series: returns the mask of the bits that SET supports, and has no effect. A stock kernel answers EINVAL. */
#define SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES 0x40000000

/* The bits of GET's answer and of SET's argument. */
#define SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE 0x1
/* Series: the state holds for the whole process and never reverts. */
#define SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT 0x40000000

/* ENOTSUPP is internal to the kernel, but this prctl lets it out: option not built, switched off, or a legacy area. */
#define SLICEPATCH_ENOTSUPP 524

/* rseq_slice_yield(2) has one number on every architecture. */
#define SLICEPATCH_NR_RSEQ_SLICE_YIELD 471

#endif /* SLICEPATCH_ABI_H */
