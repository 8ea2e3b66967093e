// SPDX-License-Identifier: MIT
#include "foreign.h"

#include "context.h"
#include "guard.h"
#include "masks.h"
#include "reserved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

// libc's own name for its sigaction(2): what is found as `sigaction` may be ours, or that of a sanitizer.
extern "C" int __sigaction(int signal, const struct sigaction *action, struct sigaction *old) noexcept;

namespace slicepatch::sim {

namespace {

uint64_t kernel_mask(const sigset_t &set)
{
    return *reinterpret_cast<const uint64_t *>(&set); // libc's is longer
}

// While a handler of the program's runs in one of ours, what it expects is blocked, and no more: really so, since it
// may leave by siglongjmp(3), which restores the real mask alone. SIGSYS stays open.
class HandlerMask {
public:
    HandlerMask(int signal, const struct sigaction &action, const ucontext_t *context)
    {
        uint64_t mask = kernel_mask(context->uc_sigmask) | kernel_mask(action.sa_mask);
        if ((action.sa_flags & SA_NODEFER) == 0)
            mask |= 1ULL << (signal - 1);
        mask &= ~(1ULL << (SIGSYS - 1));
        kernel_call(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uintptr_t>(&mask),
                    reinterpret_cast<uintptr_t>(&saved_), sizeof mask);
    }
    ~HandlerMask()
    {
        kernel_call(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<uintptr_t>(&saved_), 0, sizeof saved_);
    }
    HandlerMask(const HandlerMask &) = delete;
    HandlerMask &operator=(const HandlerMask &) = delete;

private:
    uint64_t saved_ = 0;
};

void die_of(int signal)
{
    struct sigaction standard = {};
    standard.sa_handler = SIG_DFL;
    __sigaction(signal, &standard, nullptr);
    kernel_call(SYS_tgkill, static_cast<unsigned long>(kernel_call(SYS_getpid)),
                static_cast<unsigned long>(kernel_call(SYS_gettid)), static_cast<unsigned long>(signal));
}

void run_handler(const struct sigaction &action, int signal, siginfo_t *information, ucontext_t *context)
{
    HandlerMask mask(signal, action, context);
    if ((action.sa_flags & SA_SIGINFO) != 0)
        action.sa_sigaction(signal, information, context);
    else
        action.sa_handler(signal);
}

// Whether a call may sleep until a signal ends it, and is repeated behind a handler with SA_RESTART (signal(7)).
bool is_endable(long number)
{
    switch (number) {
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_fcntl:
    case SYS_flock:
    case SYS_futex:
    case SYS_mq_timedreceive:
    case SYS_mq_timedsend:
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmmsg:
    case SYS_recvmsg:
    case SYS_sendmmsg:
    case SYS_sendmsg:
    case SYS_sendto:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_write:
    case SYS_writev:
        return true;
    default:
        return false;
    }
}

// Regular files and the other commands of fcntl(2) do not make it sleep.
bool sleeps_until_signal(long number, unsigned long first, unsigned long second)
{
    struct stat status = {};
    switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_write:
    case SYS_writev:
        return kernel_call(SYS_fstat, first, reinterpret_cast<uintptr_t>(&status)) == 0 && !S_ISREG(status.st_mode);
    case SYS_fcntl:
        return second == F_SETLKW || second == F_OFD_SETLKW;
    default:
        return true;
    }
}

// A jump into nowhere must not fail here, but where it was made.
bool is_at_call_instruction(const ucontext_t *context)
{
    auto instruction = static_cast<decltype(call_instruction + 0)>(0);
    iovec here = {&instruction, sizeof call_instruction};
    iovec there = {reinterpret_cast<void *>(interrupted_pc(context)), sizeof call_instruction};
    const long length = kernel_call(SYS_process_vm_readv, static_cast<unsigned long>(kernel_call(SYS_getpid)),
                                    reinterpret_cast<uintptr_t>(&here), 1, reinterpret_cast<uintptr_t>(&there), 1);
    return length == static_cast<long>(sizeof call_instruction) && instruction == call_instruction;
}

// If the thread is about to make such a call: again, or for the first time, where the two look the same. A signal that
// comes right before the call may as well come right behind its beginning.
void end_call(ucontext_t *context)
{
    const long number = repeated_call(context);
    if (sleeps_until_signal(number, trapped_argument(context, 0), trapped_argument(context, 1)) &&
        is_at_call_instruction(context))
        end_repeated_call(context, -EINTR);
}

bool has_handler(const struct sigaction &action)
{
    return (action.sa_flags & SA_SIGINFO) != 0 || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

bool ends_calls(const struct sigaction &action)
{
    return has_handler(action) && (action.sa_flags & SA_RESTART) == 0;
}

} // namespace

void deliver_to_program(int signal, siginfo_t *information, ucontext_t *context)
{
    const bool forced = signal == SIGSYS && information->si_code > 0;
    if (!forced && keep_if_blocked(signal, *information))
        return;
    const struct sigaction action = take_pretended_action(signal);
    if (has_handler(action))
        run_handler(action, signal, information, context);
    else if (action.sa_handler == SIG_DFL || forced)
        die_of(signal);
    if (forced)
        return;
    if (ends_calls(action) && is_endable(repeated_call(context)))
        end_call(context);
    else
        give_way_to_signals(context);
}

// In our handlers all signals are blocked, so that those which wait are pending. Nearly always no call was interrupted,
// and none is made.
void give_way_to_signals(ucontext_t *context)
{
    uint64_t pending = 0;
    if (!is_endable(repeated_call(context)) ||
        kernel_call(SYS_rt_sigpending, reinterpret_cast<uintptr_t>(&pending), sizeof pending) != 0)
        return;
    pending &= ~kernel_mask(context->uc_sigmask);
    for (int signal = 1; signal <= 64; signal++) {
        struct sigaction action = {};
        if ((pending >> (signal - 1) & 1) == 0 || is_reserved(signal) || __sigaction(signal, nullptr, &action) != 0 ||
            !ends_calls(action))
            continue;
        end_call(context);
        return;
    }
}

} // namespace slicepatch::sim
