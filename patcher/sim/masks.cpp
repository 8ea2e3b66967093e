// SPDX-License-Identifier: MIT
#include "masks.h"

#include "context.h"
#include "guard.h"
#include "reserved.h"
#include "trap.h"

#include <stdint.h>
#include <sys/syscall.h>

namespace slicepatch::sim {

namespace {

thread_local constinit unsigned believed_blocked __attribute__((tls_model("initial-exec"))) = 0;

constexpr int reserved_count = sizeof reserved_signals / sizeof reserved_signals[0];

// As many as there are reserved signals, in their order; under ProcessGuard, except for the reader in trap.cpp.
constinit struct sigaction believed_actions[reserved_count] = {};

int reserved_index(int signal)
{
    int index = 0;
    while (reserved_signals[index] != signal)
        index++;
    return index;
}

unsigned reserved_bits(const sigset_t &set)
{
    unsigned bits = 0;
    for (int i = 0; i < reserved_count; i++)
        bits |= sigismember(&set, reserved_signals[i]) == 1 ? 1U << i : 0;
    return bits;
}

} // namespace

OpenMask::OpenMask(const sigset_t *set) : mask_(), present_(set != nullptr)
{
    if (!present_)
        return;
    mask_ = *set;
    for (int signal : reserved_signals)
        sigdelset(&mask_, signal);
}

unsigned pretended_mask()
{
    return believed_blocked;
}

void set_pretended_mask(unsigned mask)
{
    believed_blocked = mask;
}

void change_pretended_mask(int how, const sigset_t &set)
{
    unsigned bits = reserved_bits(set);
    if (how == SIG_BLOCK)
        believed_blocked |= bits;
    else if (how == SIG_UNBLOCK)
        believed_blocked &= ~bits;
    else if (how == SIG_SETMASK)
        believed_blocked = bits;
}

void add_pretended_mask(sigset_t &set)
{
    for (int i = 0; i < reserved_count; i++)
        if ((believed_blocked & (1U << i)) != 0)
            sigaddset(&set, reserved_signals[i]);
}

void adopt_inherited_mask()
{
    uint64_t reserved = 0;
    for (int signal : reserved_signals)
        reserved |= 1ULL << (signal - 1);
    sigset_t inherited;
    sigemptyset(&inherited);
    kernel_call(SYS_rt_sigprocmask, SIG_UNBLOCK, reinterpret_cast<uintptr_t>(&reserved),
                reinterpret_cast<uintptr_t>(&inherited), sizeof reserved); // the kernel's size of a mask
    believed_blocked = reserved_bits(inherited);
}

int pretend_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    ProcessGuard process;
    struct sigaction &believed = believed_actions[reserved_index(signal)];
    struct sigaction previous = believed;
    if (action != nullptr)
        believed = *action;
    if (old != nullptr)
        *old = previous;
    return 0;
}

SignalHandler pretend_handler(int signal, SignalHandler handler, int flags)
{
    struct sigaction action = {}, old = {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    pretend_sigaction(signal, &action, &old);
    return old.sa_handler;
}

const struct sigaction &pretended_sigsys_action()
{
    return believed_actions[reserved_index(SIGSYS)];
}

} // namespace slicepatch::sim
