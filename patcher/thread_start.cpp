// SPDX-License-Identifier: MIT
//
// Wraps the start of threads by being the pthread_create and thrd_create that the program finds first; std::thread uses
// the former. The real ones are libc's: found behind us by the dynamic linker, or under their other names in a static
// program.
#include "threads.h"

#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#define EXPORTED __attribute__((visibility("default")))

extern "C" {
// The libc.a of glibc and of musl define these beside the weak public names; no shared libc exports them.
__attribute__((weak)) int __pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
__attribute__((weak)) int __thrd_create(thrd_t *, thrd_start_t, void *);
}

namespace slicepatch {

namespace {

using PthreadCreate = int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
using ThrdCreate = int (*)(thrd_t *, thrd_start_t, void *);

template <class Function> Function find_next(const char *name)
{
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

PthreadCreate real_pthread_create()
{
    return __pthread_create ? __pthread_create : find_next<PthreadCreate>("pthread_create");
}

/// What a new thread is to run; made by its creator, freed by itself.
template <class Result> struct Start {
    Result (*routine)(void *);
    void *argument;
};

template <class Result> Result run_started(void *data)
{
    const Start<Result> start = *static_cast<Start<Result> *>(data);
    std::free(data);
    enable_started_thread();
    return start.routine(start.argument);
}

template <class Result> void *make_start(Result (*routine)(void *), void *argument)
{
    void *start = std::malloc(sizeof(Start<Result>));
    if (start)
        *static_cast<Start<Result> *>(start) = {routine, argument};
    return start;
}

int create_pthread(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument)
{
    const PthreadCreate create = real_pthread_create();
    if (!create)
        return EAGAIN; // no libc without it is known
    void *start = make_start(routine, argument);
    if (!start)
        return EAGAIN; // as POSIX has it for a lack of resources
    const int error = create(thread, attributes, run_started<void *>, start);
    if (error)
        std::free(start);
    return error;
}

} // namespace

bool threads_are_hooked()
{
    if (__pthread_create)
        return true; // static: the linker chose ours for every caller
    return dlsym(RTLD_DEFAULT, "pthread_create") == reinterpret_cast<void *>(&pthread_create) &&
           reinterpret_cast<void *>(real_pthread_create()) != reinterpret_cast<void *>(&pthread_create);
}

} // namespace slicepatch

extern "C" EXPORTED int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                                       void *argument) noexcept
{
    return slicepatch::create_pthread(thread, attributes, routine, argument);
}

extern "C" EXPORTED int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
    using namespace slicepatch;
    // libc's own calls its pthread_create directly, so that a thread is wrapped once.
    const ThrdCreate create = __thrd_create ? __thrd_create : find_next<ThrdCreate>("thrd_create");
    if (!create)
        return thrd_error;
    void *start = make_start(routine, argument);
    if (!start)
        return thrd_nomem;
    const int error = create(thread, run_started<int>, start);
    if (error != thrd_success)
        std::free(start);
    return error;
}
