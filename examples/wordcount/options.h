// SPDX-License-Identifier: MIT
//
// The command line of wordcount.
#ifndef WORDCOUNT_OPTIONS_H
#define WORDCOUNT_OPTIONS_H

#include <optional>
#include <string>
#include <vector>

namespace wordcount {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1; // --check found something, or slicepatch_init() failed
inline constexpr int exit_usage = 2;   // wrong usage, or a file that cannot be read

struct Options {
    unsigned threads = 0;
    unsigned repeat = 1;
    unsigned top = 10;
    bool check = false;
    bool long_section = false;
    bool json = false;
    std::vector<std::string> files;
};

/// Fills options; a value is the exit status of a program that has nothing more to do: --help, or an error that has
/// been printed.
std::optional<int> parse_options(int argc, char **argv, Options &options);

} // namespace wordcount

#endif // WORDCOUNT_OPTIONS_H
