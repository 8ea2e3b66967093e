/* SPDX-License-Identifier: MIT */
/* A program that lets itself make next to no system calls is interrupted all the same, and lives. */
#include "section.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int main(void)
{
    CHECK_THAT(slice_prctl(OPERATION_SET, BIT_ENABLE) == 0);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_rt_sigreturn),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_clock_gettime), /* where it is no function of the vDSO */
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof code / sizeof code[0], code};
    CHECK_THAT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    for (double end = seconds_now() + 0.3; seconds_now() < end;)
        spin(20000);
    _exit(0);
}
