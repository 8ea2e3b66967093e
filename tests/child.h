// SPDX-License-Identifier: MIT
//
// The one way in which tests start programs: what patches itself, or may crash, is never the test's own process.
#ifndef SLICEPATCH_TESTS_CHILD_H
#define SLICEPATCH_TESTS_CHILD_H

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace slicepatch::test {

struct Child {
    std::string program; // looked up on PATH, unless it has a slash
    std::vector<std::string> arguments = {};
    // "NAME=value" each, on top of the test's own without what steers the library.
    std::vector<std::string> environment = {};
    std::function<bool()> before_exec = {}; // in the child; false: it ends with skipped_status
    bool emulated = true;                   // by SLICEPATCH_EMULATOR, if that is set: a program of the target
};

inline constexpr int too_long_status = 124; // as timeout(1)

/// How a program ended, and what it wrote.
struct Ended {
    int status = 0; // exit status; 128 + the signal that ended it, as in a shell; 127: there is no such program
    std::string out, error;
};

/// Runs it to its end, with nothing on its standard input; what takes 300 s is killed.
/// Throws std::runtime_error where no process can be started.
Ended run_child(const Child &child);

/// A program that runs until this goes. Its standard input is a pipe that is closed then, which should end it, its
/// standard output one that is read here; standard error is the test's.
class Running {
public:
    explicit Running(const Child &child);
    ~Running();
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;

    [[nodiscard]] pid_t pid() const
    {
        return child_;
    }
    /// What it writes next, up to a newline or its end.
    [[nodiscard]] std::string read_line() const;
    /// Closes its input, waits for it, and returns its status as in Ended. Once.
    int end();

private:
    pid_t child_ = 0;
    int input_ = -1, output_ = -1;
};

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_CHILD_H
