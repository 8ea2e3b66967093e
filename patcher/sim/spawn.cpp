// SPDX-License-Identifier: MIT
//
// New threads and processes. A program, or the library under test, may wrap pthread_create as well: the wrapper that is
// first in the lookup order passes its own start routine on. If a routine that runs before ours makes the first
// emulated system call, that call attaches the thread, and attaching it again is nothing.
#include "masks.h"
#include "next.h"
#include "rseq_flags.h"
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <unistd.h>

using namespace slicepatch::sim;

SLICEPATCH_SIM_FIND(_Fork);
SLICEPATCH_SIM_FIND(pthread_create);
SLICEPATCH_SIM_FIND(thrd_create);

namespace slicepatch::sim {
namespace {

// For void *(void *) and int(void *), the start routines of POSIX and of C.
template <typename Result> Result enter_thread(void *raw)
{
    auto *thread = static_cast<Thread *>(raw);
    const Start start = thread->start;
    set_pretended_mask(start.pretended_mask);
    search_for_sequences();
    attach_started_thread(thread);
    return reinterpret_cast<Result (*)(void *)>(start.routine)(start.argument);
}

template <typename Result> Thread *make_started(Result (*routine)(void *), void *argument)
{
    return make_thread({reinterpret_cast<void (*)()>(routine), argument, pretended_mask()});
}

} // namespace
} // namespace slicepatch::sim

SLICEPATCH_SIM_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                                         void *argument) noexcept
{
    Thread *started = make_started(routine, argument);
    if (started == nullptr)
        return EAGAIN;
    int result = SLICEPATCH_SIM_NEXT(pthread_create)(thread, attributes, enter_thread<void *>, started);
    if (result != 0)
        free_thread(started);
    return result;
}

// libc's thrd_create does not go through the symbol pthread_create, so this does not attach twice.
SLICEPATCH_SIM_EXPORT int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
    Thread *started = make_started(routine, argument);
    if (started == nullptr)
        return thrd_nomem;
    int result = SLICEPATCH_SIM_NEXT(thrd_create)(thread, enter_thread<int>, started);
    if (result != thrd_success)
        free_thread(started);
    return result;
}

// fork(3) and what is built on it run the handlers of pthread_atfork(3), see start.cpp; this one does not.
SLICEPATCH_SIM_EXPORT pid_t _Fork() noexcept
{
    auto *next = SLICEPATCH_SIM_NEXT(_Fork);
    if (next == nullptr) {
        errno = ENOSYS; // before glibc 2.34 no program can have it
        return -1;
    }
    pid_t child = next();
    if (child == 0)
        restart_after_fork();
    return child;
}
