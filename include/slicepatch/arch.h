/* SPDX-License-Identifier: MIT */
/*
 * Chooses the architecture: the only architecture #if of the tree. Each arch/NAME.h defines the same macros:
 *
 *   SLICEPATCH_ARCH_MACHINE          ELF machine number that a record carries
 *   SLICEPATCH_ARCH_AUDIT            what seccomp filters know the architecture by, AUDIT_ARCH_...
 *   SLICEPATCH_ARCH_COMPAT_AUDIT     the same of the 32-bit architecture whose system calls a process of this one can make
 *   SLICEPATCH_ARCH_COMPAT_NR_PRCTL  its number of prctl(2)
 *   SLICEPATCH_ARCH_COMPAT_NR_RSEQ   its number of rseq(2)
 *   SLICEPATCH_ARCH_RSEQ_SIGNATURE   what libc registers its rseq areas with
 *   SLICEPATCH_ARCH_ENTER            asm text of an ENTER site as compiled; jumps to %l[slicepatch_cold]
 *   SLICEPATCH_ARCH_EXIT             asm text of an EXIT site as compiled; jumps to %l[slicepatch_cold]
 *   SLICEPATCH_ARCH_BRANCH           asm text of a BRANCH site as compiled; jumps to %l[slicepatch_cold]
 *   SLICEPATCH_ARCH_CLOBBERS         what the enabled forms change besides memory
 *   SLICEPATCH_ARCH_THREAD_POINTER() the thread pointer as an integer
 *   SLICEPATCH_ARCH_SYSCALL(number)  makes a system call without arguments, leaves errno alone
 *   SLICEPATCH_ARCH_COLD_TARGET      attributes of what the dynamic path inlines
 *   SLICEPATCH_ARCH_COLD             storage class and attributes of the dynamic path: it must not cost the fast path a
 *                                    register
 *   SLICEPATCH_ARCH_COLD_WITH_RESULT the same of a function that returns something
 *   SLICEPATCH_ARCH_COLD_PARAMETER   what the dynamic path of an EXIT has to be told to know its site, as a parameter
 *   SLICEPATCH_ARCH_COLD_ARGUMENT    and as an argument, in the cold block
 *   SLICEPATCH_ARCH_COUNT(counters, seen)   calls counters->count from that path
 *   SLICEPATCH_ARCH_SPIN_HINT()      tells the CPU that this is a waiting loop
 *
 * Each site text defines the local label .Lslicepatch_head%= on its first byte, which is aligned so that the patcher
 * can replace the head by one store.
 */
#ifndef SLICEPATCH_ARCH_H
#define SLICEPATCH_ARCH_H

/* gcc and clang. Others that say they are gcc do not take its asm goto. */
#if defined(__GNUC__) && !defined(__TINYC__) && !defined(__EDG__) && !defined(__CHECKER__)
#define SLICEPATCH_COMPILER_ 1
#else
#define SLICEPATCH_COMPILER_ 0
#endif

/*
 * Inlined, never emitted. In C with external linkage, so that inline functions with external linkage may use it (C11,
 * 6.7.4p3). Attributes have underscores here and everywhere: the names without are a program's own to define.
 */
#if !SLICEPATCH_COMPILER_
#define SLICEPATCH_INLINE_ static inline
#elif defined(__cplusplus)
#define SLICEPATCH_INLINE_ static inline __attribute__((__always_inline__))
#else
#define SLICEPATCH_INLINE_ extern __inline__ __attribute__((__gnu_inline__, __always_inline__))
#endif

#if defined(__linux__) && defined(__ELF__) && !defined(__ILP32__) && SLICEPATCH_COMPILER_ && \
    !defined(SLICEPATCH_DISABLE)
#if defined(__x86_64__)
#define SLICEPATCH_SUPPORTED 1
#include <slicepatch/arch/x86_64.h>
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define SLICEPATCH_SUPPORTED 1
#include <slicepatch/arch/aarch64.h>
#endif
#endif

#ifndef SLICEPATCH_SUPPORTED
#define SLICEPATCH_SUPPORTED 0 /* the site macros compile to nothing, the functions to those of disabled.h */
#define SLICEPATCH_ARCH_SPIN_HINT() ((void)0)
#endif

#endif /* SLICEPATCH_ARCH_H */
