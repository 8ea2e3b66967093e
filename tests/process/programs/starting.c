/* SPDX-License-Identifier: MIT */
/* An object whose constructor does what constructors should not, and does so while the loader holds its lock. */
#include <slicepatch/slicepatch.h>

#include <pthread.h>

#ifdef STARTING_INIT
SLICEPATCH_INIT_AT_START();
#endif

#ifdef STARTING_THREADS
static void *do_nothing(void *unused)
{
    return unused;
}

static void *start_another(void *unused)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, do_nothing, NULL) || pthread_join(thread, NULL) ? NULL : unused;
}

__attribute__((constructor)) static void start_threads(void)
{
    pthread_t thread;
    if (!pthread_create(&thread, NULL, start_another, NULL))
        pthread_join(thread, NULL);
}
#endif

SLICEPATCH_API void starting_section(void);
void starting_section(void)
{
    SLICEPATCH_ENTER();
    SLICEPATCH_EXIT();
}
