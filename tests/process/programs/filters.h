/* SPDX-License-Identifier: MIT */
/* System calls that answer otherwise: seccomp filters, which add up and hold for all threads that start later. */
#ifndef SLICEPATCH_TESTS_FILTERS_H
#define SLICEPATCH_TESTS_FILTERS_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Adds a filter, with no_new_privs only where the kernel asks for that. */
static inline int add_filter(struct sock_filter *code, size_t length)
{
    const struct sock_fprog program = {(unsigned short)length, code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        return 0;
    if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static inline uint32_t argument_at(unsigned argument)
{
    return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument); /* its low half */
}

/* From here on, calls of that number whose 32-bit argument, under mask, is value end in action, SECCOMP_RET_... */
static inline int filter_call(long number, unsigned argument, uint32_t mask, uint32_t value, uint32_t action)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at(argument)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return add_filter(code, sizeof code / sizeof *code);
}

/* ... answer with error; 0 is success. */
static inline int answer_with(long number, unsigned argument, uint32_t mask, uint32_t value, int error)
{
    return filter_call(number, argument, mask, value, SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* From here on, whoever makes that system call is killed. */
static inline int kill_for(long number)
{
    return filter_call(number, 0, 0, 0, SECCOMP_RET_KILL_PROCESS);
}

/* A call that a sandbox lets pass: any of that number, or those alone whose two arguments have these values. */
struct allowed_call {
    long number;
    int checked;
    struct {
        unsigned index;
        uint32_t value;
    } arguments[2];
};

static inline struct sock_filter statement(uint16_t code, uint32_t operand)
{
    const struct sock_filter made = BPF_STMT(code, operand);
    return made;
}

static inline struct sock_filter jump(uint16_t code, uint32_t operand, uint8_t if_true, uint8_t if_false)
{
    const struct sock_filter made = BPF_JUMP(code, operand, if_true, if_false);
    return made;
}

/* From here on, whoever makes another call than these is killed. */
static inline int allow_alone(const struct allowed_call *calls, size_t count)
{
    enum { most = 512 };
    struct sock_filter code[most];
    size_t length = 0;
    for (size_t i = 0; i < count && length + 7 < most; ++i) {
        const struct allowed_call *call = &calls[i];
        code[length++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        code[length++] = jump(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->number, 0, (uint8_t)(call->checked ? 5 : 1));
        for (unsigned a = 0; a < 2 && call->checked; ++a) {
            code[length++] = statement(BPF_LD | BPF_W | BPF_ABS, argument_at(call->arguments[a].index));
            code[length++] = jump(BPF_JMP | BPF_JEQ | BPF_K, call->arguments[a].value, 0, (uint8_t)(a ? 1 : 3));
        }
        code[length++] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[length++] = statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    return add_filter(code, length);
}

/* What the kernel says about slice extensions: an errno, or 0: a stock kernel on which all succeeds. */
static inline int fake_slice_kernel(int error)
{
    return answer_with(SYS_prctl, 0, UINT32_MAX, 79, error);
}

static inline int fake_yield(int error)
{
    return answer_with(471, 0, 0, 0, error);
}

#endif
