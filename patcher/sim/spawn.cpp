// SPDX-License-Identifier: MIT
//
// New threads and processes. A program, or the library under test, may wrap pthread_create as well: whoever is first in
// the lookup order passes its own start routine on. If a routine that runs before ours makes the first emulated system
// call, that call attaches the thread, and attaching it again is nothing.
#include "masks.h"
#include "next.h"
#include "rseq_flags.h"
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

using namespace slicepatch::sim;

namespace slicepatch::sim {
namespace {

template <typename Routine> struct Start {
    Routine *routine;
    void *argument;
    unsigned pretended_mask;
};

// For void *(void *) and int(void *), the start routines of POSIX and of C.
template <typename Result> Result enter_thread(void *raw)
{
    auto *heap = static_cast<Start<Result(void *)> *>(raw);
    Start<Result(void *)> start = *heap;
    free(heap);
    set_pretended_mask(start.pretended_mask);
    search_for_sequences();
    attach_current_thread();
    return start.routine(start.argument);
}

template <typename Routine> void *make_start(Routine *routine, void *argument)
{
    void *heap = malloc(sizeof(Start<Routine>));
    if (heap != nullptr)
        *static_cast<Start<Routine> *>(heap) = {routine, argument, pretended_mask()};
    return heap;
}

} // namespace
} // namespace slicepatch::sim

SLICEPATCH_SIM_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                                         void *argument) noexcept
{
    void *start = make_start(routine, argument);
    if (start == nullptr)
        return EAGAIN;
    int result = SLICEPATCH_SIM_NEXT(pthread_create)(thread, attributes, enter_thread<void *>, start);
    if (result != 0)
        free(start);
    return result;
}

// libc's thrd_create does not go through the symbol pthread_create, so this does not attach twice.
SLICEPATCH_SIM_EXPORT int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
    void *start = make_start(routine, argument);
    if (start == nullptr)
        return thrd_nomem;
    int result = SLICEPATCH_SIM_NEXT(thrd_create)(thread, enter_thread<int>, start);
    if (result != thrd_success)
        free(start);
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
