/* SPDX-License-Identifier: MIT */
/*
 * x86-64 sites as compiled. Included by <slicepatch/arch.h> alone, which states the contract.
 *
 * A head is 8 bytes, 8-byte aligned and one instruction in every state, so that one aligned store changes it under
 * running threads. The bytes are written raw: an assembler would relax the jump, and the patcher compares every byte.
 */
#ifndef SLICEPATCH_ARCH_X86_64_H
#define SLICEPATCH_ARCH_X86_64_H

#define SLICEPATCH_ARCH_MACHINE 62                /* EM_X86_64 */
#define SLICEPATCH_ARCH_AUDIT 0xc000003e          /* AUDIT_ARCH_X86_64, <linux/audit.h> */
#define SLICEPATCH_ARCH_COMPAT_AUDIT 0x40000003   /* AUDIT_ARCH_I386: int 0x80, from any program */
#define SLICEPATCH_ARCH_COMPAT_NR_PRCTL 172       /* arch/x86/entry/syscalls/syscall_32.tbl */
#define SLICEPATCH_ARCH_COMPAT_NR_RSEQ 386        /* the same table */
#define SLICEPATCH_ARCH_RSEQ_SIGNATURE 0x53053053 /* before an abort handler; what glibc registers, <sys/rseq.h> */

#define SLICEPATCH_ARCH_HEAD_ \
    ".balign 8\n" \
    ".Lslicepatch_head%=:\n" \
    ".byte 0xe9\n" \
    ".long %l[slicepatch_cold] - . - 4\n"

/*
 *   compiled  e9 rel32 0f 1f 40 | 01        jmp cold; (filler, together with the 01: nopl 1(%rax))
 *   enabled   64 c6 04 25 disp32 | 01       movb $1, %fs:disp32
 *   off       66 0f 1f 84 00 xx xx xx | 01  nopw
 * The last byte is the same in all three, so that the 8-byte head is all that changes.
 */
#define SLICEPATCH_ARCH_ENTER \
    SLICEPATCH_ARCH_HEAD_ \
    ".byte 0x0f, 0x1f, 0x40, 0x01\n"

/*
 *   compiled  e9 rel32 0f 1f 00   | 0f 83 rel32    jmp cold; nopl (%rax) | jnc cold
 *   enabled   64 d0 2c 25 disp32  | 0f 83 rel32    shrb $1, %fs:disp32   | jnc cold
 *   off       0f 1f 84 00 disp32  | 66 0f 1f 44 .. nopl                  | nopw
 * shr moves the old request bit into CF: set means that the kernel did not touch it. The cold block serves both as the
 * dynamic path and as the slow path: clearing a request that is clear already is harmless.
 */
#define SLICEPATCH_ARCH_EXIT \
    SLICEPATCH_ARCH_HEAD_ \
    ".byte 0x0f, 0x1f, 0x00\n" \
    ".byte 0x0f, 0x83\n" \
    ".long %l[slicepatch_cold] - . - 4\n"

/*
 *   compiled  e9 rel32 0f 1f 00   jmp cold
 *   enabled   e9 rel32 ..         jmp yes
 *   off       0f 1f 84 00 disp32  nopl
 */
#define SLICEPATCH_ARCH_BRANCH \
    SLICEPATCH_ARCH_HEAD_ \
    ".byte 0x0f, 0x1f, 0x00\n"

/*
 * clang from 18 on loses what is live in the x87 stack across an asm goto, whatever its text. Said to be changed, it is
 * in memory by then; other classes of registers survive, and gcc keeps all of them (tests/abi/registers.c).
 */
#if defined(__clang__)
/* clang-format off */
#define SLICEPATCH_ARCH_CLOBBERS \
    "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"
/* clang-format on */
#else
#define SLICEPATCH_ARCH_CLOBBERS "memory", "cc"
#endif

/*
 * %fs:0 holds the thread pointer itself (ELF TLS ABI, variant II). {AT&T|Intel}: under -masm=intel the operands of the
 * former would change places and the thread pointer be overwritten. What else is here reads the same in both.
 */
