// SPDX-License-Identifier: MIT
//
// The preloaded object's constructor: the simulated kernel boots.
#include "masks.h"
#include "rseq_flags.h"
#include "settings.h"
#include "slice_kernel.h"
#include "thread.h"
#include "trap.h"

#include <dlfcn.h>
#include <pthread.h>

using namespace slicepatch::sim;

// A thread sanitizer stands in front of many functions of libc, which crash until it is ready.
static void start_sanitizer()
{
    if (void *initialise = dlsym(RTLD_DEFAULT, "__tsan_init"))
        reinterpret_cast<void (*)()>(initialise)();
}

// Linked with -z initfirst: the constructors of other libraries may make the calls that are emulated.
__attribute__((constructor)) static void start_simulation(int, char **, char **environment)
{
    start_sanitizer();
    read_settings(environment);
    adopt_inherited_mask();
    install_handlers();
    install_filter();
    find_yield_hook();
    search_for_sequences();
    prepare_threads();
    settings.booted = true;
    if (pthread_atfork(nullptr, nullptr, restart_after_fork) != 0)
        fail("pthread_atfork failed");
}
