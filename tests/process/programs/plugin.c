/* SPDX-License-Identifier: MIT */
/* A shared object with a section, and, if it is linked with a copy of the library, an init of its own. */
#include <slicepatch/slicepatch.h>

#include <pthread.h>
#include <stdatomic.h>

static atomic_int lock;
static unsigned long counter; /* guarded by lock */

SLICEPATCH_API unsigned long plugin_run(unsigned long times);
unsigned long plugin_run(unsigned long times)
{
    for (unsigned long i = 0; i < times; ++i) {
        SLICEPATCH_ENTER_AS("plugin");
        while (atomic_exchange_explicit(&lock, 1, memory_order_acquire))
            SLICEPATCH_ARCH_SPIN_HINT();
        ++counter;
        atomic_store_explicit(&lock, 0, memory_order_release);
        SLICEPATCH_EXIT_AS("plugin");
    }
    return counter;
}

/* The other half of a nesting that begins in another object, see "across". */
SLICEPATCH_API void plugin_outermost(int enter);
void plugin_outermost(int enter)
{
    if (enter)
        SLICEPATCH_ENTER_OUTERMOST();
    else
        SLICEPATCH_EXIT_OUTERMOST();
}

#ifdef PLUGIN_HAS_LIBRARY
SLICEPATCH_API int plugin_init(struct slicepatch_report *report);
int plugin_init(struct slicepatch_report *report)
{
    return slicepatch_init(NULL, report);
}
#endif

/* A thread that this object starts: by which pthread_create is up to the dynamic linker. */
static void *set_flag(void *flag)
{
    *(int *)flag = 1;
    return flag;
}

SLICEPATCH_API int plugin_start_thread(void);
int plugin_start_thread(void)
{
    pthread_t thread;
    int flag = 0;
    return pthread_create(&thread, NULL, set_flag, &flag) == 0 && pthread_join(thread, NULL) == 0 && flag;
}
