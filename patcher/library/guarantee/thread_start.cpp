// SPDX-License-Identifier: MIT
//
// Wraps the start of threads by being the pthread_create and thrd_create that the program finds first; std::thread uses
// the former. The real one is libc's: found behind us by the dynamic linker, or under its other name in a static
// program.
#include "patcher/library/base/cancellation.h"
#include "patcher/library/base/executable.h"
#include "threads.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>
#include <link.h>
#include <mqueue.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#define EXPORTED __attribute__((visibility("default")))

extern "C" {
// The libc.a of glibc and of musl define it beside the weak public name; no shared libc exports it.
__attribute__((weak)) int __pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
// A sanitizer's own, beside a weak pthread_create that ours replaces where its runtime is an archive, as clang's is.
__attribute__((weak)) int __interceptor_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
// Ours by a name that nobody else's definition can take.
__attribute__((visibility("hidden"))) int slicepatch_pthread_create(pthread_t *, const pthread_attr_t *,
                                                                    void *(*)(void *), void *) noexcept;
}

// A weak reference takes nothing out of libc.a, and ours satisfies everybody else's. glibc's mq_notify() refers to
// __pthread_create itself, and musl's pthread_exit() is in the same member. Never called.
[[gnu::used]] static int (*const takes_from_glibc)(mqd_t, const struct sigevent *) = mq_notify;
[[gnu::used]] static void (*const takes_from_musl)(void *) = pthread_exit;

namespace slicepatch {

namespace {

using PthreadCreate = int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

bool is_in_this_object(PthreadCreate function)
{
    Dl_info own, other;
    return dladdr(reinterpret_cast<void *>(&slicepatch_pthread_create), &own) &&
           dladdr(reinterpret_cast<void *>(function), &other) && own.dli_fbase == other.dli_fbase;
}

/// The definition that was linked into this very object, and whose place ours took; null if none was. A sanitizer's in
/// another object passes on to us, and must not be called back.
PthreadCreate linked_pthread_create()
{
    if (__interceptor_pthread_create && is_in_this_object(__interceptor_pthread_create))
        return __interceptor_pthread_create;
    return __pthread_create;
}

/// Where nothing comes behind us, libc's comes before: an object that needs us, and not the program, brought us.
PthreadCreate find_real()
{
    if (const PthreadCreate linked = linked_pthread_create())
        return linked;
    void *const next = dlsym(RTLD_NEXT, "pthread_create");
    void *const found = next ? next : dlsym(RTLD_DEFAULT, "pthread_create");
    void *const own = reinterpret_cast<void *>(&slicepatch_pthread_create);
    return found == own ? nullptr : reinterpret_cast<PthreadCreate>(found);
}

/// Looked up once, when the library is loaded: later, dlsym() would wait for a dlopen() that waits for this very
/// thread, and would lose the caller's dlerror(). A thread that is started before, by another object's constructor,
/// looks it up itself.
std::atomic<PthreadCreate> known_real{nullptr};

PthreadCreate real_pthread_create()
{
    const PthreadCreate known = known_real.load(std::memory_order_relaxed);
    return known ? known : find_real();
}

/// What a new thread is to run; made by its creator, freed by itself.
template <class Result> struct Start {
    Result (*routine)(void *);
    void *argument;
};

/// The result of a C11 thread is an int in the place of the pointer: there thrd_join() of glibc and of musl looks for
/// it.
void *as_pointer(void *result)
{
    return result;
}
void *as_pointer(int result)
{
    return reinterpret_cast<void *>(std::intptr_t{result});
}

template <class Result> void *run_started(void *data)
{
    const Start<Result> start = *static_cast<Start<Result> *>(data);
    std::free(data);
    enable_started_thread();
    return as_pointer(start.routine(start.argument));
}

template <class Result>
int create(pthread_t *thread, const pthread_attr_t *attributes, Result (*routine)(void *), void *argument)
{
    // Where the caller can be cancelled at any instruction, which POSIX does not allow it here, the start would never
    // end.
    const CancellationDisabled whole;
    const PthreadCreate real = real_pthread_create();
    auto *start = real ? static_cast<Start<Result> *>(std::malloc(sizeof(Start<Result>))) : nullptr;
    if (!start)
        return EAGAIN; // as POSIX has it for a lack of resources
    *start = {routine, argument};
    begin_thread_start();
    const int error = real(thread, attributes, run_started<Result>, start);
    if (error) {
        fail_thread_start();
        std::free(start);
    }
    return error;
}

struct Order {
    std::uintptr_t own, real;
    bool own_is_first = false;
};

int visit_in_load_order(dl_phdr_info *info, std::size_t, void *data)
{
    auto &order = *static_cast<Order *>(data);
    const bool holds_own = holds_address(*info, order.own);
    if (!holds_own && !holds_address(*info, order.real))
        return 0;
    order.own_is_first = holds_own;
    return 1;
}

/// Objects that were loaded at the start come in the order in which symbols are looked up; what dlopen() brings comes
/// behind libc.
bool is_loaded_before(void *own, void *real)
{
    Order order{reinterpret_cast<std::uintptr_t>(own), reinterpret_cast<std::uintptr_t>(real)};
    dl_iterate_phdr(visit_in_load_order, &order);
    return order.own_is_first;
}

/// Whether callers of that function do not come to libc's at once. They may come to a preloaded library first, as a
/// sanitizer is: he passes on to the next definition.
bool is_wrapped(const char *name)
{
    return dlsym(RTLD_DEFAULT, name) != dlsym(RTLD_NEXT, name);
}

/// Whether both ways to start a thread lead through us, everywhere in the process.
bool find_whether_hooked()
{
    if (__pthread_create)
        return true; // static: the linker chose ours for every caller
    // What dlmopen() brought is asked by nobody in the program; RTLD_DEFAULT is what this object finds, which comes
    // first in its own eyes where it was opened with RTLD_DEEPBIND.
    void *const next = dlsym(RTLD_NEXT, "pthread_create");
    return next && is_in_first_namespace() &&
           is_loaded_before(reinterpret_cast<void *>(&slicepatch_pthread_create), next) &&
           is_wrapped("pthread_create") && is_wrapped("thrd_create");
}

bool hooked = false;

// Before any constructor that may call slicepatch_init().
[[gnu::constructor(101)]] void find_real_at_load()
{
    known_real.store(find_real());
    hooked = find_whether_hooked();
}

} // namespace

bool threads_are_hooked()
{
    return hooked;
}

} // namespace slicepatch

extern "C" int slicepatch_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                                         void *argument) noexcept
{
    return slicepatch::create(thread, attributes, routine, argument);
}

extern "C" EXPORTED __attribute__((alias("slicepatch_pthread_create"))) int
pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) noexcept;

extern "C" EXPORTED int thrd_create(thrd_t *thread, thrd_start_t routine, void *argument)
{
    const int error = slicepatch::create(thread, nullptr, routine, argument);
    return error == 0 ? thrd_success : error == EAGAIN || error == ENOMEM ? thrd_nomem : thrd_error;
}
