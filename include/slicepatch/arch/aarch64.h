/* SPDX-License-Identifier: MIT */
/*
 * arm64 sites as compiled. Included by <slicepatch/arch.h> alone, which states the contract.
 *
 * A head is one instruction, B or NOP in every state: of the few that may be replaced under running threads the two
 * that are enough (Arm ARM DDI 0487, B2.2.5 "Concurrent modification and execution of instructions"). What follows it
 * is only run behind a NOP. Slots that depend on nothing are compiled as the enabled form has them; those that depend
 * on the place of the rseq area wait as NOPs.
 */
#ifndef SLICEPATCH_ARCH_AARCH64_H
#define SLICEPATCH_ARCH_AARCH64_H

#define SLICEPATCH_ARCH_MACHINE 183               /* EM_AARCH64 */
#define SLICEPATCH_ARCH_AUDIT 0xc00000b7          /* AUDIT_ARCH_AARCH64, <linux/audit.h> */
#define SLICEPATCH_ARCH_COMPAT_AUDIT 0x40000028   /* AUDIT_ARCH_ARM: a 32-bit program that this one becomes by exec() */
#define SLICEPATCH_ARCH_COMPAT_NR_PRCTL 172       /* arch/arm/tools/syscall.tbl */
#define SLICEPATCH_ARCH_COMPAT_NR_RSEQ 398        /* the same table */
#define SLICEPATCH_ARCH_RSEQ_SIGNATURE 0xd428bc00 /* brk #0x45e0 before an abort handler; what glibc registers */

#define SLICEPATCH_ARCH_HEAD_ \
    ".balign 4\n" \
    ".Lslicepatch_head%=:\n" \
    "b %l[slicepatch_cold]\n"

/*
 *   compiled  b cold       | mrs x16, tpidr_el0 | nop                       | mov w17, #1 | nop
 *   enabled   nop          | mrs x16, tpidr_el0 | add x16, x16, #n, lsl #12 | mov w17, #1 | strb w17, [x16, #n]
 *   off       b end        | as compiled
 * Near the thread pointer the add stays a nop, and the store is sturb where the distance is negative.
 */
#define SLICEPATCH_ARCH_ENTER \
    SLICEPATCH_ARCH_HEAD_ \
    "mrs x16, tpidr_el0\n" \
    "nop\n" \
    "mov w17, #1\n" \
    "nop\n"

/*
 *   compiled  b cold | mrs x16, tpidr_el0 | nop | nop                  | nop                   | cbz w16, +8 | b cold
 *   enabled   nop    | mrs x16, tpidr_el0 | add | strb wzr, [x16, #n]  | ldrb w16, [x16, #n+1] | cbz w16, +8 | b cold
 *   off       b end  | as compiled
 * The store comes before the load, in program order: an interrupt before the store may grant, and the load sees it;
 * none after the store can. The cold block serves both as the dynamic path and as the slow path: clearing a request
 * that is clear already is harmless.
 */
#define SLICEPATCH_ARCH_EXIT \
    SLICEPATCH_ARCH_HEAD_ \
    "mrs x16, tpidr_el0\n" \
    "nop\n" \
    "nop\n" \
    "nop\n" \
    "cbz w16, .Lslicepatch_done%=\n" \
    "b %l[slicepatch_cold]\n" \
    ".Lslicepatch_done%=:\n"

/*
 *   compiled  b cold
 *   enabled   b yes
 *   off       nop
 */
/* clang-format off */
#define SLICEPATCH_ARCH_BRANCH \
    SLICEPATCH_ARCH_HEAD_
/* clang-format on */

/* The registers that calls may change on their way as well (AAPCS64, 6.1.1: IP0 and IP1). The flags stay as they are. */
#define SLICEPATCH_ARCH_CLOBBERS "memory", "x16", "x17"

