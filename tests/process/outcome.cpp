// SPDX-License-Identifier: MIT
#include "outcome.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace slicepatch::test {

namespace {

void understand(Outcome &outcome)
{
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos)
            continue;
        const std::string key = line.substr(0, equals), value = line.substr(equals + 1);
        if (key == "site") {
            SeenSite site;
            std::istringstream(value) >> site.name >> site.kind >> site.state >> site.bytes;
            outcome.sites.push_back(site);
        } else {
            outcome.values[key] = value;
        }
    }
}

} // namespace

std::string Outcome::value(const std::string &key) const
{
    const auto found = values.find(key);
    return found == values.end() ? "(no " + key + ")" : found->second;
}

std::string Outcome::state_of(const std::string &name) const
{
    std::string state;
    for (const SeenSite &site : sites)
        if (site.name == name)
            state = state.empty() || state == site.state ? site.state : "mixed";
    return state;
}

Outcome run(const Child &child)
{
    Outcome outcome;
    static_cast<Ended &>(outcome) = run_child(child);
    understand(outcome);
    if (outcome.status == skipped_status)
        needs_whole_system(outcome.value("unsupported").c_str());
    return outcome;
}

Outcome run_subject(const std::vector<std::string> &verbs, const std::vector<std::string> &environment)
{
    return run({.program = SUBJECT, .arguments = verbs, .environment = environment});
}

void skip(const std::string &what, const std::string &reason)
{
    skip(what + ": " + reason);
}

bool skipped(const Outcome &outcome, const char *what)
{
    if (outcome.status != skipped_status)
        return false;
    skip(what, outcome.value("unsupported"));
    return true;
}

void needs_whole_system(const char *why)
{
    if (emulator())
        skip(emulator(), why);
}

} // namespace slicepatch::test
