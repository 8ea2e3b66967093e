// SPDX-License-Identifier: MIT
#include "trap.h"

#include "context.h"
#include "foreign.h"
#include "guard.h"
#include "reserved.h"
#include "settings.h"
#include "slice_kernel.h"
#include "strict.h"
#include "thread.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

// libc's own name for its sigaction(2), for our handlers: what is found as `sigaction` may be that of a sanitizer,
// which delivers signals when it suits, and whose constructor has not run when ours does.
extern "C" int __sigaction(int signal, const struct sigaction *action, struct sigaction *old) noexcept;

namespace slicepatch::sim {

namespace {

// si_code of SIGSYS; libc has names for them only in later versions
constexpr int code_seccomp = 1;
constexpr int code_user_dispatch = 2;

// prctl(79, filter_query) answers this if a filter of ours is there already: filters survive exec, handlers do not.
constexpr unsigned long filter_query = 0x736c696365;
constexpr long filter_answer = 0x51ce;

void on_sigsys(int signal, siginfo_t *information, void *raw_context)
{
    auto *context = static_cast<ucontext_t *>(raw_context);
    if (information->si_code == code_user_dispatch) {
        ErrnoGuard errno_kept;
        report_section_call(information, context);
        return;
    }
    if (information->si_code == code_seccomp && information->si_arch == audit_architecture) {
        ErrnoGuard errno_kept;
        unsigned long arguments[5];
        for (int i = 0; i < 5; i++)
            arguments[i] = trapped_argument(context, i);
        long answer = 0;
        if (answer_call(information->si_syscall, arguments, answer)) {
            set_trapped_result(context, answer);
            return;
        }
    }
    deliver_to_program(signal, information, context);
}

void on_timer(int signal, siginfo_t *information, void *raw_context)
{
    auto *context = static_cast<ucontext_t *>(raw_context);
    Thread *thread = interrupted_thread(*information);
    if (thread == nullptr) {
        deliver_to_program(signal, information, context);
        return;
    }
    ErrnoGuard errno_kept;
    if (signal == tick_signal)
        interrupt_thread(*thread);
    else
        expire_slice(*thread);
    give_way_to_signals(context);
}

// With every signal blocked, so that no handler of the program runs between a decision and its effect; except SIGSYS,
// which kills if it is blocked when it is forced. On the alternate stack where the thread has one.
void install_handler(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | (signal == SIGSYS ? SA_NODEFER : 0);
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGSYS);
    if (__sigaction(signal, &action, nullptr) != 0)
        fail("sigaction failed");
}

} // namespace

void install_handlers()
{
    install_handler(SIGSYS, on_sigsys);
    install_handler(expiry_signal, on_timer);
    install_handler(tick_signal, on_timer);
}

bool answer_call(long number, const unsigned long (&arguments)[5], long &answer)
{
    if (number == SLICEPATCH_NR_RSEQ_SLICE_YIELD)
        answer = answer_yield();
    else if (number != SYS_prctl || static_cast<int>(arguments[0]) != SLICEPATCH_PR_RSEQ_SLICE_EXTENSION)
        return false;
    else if (arguments[1] == filter_query)
        answer = filter_answer;
    else
        answer = answer_prctl(arguments[1], arguments[2], arguments[3], arguments[4]);
    return true;
}

void install_filter()
{
    if (kernel_call(SYS_prctl, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, filter_query) == filter_answer)
        return;
    constexpr uint32_t number = offsetof(seccomp_data, nr);
    constexpr uint32_t architecture = offsetof(seccomp_data, arch);
    constexpr uint32_t first_argument = offsetof(seccomp_data, args); // the low half: little-endian
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, architecture),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit_architecture, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_NR_RSEQ_SLICE_YIELD, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first_argument),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    sock_fprog program = {sizeof code / sizeof code[0], code};
    // SPEC_ALLOW: a simulated program is no more suspicious, so should not be slower for it.
    if (kernel_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) != 0 ||
        kernel_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                    reinterpret_cast<uintptr_t>(&program)) != 0)
        fail("the seccomp filter was refused");
}

} // namespace slicepatch::sim
