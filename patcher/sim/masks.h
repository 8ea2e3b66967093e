// SPDX-License-Identifier: MIT
//
// The program may block, replace or wait for the reserved signals as much as it likes: it is told that it did. This is
// the part that pretends; the functions that stand in front of libc's are in signals.cpp.
#ifndef SLICEPATCH_SIM_MASKS_H
#define SLICEPATCH_SIM_MASKS_H

#include <signal.h>

namespace slicepatch::sim {

// A copy of a signal set without the reserved ones; null stays null.
class OpenMask {
public:
    explicit OpenMask(const sigset_t *set);
    const sigset_t *get() const
    {
        return present_ ? &mask_ : nullptr;
    }

private:
    sigset_t mask_;
    bool present_;
};

// Bit i: the calling thread believes that reserved_signals[i] is blocked. A new thread inherits it.
unsigned pretended_mask();
void set_pretended_mask(unsigned mask);

// The bit of a reserved signal.
unsigned reserved_bit(int signal);

// What sigprocmask(2) would have done to the reserved signals. Sends what has waited for it, see keep_if_blocked().
void change_pretended_mask(int how, const sigset_t &set);
void add_pretended_mask(sigset_t &set);

// A program starts with the signal mask of the thread that called exec: opens the reserved signals, and remembers.
void adopt_inherited_mask();

// What sigaction(2) would have done with a reserved signal.
int pretend_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

// For signal handlers: what the program wants done with a reserved signal that has arrived; SA_RESETHAND resets it.
struct sigaction take_pretended_action(int signal);

// For signal handlers: whether the calling thread believes that it has blocked the signal. Then it gets it later, as
// one that was sent to this thread. sigwait(3) and signalfd(2) do not.
bool keep_if_blocked(int signal, const siginfo_t &information);

// What signal(2) would have done with one; its relatives differ in the flags that they imply.
using SignalHandler = void (*)(int);
SignalHandler pretend_handler(int signal, SignalHandler handler, int flags);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_MASKS_H
