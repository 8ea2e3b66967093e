// SPDX-License-Identifier: MIT
//
// The reserved signals, as a program that knows nothing of the simulator would use them.
#include "section.h"

#include <cerrno>
#include <csignal>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <thread>

static constexpr int reserved[] = {SIGSYS, 49, 50};
static volatile sig_atomic_t usr1_calls = 0;
static volatile sig_atomic_t foreign_syscall = 0;

// A full mask: the reserved signals must still come through while it runs.
static void on_usr1(int)
{
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
    usr1_calls = usr1_calls + 1;
}

static void on_foreign_sigsys(int, siginfo_t *information, void *)
{
    foreign_syscall = information->si_syscall;
}

static void check_handlers_are_pretended()
{
    for (int number : reserved) {
        struct sigaction mine = {}, seen = {};
        mine.sa_handler = on_usr1;
        CHECK_THAT(sigaction(number, &mine, nullptr) == 0);
        CHECK_THAT(sigaction(number, nullptr, &seen) == 0 && seen.sa_handler == on_usr1);
        CHECK_THAT(signal(number, SIG_IGN) == on_usr1);
        CHECK_THAT(signal(number, SIG_DFL) == SIG_IGN);
    }
    run_until_yields(5);
}

static void check_masks_are_pretended()
{
    sigset_t all, seen;
    sigfillset(&all);
    CHECK_THAT(sigprocmask(SIG_BLOCK, nullptr, &seen) == 0 && sigismember(&seen, SIGSYS) == 0);
    CHECK_THAT(sigprocmask(SIG_SETMASK, &all, &seen) == 0 && sigismember(&seen, SIGSYS) == 0);
    CHECK_THAT(pthread_sigmask(SIG_BLOCK, nullptr, &seen) == 0 && sigismember(&seen, 50) == 1);
    std::thread([] {
        sigset_t inherited;
        CHECK_THAT(pthread_sigmask(SIG_BLOCK, nullptr, &inherited) == 0);
        CHECK_THAT(sigismember(&inherited, SIGSYS) == 1 && sigismember(&inherited, SIGUSR2) == 1);
        CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
        run_until_yields(5);
    }).join();
    run_until_yields(5);
    CHECK_THAT(sigprocmask(SIG_UNBLOCK, &all, nullptr) == 0);
    CHECK_THAT(sigprocmask(SIG_BLOCK, nullptr, &seen) == 0 && sigismember(&seen, SIGSYS) == 0);
}

static void check_handlers_of_others_are_open()
{
    struct sigaction action = {};
    action.sa_handler = on_usr1;
    sigfillset(&action.sa_mask);
    CHECK_THAT(sigaction(SIGUSR1, &action, nullptr) == 0);
    raise(SIGUSR1);
    sigset_t all_but_usr1;
    sigfillset(&all_but_usr1);
    sigdelset(&all_but_usr1, SIGUSR1);
    std::thread([self = pthread_self()] {
        while (usr1_calls < 2) {
            pthread_kill(self, SIGUSR1);
            usleep(1000);
        }
    }).join();
    CHECK_THAT(usr1_calls >= 2);
}

// Waiting for everything gets what was sent, not our interrupts.
static void check_waits_leave_ours_alone()
{
    sigset_t all;
    sigfillset(&all);
    CHECK_THAT(sigprocmask(SIG_BLOCK, &all, nullptr) == 0);
    int file = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK_THAT(file >= 0);
    run_until_yields(5);
    signalfd_siginfo information;
    CHECK_THAT(read(file, &information, sizeof information) == -1 && errno == EAGAIN);
    timespec moment = {0, 20000000};
    CHECK_THAT(sigtimedwait(&all, nullptr, &moment) == -1 && errno == EAGAIN);
    raise(SIGUSR2);
    CHECK_THAT(sigtimedwait(&all, nullptr, &moment) == SIGUSR2);
    CHECK_THAT(sigprocmask(SIG_UNBLOCK, &all, nullptr) == 0);
}

static volatile sig_atomic_t own_calls = 0;

static void on_own_signal(int)
{
    own_calls = own_calls + 1;
}

// A program that sends itself a signal with one of these numbers gets it.
static void check_own_signals_arrive()
{
    sigset_t all, nothing;
    sigfillset(&all);
    sigemptyset(&nothing);
    for (int number : reserved) {
        struct sigaction action = {};
        action.sa_handler = on_own_signal;
        CHECK_THAT(sigaction(number, &action, nullptr) == 0);
        own_calls = 0;
        CHECK_THAT(raise(number) == 0 && own_calls == 1);
        CHECK_THAT(sigprocmask(SIG_SETMASK, &all, nullptr) == 0);
        CHECK_THAT(raise(number) == 0 && own_calls == 1);
        CHECK_THAT(sigprocmask(SIG_SETMASK, &nothing, nullptr) == 0);
        CHECK_THAT(own_calls == 2);
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        CHECK_THAT(sigaction(number, &action, nullptr) == 0 && raise(number) == 0 && own_calls == 3);
        CHECK_THAT(signal(number, SIG_IGN) == SIG_DFL && raise(number) == 0);
        CHECK_THAT(signal(number, SIG_DFL) == SIG_IGN);
    }
    run_until_yields(5);
}

static void check_own_signals_kill()
{
    for (int number : reserved) {
        pid_t child = fork();
        if (child == 0) {
            raise(number);
            _exit(0);
        }
        int status = 0;
        CHECK_THAT(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == number);
    }
}

// What other runtimes do around handlers and new threads, by the system call itself: a thread sanitizer, for one.
static void check_answers_while_all_is_blocked()
{
    uint64_t all = ~0ULL, saved = 0;
    CHECK_THAT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &saved, sizeof all) == 0);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
    CHECK_THAT(prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, OPERATION_SET, BIT_ENABLE, 0, 0) == 0);
    CHECK_THAT(syscall(SLICEPATCH_NR_RSEQ_SLICE_YIELD) == 0);
    CHECK_THAT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &saved, nullptr, sizeof saved) == 0);
}

// A sandbox inside the program traps calls with SIGSYS as well.
static void check_foreign_traps_arrive()
{
    struct sigaction action = {};
    action.sa_sigaction = on_foreign_sigsys;
    action.sa_flags = SA_SIGINFO;
    CHECK_THAT(sigaction(SIGSYS, &action, nullptr) == 0);
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program = {sizeof code / sizeof code[0], code};
    CHECK_THAT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    syscall(SYS_getppid);
    CHECK_THAT(foreign_syscall == SYS_getppid);
    CHECK_THAT(slice_prctl(OPERATION_GET, 0) == 1);
    run_until_yields(5);
}

int main()
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    check_handlers_are_pretended();
    check_masks_are_pretended();
    check_handlers_of_others_are_open();
    check_waits_leave_ours_alone();
    check_own_signals_arrive();
    check_own_signals_kill();
    check_answers_while_all_is_blocked();
    check_foreign_traps_arrive();
    return 0;
}
