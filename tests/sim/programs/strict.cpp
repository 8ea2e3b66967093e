// SPDX-License-Identifier: MIT
//
// System calls inside sections, five of them: of the plain kind, and those that a dispatcher may easily break.
#include "section.h"

#include <csignal>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

static volatile sig_atomic_t handled = 0;

static void on_usr1(int)
{
    handled = handled + 1;
}

template <typename Call> static void call_inside(Call call)
{
    this_area()->slice_request = 1;
    call();
    this_area()->slice_request = 0;
}

static void check_child(pid_t child, int expected)
{
    int status = 0;
    CHECK_THAT(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == expected);
}

// A signal in the middle of a section: its handler returns by a system call that is not the section's.
static void interrupt_sections()
{
    std::thread sender([self = pthread_self()] {
        while (handled < 20) {
            pthread_kill(self, SIGUSR1);
            usleep(500);
        }
    });
    tally tally = {0, 0};
    while (handled < 20)
        run_section(200000, &tally);
    sender.join();
}

// The report is not for a file of the program's that has taken standard error's place.
static void call_without_standard_error()
{
    CHECK_THAT(close(STDERR_FILENO) == 0 && memfd_create("data", 0) == STDERR_FILENO);
    call_inside([] { getppid(); });
    struct stat status = {};
    CHECK_THAT(fstat(STDERR_FILENO, &status) == 0 && status.st_size == 0);
}

int main()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    signal(SIGUSR1, on_usr1);
    interrupt_sections();
    run_until_yields(5);
    for (int round = 0; round < 2; round++)
        call_inside([] { CHECK_THAT(syscall(SYS_getppid) == getppid()); });
    pid_t child = -1;
    call_inside([&] { child = fork(); });
    if (child == 0)
        _exit(3);
    check_child(child, 3);
    std::thread second;
    call_inside([&] { second = std::thread([] { run_until_yields(0); }); });
    second.join();
    check_nothing_left();
    call_without_standard_error();
    return 0;
}
