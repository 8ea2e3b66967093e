// SPDX-License-Identifier: MIT
//
// Runs a program that patches itself, or crashes, and understands what it says of itself.
#ifndef SLICEPATCH_TESTS_PROCESS_OUTCOME_H
#define SLICEPATCH_TESTS_PROCESS_OUTCOME_H

#include "tests/child.h"
#include "tests/skip.h"

#include <map>

namespace slicepatch::test {

/// One line "site=NAME KIND STATE BYTES".
struct SeenSite {
    std::string name, kind, state, bytes;
};

struct Outcome : Ended {
    std::map<std::string, std::string> values; // the last key=value of each key
    std::vector<SeenSite> sites;               // of the last "states"

    [[nodiscard]] std::string value(const std::string &key) const;
    /// The states of a label's or function's sites, "" if it has none, "mixed" if they differ.
    [[nodiscard]] std::string state_of(const std::string &name) const;
};

/// How many sites the subject has, and others: as it writes numbers.
inline std::string all_sites_and(int others)
{
    constexpr int branch = 1, groups = 7, pair = 2; // programs/sections.c
    return std::to_string(branch + groups * pair + others);
}
inline const std::string all_sites = all_sites_and(0), all_but_the_branch = all_sites_and(-1);
inline const std::string all_but_one_group = all_sites_and(-2), all_sites_and_plugin = all_sites_and(4);

/// The verb that opens an object.
inline std::string open(const char *object)
{
    return std::string("open=") + object;
}

Outcome run(const Child &child);

/// Runs the subject with these verbs.
Outcome run_subject(const std::vector<std::string> &verbs, const std::vector<std::string> &environment = {});

/// True when the outcome says that this system cannot do what the test needs: then it is a skip.
bool skipped(const Outcome &outcome, const char *what);
void skip(const std::string &what, const std::string &reason);
/// Ends the case as a skip where its programs are emulated one by one. Those emulators have neither seccomp filters nor
/// ptrace, and a thread of their own in each process; each case is a process of its own with them.
void needs_whole_system(const char *why);

} // namespace slicepatch::test

#endif
