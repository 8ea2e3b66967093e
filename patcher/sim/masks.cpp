// SPDX-License-Identifier: MIT
#include "masks.h"

#include "context.h"
#include "guard.h"
#include "reserved.h"

#include <stdint.h>
#include <sys/syscall.h>

namespace slicepatch::sim {

namespace {

thread_local constinit unsigned believed_blocked __attribute__((tls_model("initial-exec"))) = 0;

constexpr int reserved_count = sizeof reserved_signals / sizeof reserved_signals[0];

// What waits for this thread to unblock it; one of each, the latest.
thread_local constinit unsigned kept __attribute__((tls_model("initial-exec"))) = 0;
thread_local constinit siginfo_t kept_information[reserved_count] __attribute__((tls_model("initial-exec"))) = {};

// As many as there are reserved signals, in their order; changed under ProcessGuard, except by a signal that resets it.
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

void send_kept()
{
    for (int i = 0; i < reserved_count; i++) {
        if ((kept & ~believed_blocked & (1U << i)) == 0)
            continue;
        kept &= ~(1U << i);
        siginfo_t information = kept_information[i];
        kernel_call(SYS_rt_tgsigqueueinfo, static_cast<unsigned long>(kernel_call(SYS_getpid)),
                    static_cast<unsigned long>(kernel_call(SYS_gettid)),
                    static_cast<unsigned long>(reserved_signals[i]), reinterpret_cast<uintptr_t>(&information));
    }
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

unsigned reserved_bit(int signal)
{
    return 1U << reserved_index(signal);
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
    const unsigned bits = reserved_bits(set);
    unsigned wanted = believed_blocked;
    if (how == SIG_BLOCK)
        wanted |= bits;
    else if (how == SIG_UNBLOCK)
        wanted &= ~bits;
    else if (how == SIG_SETMASK)
        wanted = bits;
    if (wanted == believed_blocked || !in_own_process())
        return;
    believed_blocked = wanted;
    send_kept();
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
    if (action != nullptr && in_own_process())
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

struct sigaction take_pretended_action(int signal)
{
    struct sigaction &believed = believed_actions[reserved_index(signal)];
    const struct sigaction action = believed;
    if ((action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0)
        believed = {};
    return action;
}

bool keep_if_blocked(int signal, const siginfo_t &information)
{
    if ((believed_blocked & reserved_bit(signal)) == 0)
        return false;
    kept |= reserved_bit(signal);
    kept_information[reserved_index(signal)] = information;
    return true;
}

} // namespace slicepatch::sim
