// SPDX-License-Identifier: MIT
//
// The subcommands: what each is asked to do, and what does it. command_line.cpp fills the options in.
#ifndef SLICEPATCH_TOOL_COMMANDS_H
#define SLICEPATCH_TOOL_COMMANDS_H

#include "flip.h"
#include "program.h"
#include "top_table.h"

#include <launch.h>

#include <string>
#include <sys/types.h>
#include <vector>

namespace slicepatch::tool {

/// What `dump` and `verify` look at: files, or the objects of a process.
struct Subject {
    std::vector<std::string> files;
    pid_t pid = 0; // 0: files
    bool diff = false;
};

struct WhyOptions {
    pid_t pid = 0; // 0: this machine
    bool json = false;
};

struct DumpOptions {
    Subject subject;
    std::string label; // a glob; empty: all sites
    bool json = false;
};

struct VerifyOptions {
    Subject subject;
    bool json = false;
};

struct SimCommand {
    SimOptions options;
    std::string kernel = "patched", flags = "auto", json_file;
    bool json = false, by_label = false;
    std::vector<std::string> command;
};

struct TopOptions {
    pid_t pid = 0; // 0: the command
    std::vector<std::string> command;
    TopBy by = TopBy::label;
    TopSort sort = TopSort::granted;
    unsigned interval_ms = 1000;
    std::size_t columns = 80; // where there is no screen that says
    bool once = false, json = false, unicode = false;
};

struct SelftestOptions {
    FlipOptions flip;
    bool json = false;
};

/// Each returns the exit status, or throws: Error for what ends with exit_usage, Changed for exit_changed.
int why(const WhyOptions &options);
int dump(const DumpOptions &options);
int verify(const VerifyOptions &options);
int sim(SimCommand options);
int top(TopOptions options);
int selftest(const SelftestOptions &options);
/// With the arguments of the program of that name, in whose place it runs. Returns only by an exception.
int bench(const std::vector<std::string> &arguments);

} // namespace slicepatch::tool

#endif
