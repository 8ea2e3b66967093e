// SPDX-License-Identifier: MIT
//
// Runs the subject with a played kernel, and lets one of its system calls fail. By ptrace and not by a seccomp filter,
// since a filter cannot count, cannot shorten a transfer, and cannot answer with a number of its own; to the process an
// error is the same.
#ifndef SLICEPATCH_TESTS_FAULTS_TRACER_H
#define SLICEPATCH_TESTS_FAULTS_TRACER_H

#include <climits>
#include <compare>
#include <string>
#include <vector>

namespace slicepatch::test {

/// A system call as faults are counted: prctl(2) by its operation.
struct Call {
    long number;
    unsigned long operation; // 0 for all others
    auto operator<=>(const Call &) const = default;
};

/// What the subject's init gets to know of slice extensions.
enum class PlayedKernel { none, stock, series };

struct Fault {
    enum Way {
        refused,  // it is not made, and answers with the error
        reported, // it is made, and answers with the error (close(2) closes whatever it says)
        shortened // it transfers one byte
    };
    Call call;
    unsigned first_use, last_use; // counted from 1 within init
    Way way;
    int error;
};

struct Outcome {
    bool traced = false;     // else: why is in output
    int status = -1;         // as waitpid(2) has it
    unsigned faults = 0;     // how often the call was let fail
    std::vector<Call> calls; // all that the first init made, in order
    std::string output;      // what the subject wrote
};

/// fault may be null.
Outcome trace(const std::vector<std::string> &command, const std::vector<std::string> &environment, PlayedKernel kernel,
              const Fault *fault);

} // namespace slicepatch::test

#endif
