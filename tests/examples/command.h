// SPDX-License-Identifier: MIT
//
// Runs the examples as a user would: a command line in, exit status, standard output and standard error out.
#ifndef SLICEPATCH_TESTS_EXAMPLES_COMMAND_H
#define SLICEPATCH_TESTS_EXAMPLES_COMMAND_H

#include "tests/child.h"
#include "tests/temporary_folder.h"

#include <string>
#include <vector>

namespace slicepatch::test {

using Outcome = Ended;

/// A descriptor for the scripts of run_shell() whose reader has gone.
class BrokenPipe {
public:
    static constexpr int number = 9;
    BrokenPipe();
    ~BrokenPipe();
    BrokenPipe(const BrokenPipe &) = delete;
    BrokenPipe &operator=(const BrokenPipe &) = delete;
};

/// Through /bin/sh, in the C locale.
Outcome run_shell(const std::string &script);

/// Each argument as it is. The first one that is a program of this tree is started by SLICEPATCH_EMULATOR, if that is
/// set.
Outcome run(const std::vector<std::string> &arguments);

/// The same for a script: a program of this tree as its first words.
std::string command(const std::string &program);

std::string quote(const std::string &argument);

std::string read_text(const std::string &path);

/// Real text: licences and documentation of the machine if it has them, and the repository's own files in any case.
std::vector<std::string> find_texts();

} // namespace slicepatch::test

#endif // SLICEPATCH_TESTS_EXAMPLES_COMMAND_H
