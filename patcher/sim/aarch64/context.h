// SPDX-License-Identifier: MIT
//
// The registers of a trapped system call, and what else the simulator must know of this processor.
#ifndef SLICEPATCH_SIM_CONTEXT_H
#define SLICEPATCH_SIM_CONTEXT_H

#include <cstdint>
#include <elf.h>
#include <linux/audit.h>
#include <signal.h>
#include <ucontext.h>

namespace slicepatch::sim {

inline constexpr uint32_t audit_architecture = AUDIT_ARCH_AARCH64;
inline constexpr uint16_t elf_machine = EM_AARCH64;

// glibc's RSEQ_SIG (`brk #0x45e0`): the four bytes in front of every abort handler of a restartable sequence.
inline constexpr uint32_t rseq_signature = 0xd428bc00;

// A register is loaded with the signature by movz and movk, which do not hold it in one piece.
inline bool is_signature_operand(const unsigned char *)
{
    return false;
}

inline unsigned long trapped_argument(const ucontext_t *context, int index)
{
    return context->uc_mcontext.regs[index];
}

inline void set_trapped_result(ucontext_t *context, long result)
{
    context->uc_mcontext.regs[0] = static_cast<unsigned long>(result);
}

// A system call that leaves errno alone and enters no other code: the result, or -errno.
inline long kernel_call(long number, unsigned long first = 0, unsigned long second = 0, unsigned long third = 0,
                        unsigned long fourth = 0, unsigned long fifth = 0, unsigned long sixth = 0)
{
    register unsigned long x8 __asm__("x8") = static_cast<unsigned long>(number);
    register unsigned long x0 __asm__("x0") = first;
    register unsigned long x1 __asm__("x1") = second;
    register unsigned long x2 __asm__("x2") = third;
    register unsigned long x3 __asm__("x3") = fourth;
    register unsigned long x4 __asm__("x4") = fifth;
    register unsigned long x5 __asm__("x5") = sixth;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return static_cast<long>(x0);
}

inline uintptr_t interrupted_pc(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}

// A call that the kernel is to repeat is entered anew: the pc is on `svc #0`, x0 holds the first argument again and x8
// the number (arch/arm64/kernel/signal.c, do_signal()).
inline constexpr uint32_t call_instruction = 0xD4000001;

// The number, if the pc is at a call; whether the call was entered before cannot be seen.
inline long repeated_call(const ucontext_t *context)
{
    return static_cast<long>(context->uc_mcontext.regs[8]);
}

// Lets it end with `result` instead.
inline void end_repeated_call(ucontext_t *context, long result)
{
    context->uc_mcontext.pc += sizeof call_instruction;
    set_trapped_result(context, result);
}

// x0 was rolled back to the first argument and x8 holds the number: going back over `svc` repeats the call.
inline void repeat_trapped_call(ucontext_t *context)
{
    context->uc_mcontext.pc -= 4;
}

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_CONTEXT_H
