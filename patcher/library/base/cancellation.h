// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_CANCELLATION_H
#define SLICEPATCH_CANCELLATION_H

#include <cerrno>
#include <poll.h>
#include <pthread.h>

namespace slicepatch {

struct Cancellation {
    int state = PTHREAD_CANCEL_ENABLE, type = PTHREAD_CANCEL_DEFERRED;
};

/// Returns what restore_cancellation() wants. Async-cancel-safe: POSIX says so of the first two calls, and if the
/// thread ends in the third, nothing has begun.
inline Cancellation disable_cancellation()
{
    Cancellation saved; // the only error of these calls is another value
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved.state);
    (void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &saved.type);
    if (saved.type == PTHREAD_CANCEL_DEFERRED)
        return saved;
    // Before that, another thread may have sent the signal by which glibc (2.36) cancels an asynchronous thread.
    // Whether it is disabled by now is not asked when the signal comes, during a cancellation point; and each of these
    // waits for it. So it comes in this one, and not later, where the lock of init would stay with a dead thread
    // (measured).
    const int error = errno;
    (void)poll(nullptr, 0, 0);
    errno = error;
    return saved;
}

/// A thread that has been cancelled meanwhile ends here if its cancellation is asynchronous. By a call of its own:
/// where glibc 2.36 does so in pthread_setcancelstate(), who joins the thread is not told PTHREAD_CANCELED (measured).
inline void restore_cancellation(const Cancellation &saved)
{
    (void)pthread_setcancelstate(saved.state, nullptr);
    if (saved.type == PTHREAD_CANCEL_DEFERRED)
        return;
    pthread_testcancel();
    (void)pthread_setcanceltype(saved.type, nullptr);
}

/// Keeps the calling thread from being cancelled.
class CancellationDisabled {
public:
    CancellationDisabled() = default;
    CancellationDisabled(const CancellationDisabled &) = delete;
    CancellationDisabled &operator=(const CancellationDisabled &) = delete;
    ~CancellationDisabled()
    {
        restore_cancellation(saved_);
    }

private:
    Cancellation saved_ = disable_cancellation();
};

} // namespace slicepatch

#endif
