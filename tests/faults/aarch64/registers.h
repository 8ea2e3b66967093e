// SPDX-License-Identifier: MIT
//
// A system call in the registers of a stopped thread.
#ifndef SLICEPATCH_TESTS_FAULTS_REGISTERS_H
#define SLICEPATCH_TESTS_FAULTS_REGISTERS_H

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

namespace slicepatch::test {

class Registers {
public:
    explicit Registers(pid_t thread) : thread_(thread)
    {
        iovec all{&registers_, sizeof registers_};
        valid_ = ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &all) == 0;
    }
    [[nodiscard]] bool valid() const
    {
        return valid_;
    }
    /// At the entry of a call: it is not made. Its number is in a register set of its own, of which -1 is none.
    bool skip_call()
    {
        int number = -1;
        iovec only{&number, sizeof number};
        return ptrace(PTRACE_SETREGSET, thread_, NT_ARM_SYSTEM_CALL, &only) == 0;
    }
    /// At the entry: how many bytes it may transfer.
    bool set_third_argument(unsigned long value)
    {
        registers_.regs[2] = value;
        return store();
    }
    /// At the exit of a call.
    bool set_result(long result)
    {
        registers_.regs[0] = static_cast<unsigned long>(result);
        return store();
    }

private:
    bool store()
    {
        iovec all{&registers_, sizeof registers_};
        return ptrace(PTRACE_SETREGSET, thread_, NT_PRSTATUS, &all) == 0;
    }
    pid_t thread_;
    user_regs_struct registers_{};
    bool valid_ = false;
};

} // namespace slicepatch::test

#endif