/* ELF for the Arm 64-bit Architecture, "Thread Local Storage": variant I, what TPIDR_EL0 holds is the thread pointer. */
#define SLICEPATCH_ARCH_THREAD_POINTER() \
    __extension__({ \
        unsigned long slicepatch_tp_; \
        __asm__("mrs %[slicepatch_tp], tpidr_el0" : [slicepatch_tp] "=r"(slicepatch_tp_)); \
        slicepatch_tp_; \
    })

/*
 * The kernel's entry changes x0, to the result (syscall(2), "Architecture calling conventions"), and of SVE's registers
 * all that is not also a register of Advanced SIMD (Documentation/arch/arm64/sve.rst, "System call behaviour"). Not all
 * compilers know the first-fault register by name, and none keeps it over a statement. A function that has SVE by an
 * attribute of its own is compiled as if it had not: there is no macro that tells of it.
 */
#ifdef __ARM_FEATURE_SVE
/* clang-format off */
#define SLICEPATCH_ARCH_SYSCALL_CLOBBERS_ \
    "memory", "z0", "z1", "z2", "z3", "z4", "z5", "z6", "z7", "z8", "z9", "z10", "z11", "z12", "z13", "z14", \
    "z15", "z16", "z17", "z18", "z19", "z20", "z21", "z22", "z23", "z24", "z25", "z26", "z27", "z28", "z29", \
    "z30", "z31", "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", \
    "p14", "p15"
/* clang-format on */
#else
#define SLICEPATCH_ARCH_SYSCALL_CLOBBERS_ "memory"
#endif
#define SLICEPATCH_ARCH_SYSCALL(number) \
    __extension__({ \
        register long slicepatch_number_ __asm__("x8") = (number); \
        register long slicepatch_result_ __asm__("x0"); \
        __asm__ volatile("svc #0" \
                         : "=r"(slicepatch_result_) \
                         : "r"(slicepatch_number_) \
                         : SLICEPATCH_ARCH_SYSCALL_CLOBBERS_); \
        slicepatch_result_; \
    })

/* Inlined: there is no calling convention under which the cold block could be a function that keeps all registers. */
#define SLICEPATCH_ARCH_COLD_TARGET
#define SLICEPATCH_ARCH_COLD SLICEPATCH_INLINE_
#define SLICEPATCH_ARCH_COLD_WITH_RESULT SLICEPATCH_INLINE_

/* An address in the cold block, behind its first byte. */
#define SLICEPATCH_ARCH_COLD_PARAMETER unsigned long slicepatch_place_
#define SLICEPATCH_ARCH_COLD_ARGUMENT \
    __extension__({ \
        unsigned long slicepatch_here_; \
        __asm__ volatile("adr %[slicepatch_here], . + 4 /* line " SLICEPATCH_EXPAND_(SLICEPATCH_LINE) " */" \
                         : [slicepatch_here] "=r"(slicepatch_here_)); \
        slicepatch_here_; \
    })

/* The link register is kept beside the call: said to be changed, it would cost every function with a site a frame. */
#define SLICEPATCH_ARCH_COUNT(counters, seen) \
    do { \
        register unsigned long slicepatch_in_x0_ __asm__("x0") = \
            SLICEPATCH_CAST_(reinterpret_cast, unsigned long, counters); \
        register unsigned long slicepatch_in_x1_ __asm__("x1") = slicepatch_place_; \
        register long slicepatch_in_x2_ __asm__("x2") = (seen); \
        unsigned long slicepatch_link_; \
        __asm__ volatile("mov %[slicepatch_link], x30\n" \
                         "ldr x16, [x0]\n" \
                         "blr x16\n" \
                         "mov x30, %[slicepatch_link]" \
                         : [slicepatch_link] "=&r"(slicepatch_link_) \
                         : "r"(slicepatch_in_x0_), "r"(slicepatch_in_x1_), "r"(slicepatch_in_x2_) \
                         : "x16", "x17", "memory", "cc"); \
    } while (0)

#define SLICEPATCH_ARCH_SPIN_HINT() __asm__ volatile("yield" : : : "memory")

#endif /* SLICEPATCH_ARCH_AARCH64_H */
