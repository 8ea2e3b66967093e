// SPDX-License-Identifier: MIT
//
// One section with ENTER and EXIT in states of the caller's choice, and a kernel that is played here: the interrupt is
// a function that the section calls. Arguments: the state of ENTER, the state of EXIT, "on" or "off" for the thread.
// For each event it says what the section left behind.
#include "played_kernel.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

using namespace slicepatch::test;

namespace {

std::atomic<int> yields{0};

// rseq_slice_yield() arrives here: the slice is over.
void on_yield(int)
{
    ++yields;
    area.slice_granted = 0;
}

bool trap_yields()
{
    struct sigaction action = {};
    action.sa_handler = on_yield;
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_NR_RSEQ_SLICE_YIELD, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{sizeof code / sizeof *code, code};
    return sigaction(SIGSYS, &action, nullptr) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// What the kernel does when it wants the CPU of a thread.
void grant()
{
    if (area.slice_request && area.flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED) {
        area.slice_request = 0;
        area.slice_granted = 1;
    }
}

// ... and when the extension was too long: it takes the CPU, and the grant with it.
void revoke()
{
    area.slice_granted = 0;
}

void nothing() {}

void grant_and_revoke()
{
    grant();
    revoke();
}

// Two labels, so that each half can be in a state of its own.
__attribute__((noinline)) void section(void (*interrupt)())
{
    SLICEPATCH_ENTER_AS("played.enter");
    interrupt();
    SLICEPATCH_EXIT_AS("played.exit");
}

void run_event(const char *name, void (*interrupt)())
{
    area.slice_request = 0;
    area.slice_granted = 0;
    yields = 0;
    section(interrupt);
    std::printf("%s=request %d granted %d yields %d\n", name, area.slice_request, area.slice_granted, yields.load());
    std::fflush(stdout);
}

} // namespace

int main(int count, char **words)
{
    if (count != 4 || !trap_yields()) {
        std::printf("unsupported=no seccomp filters here\n");
        return 77;
    }
    const std::int64_t slice_ctrl = use_played_area(!std::strcmp(words[3], "on"));
    const bool ready = put_into(words[1], words[2], slice_ctrl);
    std::printf("ready=%s\n", ready ? "yes" : "no");
    run_event("nothing", nothing);
    run_event("grant", grant);
    run_event("revoke", grant_and_revoke);
}
