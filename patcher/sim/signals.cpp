// SPDX-License-Identifier: MIT
//
// libc's functions that could block, replace or consume a reserved signal. Each does what it says for all other
// signals. The raw system calls pass: a program that blocks SIGSYS that way is killed by its next prctl(79).
#include "masks.h"
#include "next.h"
#include "reserved.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

using namespace slicepatch::sim;

SLICEPATCH_SIM_FIND(epoll_pwait);
SLICEPATCH_SIM_FIND(epoll_pwait2);
SLICEPATCH_SIM_FIND(ppoll);
SLICEPATCH_SIM_FIND(pselect);
SLICEPATCH_SIM_FIND(pthread_attr_setsigmask_np);
SLICEPATCH_SIM_FIND(pthread_sigmask);
SLICEPATCH_SIM_FIND(sigaction);
SLICEPATCH_SIM_FIND(signal);
SLICEPATCH_SIM_FIND(signalfd);
SLICEPATCH_SIM_FIND(sigprocmask);
SLICEPATCH_SIM_FIND(sigsuspend);
SLICEPATCH_SIM_FIND(sigtimedwait);
SLICEPATCH_SIM_FIND(sigwait);
SLICEPATCH_SIM_FIND(sigwaitinfo);
SLICEPATCH_SIM_FIND(sysv_signal);

namespace slicepatch::sim {

namespace {

using MaskFunction = int(int, const sigset_t *, sigset_t *);

int change_mask(MaskFunction *next, int how, const sigset_t *set, sigset_t *old)
{
    sigset_t believed;
    sigemptyset(&believed);
    add_pretended_mask(believed);
    OpenMask wanted(set);
    sigset_t requested;
    if (set != nullptr)
        requested = *set; // set and old may be the same object
    int result = next(how, wanted.get(), old);
    if (result != 0)
        return result;
    if (old != nullptr)
        sigorset(old, old, &believed);
    if (set != nullptr)
        change_pretended_mask(how, requested);
    return 0;
}

} // namespace
} // namespace slicepatch::sim

SLICEPATCH_SIM_EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    if (is_reserved(signal))
        return pretend_sigaction(signal, action, old);
    if (action == nullptr)
        return SLICEPATCH_SIM_NEXT(sigaction)(signal, nullptr, old);
    struct sigaction open = *action;
    open.sa_mask = *OpenMask(&action->sa_mask).get();
    return SLICEPATCH_SIM_NEXT(sigaction)(signal, &open, old);
}

SLICEPATCH_SIM_EXPORT SignalHandler signal(int number, SignalHandler handler)
{
    return is_reserved(number) ? pretend_handler(number, handler, SA_RESTART)
                               : SLICEPATCH_SIM_NEXT(signal)(number, handler);
}

SLICEPATCH_SIM_EXPORT SignalHandler ssignal(int number, SignalHandler handler)
{
    return signal(number, handler);
}

SLICEPATCH_SIM_EXPORT SignalHandler bsd_signal(int number, SignalHandler handler)
{
    return signal(number, handler);
}

SLICEPATCH_SIM_EXPORT SignalHandler sysv_signal(int number, SignalHandler handler)
{
    return is_reserved(number) ? pretend_handler(number, handler, static_cast<int>(SA_RESETHAND | SA_NODEFER))
                               : SLICEPATCH_SIM_NEXT(sysv_signal)(number, handler);
}

// What signal() is in a program that asked for strict XSI.
SLICEPATCH_SIM_EXPORT SignalHandler __sysv_signal(int number, SignalHandler handler)
{
    return sysv_signal(number, handler);
}

SLICEPATCH_SIM_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return change_mask(SLICEPATCH_SIM_NEXT(sigprocmask), how, set, old);
}

SLICEPATCH_SIM_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return change_mask(SLICEPATCH_SIM_NEXT(pthread_sigmask), how, set, old);
}

SLICEPATCH_SIM_EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *set)
{
    return SLICEPATCH_SIM_NEXT(pthread_attr_setsigmask_np)(attributes, OpenMask(set).get());
}

SLICEPATCH_SIM_EXPORT int sigsuspend(const sigset_t *set)
{
    return SLICEPATCH_SIM_NEXT(sigsuspend)(OpenMask(set).get());
}

SLICEPATCH_SIM_EXPORT int sigwait(const sigset_t *set, int *number)
{
    return SLICEPATCH_SIM_NEXT(sigwait)(OpenMask(set).get(), number);
}

SLICEPATCH_SIM_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *information)
{
    return SLICEPATCH_SIM_NEXT(sigwaitinfo)(OpenMask(set).get(), information);
}

SLICEPATCH_SIM_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *information, const timespec *timeout)
{
    return SLICEPATCH_SIM_NEXT(sigtimedwait)(OpenMask(set).get(), information, timeout);
}

SLICEPATCH_SIM_EXPORT int signalfd(int file, const sigset_t *set, int flags) noexcept
{
    return SLICEPATCH_SIM_NEXT(signalfd)(file, OpenMask(set).get(), flags);
}

SLICEPATCH_SIM_EXPORT int ppoll(pollfd *files, nfds_t count, const timespec *timeout, const sigset_t *set)
{
    return SLICEPATCH_SIM_NEXT(ppoll)(files, count, timeout, OpenMask(set).get());
}

SLICEPATCH_SIM_EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *other, const timespec *timeout,
                                  const sigset_t *set)
{
    return SLICEPATCH_SIM_NEXT(pselect)(count, in, out, other, timeout, OpenMask(set).get());
}

SLICEPATCH_SIM_EXPORT int epoll_pwait(int file, epoll_event *events, int count, int timeout, const sigset_t *set)
{
    return SLICEPATCH_SIM_NEXT(epoll_pwait)(file, events, count, timeout, OpenMask(set).get());
}

SLICEPATCH_SIM_EXPORT int epoll_pwait2(int file, epoll_event *events, int count, const timespec *timeout,
                                       const sigset_t *set)
{
    auto *next = SLICEPATCH_SIM_NEXT(epoll_pwait2);
    if (next != nullptr)
        return next(file, events, count, timeout, OpenMask(set).get());
    errno = ENOSYS; // before glibc 2.35 no program can have it
    return -1;
}
