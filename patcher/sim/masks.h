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

// What sigprocmask(2) would have done to the reserved signals.
void change_pretended_mask(int how, const sigset_t &set);
void add_pretended_mask(sigset_t &set);

// A program is started with the mask of whoever called exec: opens the reserved signals, and remembers.
void adopt_inherited_mask();

// What sigaction(2) would have done with a reserved signal.
int pretend_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

// What signal(2) would have done with one; its relatives differ in the flags that they imply.
using SignalHandler = void (*)(int);
SignalHandler pretend_handler(int signal, SignalHandler handler, int flags);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_MASKS_H
