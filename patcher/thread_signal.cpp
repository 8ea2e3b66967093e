// SPDX-License-Identifier: MIT
//
// Reaches threads that were started before init: each gets a signal whose handler enables it. The signal is one that
// the program does not use, and its disposition is put back once nobody can receive it any more.
#include "array.h"
#include "threads.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <new>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// One signal to one thread. Never freed before it is answered or its thread is gone: the signal carries its address.
struct Call {
    Call *next;
    pid_t thread;
    unsigned long long ran; // by then, as read_run_time() has it
    std::atomic<bool> answered;
};

// All guarded by InitLock.
Call *unanswered = nullptr;
int own_number = 0; // of the signal whose handler is ours at present; 0: none
struct sigaction saved_action;

std::atomic<unsigned> refused{0};

void on_signal(int, siginfo_t *info, void *)
{
    const int saved = errno;
    if (enable_this_thread() != 0)
        refused.fetch_add(1);
    if (info->si_code == SI_QUEUE && info->si_pid == getpid())
        static_cast<Call *>(info->si_ptr)->answered.store(true);
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

bool read_task_file(pid_t thread, const char *name, char *text, std::size_t size)
{
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", thread, name);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = file < 0 ? -1 : read(file, text, size - 1);
    if (file >= 0)
        close(file);
    text[length < 0 ? 0 : length] = 0;
    return length > 0;
}

bool blocks(pid_t thread, int number)
{
    char status[4096];
    unsigned long long blocked = ~0ULL;
    if (read_task_file(thread, "status", status, sizeof status))
        if (const char *line = std::strstr(status, "\nSigBlk:"))
            std::sscanf(line, "\nSigBlk: %llx", &blocked);
    return blocked >> (number - 1) & 1;
}

/// A first thread that has ended stays in the list for as long as the others run.
bool has_ended(pid_t thread)
{
    char status[4096];
    return !read_task_file(thread, "status", status, sizeof status) || std::strstr(status, "\nState:\tZ");
}

enum class Readiness : std::uint8_t { ready, blocking, undecided };

/// A thread that was running, or waited for a CPU, at an earlier look.
struct Seen {
    pid_t thread;
    unsigned long long ran; // on a CPU, in the unit of read_run_time()
    bool blocked;           // the signal
};

/// How long a thread has been on a CPU since its start: in ns where the kernel counts them, else in clock ticks.
bool read_run_time(pid_t thread, unsigned long long &ran)
{
    char text[1024];
    if (read_task_file(thread, "schedstat", text, sizeof text) && std::sscanf(text, "%llu", &ran) == 1 && ran)
        return true;
    unsigned long long user = 0, system = 0;
    const char *behind_name = read_task_file(thread, "stat", text, sizeof text) ? std::strrchr(text, ')') : nullptr;
    if (!behind_name || std::sscanf(behind_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                                    &system) != 2)
        return false;
    ran = user + system;
    return true;
}

/// Whether it has run since a look at which it blocked the signal as it does now, or did not: then it has left the system
/// call that it was in. Else this look is the one to remember.
bool has_run_as_it_is(pid_t thread, bool blocked, Array<Seen> &seen)
{
    unsigned long long ran = 0;
    if (!read_run_time(thread, ran))
        return false;
    for (Seen &earlier : seen) {
        if (earlier.thread != thread)
            continue;
        if (earlier.blocked == blocked)
            return ran > earlier.ran;
        earlier = {thread, ran, blocked};
        return false;
    }
    return seen.push({thread, ran, blocked}) != Status::ok;
}

/// Whether the thread would run the handler soon. One that blocks the signal might take it when the handler is gone;
/// but while it starts or ends, it blocks all signals for a moment, which is long where it has to wait for a CPU. And
/// one that waits for signals as data, which is not to see ours, blocks them except while it waits (kernel/signal.c,
/// do_sigtimedwait), which includes the time until it runs again. So: two looks at which it is the same, and a run between.
Readiness is_ready(pid_t thread, int number, Array<Seen> &seen)
{
    char call[128];
    int call_number = 0;
    const bool blocked = blocks(thread, number);
    if (!read_task_file(thread, "syscall", call, sizeof call))
        return Readiness::blocking;
    const bool running = std::sscanf(call, "%d", &call_number) != 1;
    if (!running && call_number == SYS_rt_sigtimedwait)
        return Readiness::blocking;
    if (running && !has_run_as_it_is(thread, blocked, seen))
        return Readiness::undecided;
    return blocked || blocks(thread, number) ? Readiness::blocking : Readiness::ready;
}

/// By the one system call that names a thread and carries a pointer. 0 or an errno.
int send(Call *call, int number)
{
    siginfo_t info = {};
    info.si_signo = number;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_ptr = call;
    return syscall(SYS_rt_tgsigqueueinfo, info.si_pid, call->thread, number, &info) == 0 ? 0 : errno;
}

/// Whether the signal is on its way, or the thread has ended.
bool call_thread(pid_t thread, int number)
{
    auto *call = static_cast<Call *>(std::malloc(sizeof(Call)));
    if (!call)
        return false;
    new (call) Call{unanswered, thread, 0, false};
    (void)read_run_time(thread, call->ran); // 0 where nobody counts it
    if (const int error = send(call, number); error != 0) {
        std::free(call);
        return error == ESRCH;
    }
    unanswered = call;
    return true;
}

/// What is known of the other threads while they are called.
struct Roll {
    Array<pid_t> called;
    Array<Seen> seen;
    unsigned blocking = 0, undecided = 0; // at the last look
};

/// Calls every other thread that is ready and was not called before.
void call_threads(int number, Roll &roll)
{
    roll.blocking = roll.undecided = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        return;
    const auto self = static_cast<pid_t>(syscall(SYS_gettid));
    while (const dirent *entry = readdir(tasks)) {
        const pid_t thread = std::atoi(entry->d_name);
        if (thread <= 0 || thread == self ||
            std::find(roll.called.begin(), roll.called.end(), thread) != roll.called.end())
            continue;
        const Readiness readiness = number ? is_ready(thread, number, roll.seen) : Readiness::blocking;
        if (readiness == Readiness::undecided)
            ++roll.undecided;
        else if (readiness == Readiness::blocking || roll.called.push(thread) != Status::ok ||
                 !call_thread(thread, number))
            roll.blocking += !has_ended(thread);
    }
    closedir(tasks);
}

/// Whether it is to run and did not get a CPU since it was called.
bool is_starved(const Call &call)
{
    char status[4096];
    unsigned long long ran = 0;
    return read_run_time(call.thread, ran) && ran == call.ran &&
           read_task_file(call.thread, "status", status, sizeof status) && std::strstr(status, "\nState:\tR");
}

bool any_is_starved()
{
    for (const Call *call = unanswered; call; call = call->next)
        if (is_starved(*call))
            return true;
    return false;
}

/// Forgets the calls that were answered and those of threads that have ended. Returns how many are left.
unsigned count_unanswered()
{
    unsigned left = 0;
    for (Call **link = &unanswered; *link;) {
        Call *const call = *link;
        const bool done =
            call->answered.load() || (syscall(SYS_tgkill, getpid(), call->thread, 0) != 0 && errno == ESRCH);
        if (done) {
            *link = call->next;
            std::free(call);
        } else {
            link = &call->next;
            ++left;
        }
    }
    return left;
}

std::uint64_t now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

bool install_handler()
{
    if (own_number)
        return true;
    const int number = find_free_signal();
    struct sigaction action = {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    if (!number || sigaction(number, &action, &saved_action) != 0)
        return false;
    own_number = number;
    return true;
}

/// A signal that is still to come must find the handler: the default disposition would end the process.
void remove_handler()
{
    if (own_number && !unanswered && sigaction(own_number, &saved_action, nullptr) == 0)
        own_number = 0;
}

} // namespace

unsigned signal_existing_threads()
{
    constexpr timespec step{0, 200'000};
    constexpr std::uint64_t patience_ns = 200'000'000;
    constexpr std::uint64_t long_patience_ns = 1'000'000'000; // with who has not had a CPU since
    constexpr std::uint64_t start_ns = 2'000'000; // a thread that is starting or ending blocks all signals for a moment
    const std::uint64_t begin = now_ns();
    refused.store(0);
    Roll roll;
    const bool installed = install_handler();
    call_threads(installed ? own_number : 0, roll);
    unsigned late = count_unanswered();
    while (installed) {
        const std::uint64_t elapsed = now_ns() - begin;
        const bool look_again = roll.undecided || (roll.blocking && elapsed < start_ns);
        if (!late && !look_again)
            break;
        if (elapsed > patience_ns && (elapsed > long_patience_ns || !(roll.undecided || any_is_starved())))
            break;
        nanosleep(&step, nullptr);
        if (look_again)
            call_threads(own_number, roll);
        late = count_unanswered();
    }
    remove_handler();
    return roll.blocking + roll.undecided + late + refused.load();
}

} // namespace slicepatch
