// SPDX-License-Identifier: MIT
//
// Reaches threads that were started before init: each gets a signal whose handler enables it. The signal is one that
// the program does not use, and its disposition is put back once nobody can receive it any more.
#include "threads.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace slicepatch {

namespace {

std::atomic<unsigned> answered{0};
std::atomic<unsigned> refused{0};

void on_signal(int, siginfo_t *, void *)
{
    const int saved = errno;
    if (enable_this_thread() != 0)
        refused.fetch_add(1);
    answered.fetch_add(1);
    errno = saved;
}

/// A real-time signal with the default disposition; 0 if the program uses all of them. From the top: programs count up
/// from SIGRTMIN.
int find_free_signal()
{
    for (int number = SIGRTMAX; number >= SIGRTMIN; --number) {
        struct sigaction action;
        if (sigaction(number, nullptr, &action) == 0 && !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL)
            return number;
    }
    return 0;
}

/// Whether thread tid would take the signal soon; one that blocks it might take it when its disposition is gone.
bool takes_signal(pid_t tid, int number)
{
    char path[64], line[256];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    std::FILE *status = std::fopen(path, "re");
    if (!status)
        return false;
    unsigned long long blocked = ~0ULL;
    while (std::fgets(line, sizeof line, status))
        if (std::sscanf(line, "SigBlk: %llx", &blocked) == 1)
            break;
    std::fclose(status);
    return !(blocked >> (number - 1) & 1);
}

struct Sent {
    unsigned signalled, unreachable;
};

Sent signal_threads(int number)
{
    Sent sent{0, 0};
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        return sent;
    const pid_t process = getpid();
    const auto self = static_cast<pid_t>(syscall(SYS_gettid));
    while (const dirent *entry = readdir(tasks)) {
        const pid_t tid = std::atoi(entry->d_name);
        if (tid <= 0 || tid == self)
            continue;
        if (number && takes_signal(tid, number)) {
            if (syscall(SYS_tgkill, process, tid, number) == 0)
                ++sent.signalled;
            else if (errno != ESRCH) // ended meanwhile
                ++sent.unreachable;
        } else {
            ++sent.unreachable;
        }
    }
    closedir(tasks);
    return sent;
}

/// Waits until so many have answered, up to 0.2 s.
bool wait_for_answers(unsigned wanted)
{
    const timespec step{0, 200'000};
    for (int i = 0; i < 1000 && answered.load() < wanted; ++i)
        nanosleep(&step, nullptr);
    return answered.load() >= wanted;
}

} // namespace

unsigned signal_existing_threads()
{
    const int number = find_free_signal();
    struct sigaction action = {}, saved;
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    answered.store(0);
    refused.store(0);
    const bool ready = number && sigaction(number, &action, &saved) == 0;
    const Sent sent = signal_threads(ready ? number : 0);
    // A thread that has not answered may still do so: then the handler has to stay.
    if (wait_for_answers(sent.signalled) && ready)
        sigaction(number, &saved, nullptr);
    const unsigned late = sent.signalled - answered.load();
    return sent.unreachable + late + refused.load();
}

} // namespace slicepatch
