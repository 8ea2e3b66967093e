// SPDX-License-Identifier: MIT
//
// A system call in the registers of a stopped thread.
#ifndef SLICEPATCH_TESTS_FAULTS_REGISTERS_H
#define SLICEPATCH_TESTS_FAULTS_REGISTERS_H

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

namespace slicepatch::test {

class Registers {
public:
    explicit Registers(pid_t thread) : thread_(thread)
    {
        valid_ = ptrace(PTRACE_GETREGS, thread, nullptr, &registers_) == 0;
    }
    [[nodiscard]] bool valid() const
    {
        return valid_;
    }
    /// At the entry of a call: it is not made.
    bool skip_call()
    {
        registers_.orig_rax = ~0ULL;
        return store();
    }
    /// At the entry: how many bytes it may transfer.
    bool set_third_argument(unsigned long value)
    {
        registers_.rdx = value;
        return store();
    }
    /// At the exit of a call.
    bool set_result(long result)
    {
        registers_.rax = static_cast<unsigned long long>(result);
        return store();
    }

private:
    bool store()
    {
        return ptrace(PTRACE_SETREGS, thread_, nullptr, &registers_) == 0;
    }
    pid_t thread_;
    user_regs_struct registers_{};
    bool valid_ = false;
};

} // namespace slicepatch::test

#endif
