/* SPDX-License-Identifier: MIT */
/* count_calls PROGRAM [ARGUMENT...]: runs it, and says how many system calls its first thread has made. */
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h> /* behind <sys/ptrace.h>, which has what it lacks */

static unsigned long calls, opens;

static void count(pid_t thread)
{
    struct ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    ++calls;
    opens += info.entry.nr == SYS_openat;
}

int main(int argc, char **argv)
{
    const pid_t program = fork();
    int status = 0;
    if (argc < 2 || program < 0)
        return 1;
    if (program == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
            printf("unsupported=ptrace is denied\n");
            return 77;
        }
        execv(argv[1], argv + 1);
        return 127;
    }
    if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status))
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    ptrace(PTRACE_SETOPTIONS, program, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SYSCALL, program, NULL, NULL);
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (thread == program)
                break;
            continue;
        }
        const int number = WSTOPSIG(status);
        if (number == (SIGTRAP | 0x80) && thread == program) /* others make as many as they have time for */
            count(thread);
        const int passed = number == (SIGTRAP | 0x80) || number == SIGTRAP || number == SIGSTOP ? 0 : number;
        ptrace(PTRACE_SYSCALL, thread, NULL, (long)passed);
    }
    printf("calls=%lu\nopens=%lu\n", calls, opens);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
