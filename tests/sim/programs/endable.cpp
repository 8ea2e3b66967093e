// SPDX-License-Identifier: MIT
//
// endable: a blocking call that a signal of the program's is to end with EINTR ends, although an interrupt of the
// simulator arrives with the signal; and one that the program wants repeated is repeated.
#include "section.h"

#include <csignal>
#include <cstring>
#include <initializer_list>
#include <sys/socket.h>
#include <sys/wait.h>

static constexpr int interrupt = 50; // what the simulator's timers send
static int sockets[2];

static void do_nothing(int) {}

static void set_handler(int flags)
{
    struct sigaction action = {};
    action.sa_handler = do_nothing;
    action.sa_flags = flags;
    CHECK_THAT(sigaction(SIGTERM, &action, nullptr) == 0);
}

static long call_wait()
{
    pid_t child = fork();
    if (child == 0) {
        CHECK_THAT(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        for (;;)
            pause();
    }
    int status = 0;
    const long result = waitpid(child, &status, 0);
    const int error = errno;
    CHECK_THAT(kill(child, SIGKILL) == 0);
    if (result != child)
        CHECK_THAT(waitpid(child, &status, 0) == child);
    errno = error;
    return result;
}

static long call_read()
{
    char byte;
    return read(sockets[0], &byte, 1);
}

static long call_receive()
{
    char byte;
    return recv(sockets[0], &byte, 1, 0);
}

static void await_state(pid_t process, char state)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(process));
    for (double end = seconds_now() + deadline_seconds; seconds_now() < end; usleep(1000)) {
        FILE *file = fopen(path, "re");
        CHECK_THAT(file != nullptr);
        const size_t length = fread(text, 1, sizeof text - 1, file);
        CHECK_THAT(fclose(file) == 0);
        text[length] = '\0';
        const char *behind_name = strrchr(text, ')');
        if (behind_name != nullptr && behind_name[2] == state)
            return;
    }
    CHECK_THAT(!"the state came");
}

// Both signals wait while the process is stopped in its call: that of the process, and that of the thread, which the
// kernel takes first.
static int call_under_signals(long (*call)(), int flags)
{
    int ends[2];
    CHECK_THAT(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        signal(interrupt, SIG_IGN); // this one is sent by hand, so that the program might see it
        set_handler(flags);
        const long result = call();
        const auto answer = static_cast<signed char>(result < 0 ? errno : 0);
        CHECK_THAT(write(ends[1], &answer, 1) == 1);
        _exit(0);
    }
    await_state(child, 'S');
    usleep(20000);
    CHECK_THAT(kill(child, SIGSTOP) == 0);
    await_state(child, 'T');
    CHECK_THAT(kill(child, SIGTERM) == 0 && syscall(SYS_tgkill, child, child, interrupt) == 0);
    CHECK_THAT(kill(child, SIGCONT) == 0);
    struct timeval patience = {flags & SA_RESTART ? 0 : 10, 300000};
    fd_set answers;
    FD_ZERO(&answers);
    FD_SET(ends[0], &answers);
    signed char answer = -1; // none: the call sleeps on
    if (select(ends[0] + 1, &answers, nullptr, nullptr, &patience) == 1)
        CHECK_THAT(read(ends[0], &answer, 1) == 1);
    kill(child, SIGKILL);
    CHECK_THAT(waitpid(child, nullptr, 0) == child && close(ends[0]) == 0 && close(ends[1]) == 0);
    return answer;
}

int main()
{
    CHECK_THAT(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    int wrong = 0;
    for (long (*call)() : {call_wait, call_read, call_receive}) {
        wrong += call_under_signals(call, 0) != EINTR;
        wrong += call_under_signals(call, SA_RESTART) != -1;
    }
    return wrong;
}
