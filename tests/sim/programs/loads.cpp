// SPDX-License-Identifier: MIT
//
// loads PLUGIN SECONDS: two threads load and unload a library all the time, and signal handlers that interrupt them in
// the middle of it make emulated system calls; other threads begin and end meanwhile.
#include "section.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
#include <thread>

static std::atomic<long> handled = 0;
static std::atomic<bool> stop = false;

static void enable_in_handler(int)
{
    const int saved = errno;
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    handled++;
    errno = saved;
}

static void *load_and_unload(void *plugin)
{
    while (!stop) {
        void *handle = dlopen(static_cast<const char *>(plugin), RTLD_NOW);
        CHECK_THAT(handle != nullptr && dlsym(handle, "plugin_answer") != nullptr);
        CHECK_THAT(dlclose(handle) == 0);
    }
    return nullptr;
}

int main(int argc, char **argv)
{
    CHECK_THAT(argc == 3);
    struct sigaction action = {};
    action.sa_handler = enable_in_handler;
    action.sa_flags = SA_RESTART;
    CHECK_THAT(sigaction(SIGUSR1, &action, nullptr) == 0);
    pthread_t loaders[2];
    for (pthread_t &loader : loaders)
        CHECK_THAT(pthread_create(&loader, nullptr, load_and_unload, argv[1]) == 0);
    for (double end = seconds_now() + atof(argv[2]); seconds_now() < end;) {
        for (int i = 0; i < 100; i++)
            for (pthread_t loader : loaders)
                CHECK_THAT(pthread_kill(loader, SIGUSR1) == 0);
        std::thread([] { CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0); }).join();
    }
    stop = true;
    for (pthread_t loader : loaders)
        CHECK_THAT(pthread_join(loader, nullptr) == 0);
    CHECK_THAT(handled > 0);
    return 0;
}
