// SPDX-License-Identifier: MIT
//
// What a tracer that plays the kernel needs to know of this architecture's registers and instructions.
#ifndef SLICEPATCH_TESTS_STEPPING_H
#define SLICEPATCH_TESTS_STEPPING_H

#include <cstdint>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

namespace slicepatch::test {

using Registers = user_regs_struct;

inline bool read_registers(pid_t child, Registers &registers)
{
    return ptrace(PTRACE_GETREGS, child, nullptr, &registers) == 0;
}

inline bool write_registers(pid_t child, const Registers &registers)
{
    return ptrace(PTRACE_SETREGS, child, nullptr, &registers) == 0;
}

inline std::uintptr_t next_instruction(const Registers &registers)
{
    return registers.rip;
}

/// On the first instruction of a function.
inline std::uintptr_t return_address(pid_t child, const Registers &registers)
{
    return static_cast<std::uintptr_t>(ptrace(PTRACE_PEEKDATA, child, registers.rsp, nullptr));
}

/// Whether the next instruction makes system call number.
inline bool is_system_call(pid_t child, const Registers &registers, long number)
{
    const long word = ptrace(PTRACE_PEEKTEXT, child, registers.rip, nullptr);
    return (word & 0xffff) == 0x050f && static_cast<long>(registers.rax) == number;
}

/// Behind the system call, which answers 0 and changes what the kernel's entry changes.
inline void skip_system_call(Registers &registers)
{
    registers.rip += 2;
    registers.rax = 0;
    registers.rcx = registers.rip;
    registers.r11 = registers.eflags;
}

} // namespace slicepatch::test

#endif
