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

inline uintptr_t interrupted_pc(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}

// x0 was rolled back to the first argument and x8 holds the number: going back over `svc` repeats the call.
inline void repeat_trapped_call(ucontext_t *context)
{
    context->uc_mcontext.pc -= 4;
}

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_CONTEXT_H
