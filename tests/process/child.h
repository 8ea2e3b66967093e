// SPDX-License-Identifier: MIT
//
// Runs a program that patches itself, or crashes, and says what it printed and how it ended.
#ifndef SLICEPATCH_TESTS_PROCESS_CHILD_H
#define SLICEPATCH_TESTS_PROCESS_CHILD_H

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace slicepatch::test {

/// One line "site=NAME KIND STATE BYTES".
struct SeenSite {
    std::string name, kind, state, bytes;
};

struct Outcome {
    int status = 0; // exit status; 128 + the signal that ended it; 124 when it took too long
    std::string out, error;
    std::map<std::string, std::string> values; // the last key=value of each key
    std::vector<SeenSite> sites;               // of the last "states"

    [[nodiscard]] std::string value(const std::string &key) const;
    /// The states of a label's or function's sites, "" if it has none, "mixed" if they differ.
    [[nodiscard]] std::string state_of(const std::string &name) const;
};

struct Child {
    std::string program;
    std::vector<std::string> arguments;
    std::vector<std::string> environment = {}; // "NAME=value", on top of the test's own without SLICEPATCH...
    std::function<bool()> before_exec = {};    // in the child; false: exit status 77
};

inline constexpr int unsupported = 77;

// How many sites the subject has: a branch, and an ENTER and an EXIT in each of 7 groups.
inline const std::string all_sites = "15", all_but_the_branch = "14", all_but_one_group = "13";
inline const std::string all_sites_and_one = "16", all_sites_and_two = "17", all_sites_and_plugin = "19";

Outcome run(const Child &child);

/// Runs the subject with these verbs.
Outcome run_subject(const std::vector<std::string> &verbs, const std::vector<std::string> &environment = {});

/// True when the outcome says that this system cannot do what the test needs: then it is counted and printed as a skip.
bool skipped(const Outcome &outcome, const char *what);
void skip(const char *what, const std::string &reason);
/// Ends the case as a skip where its programs are emulated one by one. Those emulators have neither seccomp filters nor
/// ptrace, and a thread of their own in each process; each case is a process of its own with them.
void needs_whole_system(const char *why);
/// How many skips there were, for main().
unsigned count_skips();

} // namespace slicepatch::test

#endif
