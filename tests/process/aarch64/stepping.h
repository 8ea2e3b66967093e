// SPDX-License-Identifier: MIT
//
// What a tracer that plays the kernel needs to know of this architecture's registers and instructions.
#ifndef SLICEPATCH_TESTS_STEPPING_H
#define SLICEPATCH_TESTS_STEPPING_H

#include <cstdint>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

namespace slicepatch::test {

using Registers = user_regs_struct;

inline bool read_registers(pid_t child, Registers &registers)
{
    iovec all{&registers, sizeof registers};
    return ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &all) == 0;
}

inline bool write_registers(pid_t child, const Registers &registers)
{
    iovec all{const_cast<Registers *>(&registers), sizeof registers};
    return ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &all) == 0;
}

inline std::uintptr_t next_instruction(const Registers &registers)
{
    return registers.pc;
}

/// On the first instruction of a function.
inline std::uintptr_t return_address(pid_t, const Registers &registers)
{
    return registers.regs[30];
}

/// Whether the next instruction makes system call number.
inline bool is_system_call(pid_t child, const Registers &registers, long number)
{
    const long word = ptrace(PTRACE_PEEKTEXT, child, registers.pc, nullptr);
    return static_cast<std::uint32_t>(word) == 0xd4000001 && static_cast<long>(registers.regs[8]) == number;
}

/// Behind the system call, which answers 0 and changes what the kernel's entry changes.
inline void skip_system_call(Registers &registers)
{
    registers.pc += 4;
    registers.regs[0] = 0;
}

} // namespace slicepatch::test

#endif
