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

inline constexpr uint32_t audit_architecture = AUDIT_ARCH_X86_64;
inline constexpr uint16_t elf_machine = EM_X86_64;

// glibc's RSEQ_SIG: the four bytes in front of every abort handler of a restartable sequence.
inline constexpr uint32_t rseq_signature = 0x53053053;

// `mov $signature, %reg` (B8+r imm32) is code that registers an area, not code that runs a sequence.
inline bool is_signature_operand(const unsigned char *signature)
{
    return (signature[-1] & 0xF8) == 0xB8;
}

inline unsigned long trapped_argument(const ucontext_t *context, int index)
{
    constexpr int registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    return static_cast<unsigned long>(context->uc_mcontext.gregs[registers[index]]);
}

inline void set_trapped_result(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_RAX] = result;
}

// A system call that leaves errno alone and enters no other code: the result, or -errno.
inline long kernel_call(long number, unsigned long first = 0, unsigned long second = 0, unsigned long third = 0,
                        unsigned long fourth = 0, unsigned long fifth = 0, unsigned long sixth = 0)
{
    register unsigned long r10 __asm__("r10") = fourth;
    register unsigned long r8 __asm__("r8") = fifth;
    register unsigned long r9 __asm__("r9") = sixth;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

inline uintptr_t interrupted_pc(const ucontext_t *context)
{
    return static_cast<uintptr_t>(context->uc_mcontext.gregs[REG_RIP]);
}

// A call that the kernel is to repeat is entered anew: the pc is on `syscall` (0F 05), and rax holds the number
// (arch/x86/kernel/signal.c, handle_signal()). The first time, `syscall` has left its return address in rcx (AMD64
// manual, volume 3). Not so on processors with FRED, where such a call is not found.
inline constexpr uint16_t call_instruction = 0x050F;

// The number, or -1.
inline long repeated_call(const ucontext_t *context)
{
    const auto &registers = context->uc_mcontext.gregs;
    const bool entered = registers[REG_RCX] == registers[REG_RIP] + static_cast<long>(sizeof call_instruction);
    return entered ? static_cast<long>(registers[REG_RAX]) : -1;
}

// Lets it end with `result` instead.
inline void end_repeated_call(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_RIP] += sizeof call_instruction;
    set_trapped_result(context, result);
}

// The kernel reports a dispatched call with the pc behind `syscall` (0F 05) and the number still in rax.
inline void repeat_trapped_call(ucontext_t *context)
{
    context->uc_mcontext.gregs[REG_RIP] -= 2;
}

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_CONTEXT_H
