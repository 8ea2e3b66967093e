// SPDX-License-Identifier: MIT
//
// The two functions of libc by which programs make system calls of any number. What they are asked for is answered
// here, without a trap: the trap is a signal, and kills a thread that has blocked it by other means than libc's, as a
// thread sanitizer does around handlers. And here registrations are seen, which the filter must let pass: it outlives
// exec(2), behind which libc registers an area before anybody could handle a trap.
//
// Async-signal-safe, as the functions are in whose place these stand.
#include "context.h"
#include "guard.h"
#include "next.h"
#include "settings.h"
#include "slice_kernel.h"
#include "slicepatch/abi.h"
#include "trap.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace slicepatch::sim;

SLICEPATCH_SIM_FIND(prctl);
SLICEPATCH_SIM_FIND(syscall);

namespace slicepatch::sim {

namespace {

// With --strict, a call inside a section must meet the dispatcher where the program made it.
bool answer_here(long number, const unsigned long (&arguments)[5], long &answer)
{
    if (!settings.booted)
        return false;
    SignalGuard signals;
    ErrnoGuard errno_kept;
    if (number != SYS_rseq)
        return !settings.strict && answer_call(number, arguments, answer);
    answer = answer_rseq(arguments[0], arguments[1], arguments[2], arguments[3]);
    return true;
}

bool is_ours(long number, unsigned long first)
{
    if (number == SYS_prctl)
        return static_cast<int>(first) == SLICEPATCH_PR_RSEQ_SLICE_EXTENSION;
    return number == SLICEPATCH_NR_RSEQ_SLICE_YIELD || number == SYS_rseq;
}

long as_libc_returns(long answer)
{
    if (answer >= 0)
        return answer;
    errno = static_cast<int>(-answer);
    return -1;
}

} // namespace
} // namespace slicepatch::sim

// As libc's, it takes six arguments whatever the caller has passed.
SLICEPATCH_SIM_EXPORT long syscall(long number, ...) noexcept
{
    va_list list;
    va_start(list, number);
    unsigned long arguments[5];
    for (unsigned long &argument : arguments)
        argument = va_arg(list, unsigned long);
    const auto sixth = va_arg(list, unsigned long);
    va_end(list);
    long answer = 0;
    if (is_ours(number, arguments[0]) && answer_here(number, arguments, answer))
        return as_libc_returns(answer);
    return SLICEPATCH_SIM_NEXT(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                        sixth);
}

SLICEPATCH_SIM_EXPORT int prctl(int operation, ...) noexcept
{
    va_list list;
    va_start(list, operation);
    unsigned long arguments[5] = {static_cast<unsigned long>(operation)};
    for (int i = 1; i < 5; i++)
        arguments[i] = va_arg(list, unsigned long);
    va_end(list);
    long answer = 0;
    if (is_ours(SYS_prctl, arguments[0]) && answer_here(SYS_prctl, arguments, answer))
        return static_cast<int>(as_libc_returns(answer));
    return SLICEPATCH_SIM_NEXT(prctl)(operation, arguments[1], arguments[2], arguments[3], arguments[4]);
}