#define SLICEPATCH_ARCH_THREAD_POINTER() \
    __extension__({ \
        unsigned long slicepatch_tp_; \
        __asm__("{movq %%fs:0, %[slicepatch_tp]|mov %[slicepatch_tp], qword ptr fs:[0]}" \
                : [slicepatch_tp] "=r"(slicepatch_tp_)); \
        slicepatch_tp_; \
    })

/* The kernel's entry changes rcx and r11 (System V psABI, A.2.1). */
#define SLICEPATCH_ARCH_SYSCALL_CLOBBERS_ "rcx", "r11", "memory", "cc"
#define SLICEPATCH_ARCH_SYSCALL(number) \
    __extension__({ \
        long slicepatch_ax_ = (number); \
        __asm__ volatile("syscall" : "+a"(slicepatch_ax_) : : SLICEPATCH_ARCH_SYSCALL_CLOBBERS_); \
        slicepatch_ax_; \
    })

/*
 * In no registers but the general ones, so that functions for which a target(...) leaves no others can have sites: gcc
 * would emit vector moves, and clang (19 does, 14 does not) inlines into a function only what needs no feature that it
 * lacks.
 *
 * A function of its own that saves what it changes, so that its caller keeps its registers; inlined, it would lie beside
 * the hot code (with clang 14, 166 bytes a pair for 45: tests/abi/size.sh). clang gives a leaf function a frame for the
 * call, a push and a pop, where gcc moves that into the cold path too.
 */
/* clang-format off */
#if defined(__clang__)
#define SLICEPATCH_ARCH_COLD_TARGET __attribute__((__target__("general-regs-only")))
#define SLICEPATCH_ARCH_COLD \
    static __inline__ SLICEPATCH_ARCH_COLD_TARGET __attribute__((__noinline__, __cold__, __no_caller_saved_registers__))
/* Inlined: at -O0 such a function restores the register of its result too (14 and 19 do). */
#define SLICEPATCH_ARCH_COLD_WITH_RESULT SLICEPATCH_ARCH_COLD_TARGET SLICEPATCH_INLINE_
#elif __GNUC__ >= 11
#define SLICEPATCH_ARCH_COLD_TARGET __attribute__((__target__("general-regs-only")))
#define SLICEPATCH_ARCH_COLD \
    static SLICEPATCH_ARCH_COLD_TARGET __attribute__((__noinline__, __cold__, __unused__, __no_caller_saved_registers__))
#define SLICEPATCH_ARCH_COLD_WITH_RESULT SLICEPATCH_ARCH_COLD
#else
#define SLICEPATCH_ARCH_COLD_TARGET
#define SLICEPATCH_ARCH_COLD SLICEPATCH_INLINE_
#define SLICEPATCH_ARCH_COLD_WITH_RESULT SLICEPATCH_INLINE_
#endif
/* clang-format on */

/* The return address is in the cold block, right behind the call. */
#define SLICEPATCH_ARCH_COLD_PARAMETER void
#define SLICEPATCH_ARCH_COLD_ARGUMENT

/*
 * In registers that a system call changes anyway. Out of the red zone (System V psABI, 3.2.2), which the compiler may use
 * around what it takes for no call. Where the
 * cold block is inlined, there is no return address to tell it by, and nothing is counted.
 */
#if defined(__clang__) || __GNUC__ >= 11
#define SLICEPATCH_ARCH_COUNT(counters, seen) \
    do { \
        register long slicepatch_seen_ __asm__("r11") = (seen); \
        __asm__ volatile("{leaq -128(%%rsp), %%rsp|lea rsp, [rsp - 128]}\n" \
                         "{call *(%%rax)|call qword ptr [rax]}\n" \
                         "{leaq 128(%%rsp), %%rsp|lea rsp, [rsp + 128]}" \
                         : \
                         : "a"(counters), "c"(__builtin_return_address(0)), "r"(slicepatch_seen_) \
                         : "memory", "cc"); \
    } while (0)
#else
#define SLICEPATCH_ARCH_COUNT(counters, seen) ((void)(counters), (void)(seen))
#endif

#define SLICEPATCH_ARCH_SPIN_HINT() __asm__ volatile("pause" : : : "memory")

#endif /* SLICEPATCH_ARCH_X86_64_H */
