// SPDX-License-Identifier: MIT
#include "command.h"
#include "error.h"
#include "site_view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <new>

namespace slicepatch::tool {

namespace {

constexpr char version[] = SLICEPATCH_VERSION;

struct Subcommand {
    const char *name;
    Run (*add)(CLI::App &program);
};

constexpr std::array subcommands{
    Subcommand{"why", add_why},       Subcommand{"dump", add_dump},
    Subcommand{"verify", add_verify}, Subcommand{"sim", add_sim},
#ifdef SLICEPATCH_TOOL_BENCH
    Subcommand{"bench", add_bench},
#endif
    Subcommand{"selftest", add_selftest},
};

int fail(const std::string &message)
{
    fmt::print(stderr, "slicepatch: {}\n", printable(message));
    return exit_usage;
}

/// What was printed must have arrived: a full disk is not success.
int finish(int status)
{
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
        return fail("standard output cannot be written");
    return status;
}

/// The parser would say of an unknown subcommand only that one is missing.
std::string complaint(int argc, char **argv, const CLI::ParseError &error)
{
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && argc > 1 && *argv[1] != '-' &&
        std::none_of(subcommands.begin(), subcommands.end(),
                     [&](const Subcommand &known) { return !std::strcmp(known.name, argv[1]); }))
        return fmt::format("{}: no such subcommand", argv[1]);
    return error.what();
}

int run(int argc, char **argv)
{
    CLI::App program("Time slice extensions for critical sections, patched in once at start-up.", "slicepatch");
    program.set_version_flag("--version", std::string("slicepatch ") + version);
    program.require_subcommand(1);
    program.footer("Example: slicepatch why\n"
                   "Exit status: 0 done, 1 a finding (verify, selftest), 2 wrong usage or unreadable input; sim passes "
                   "its command's on.\n`slicepatch COMMAND --help` has an example of each.");
    std::array<Run, subcommands.size()> runs;
    for (std::size_t i = 0; i < subcommands.size(); ++i)
        runs[i] = subcommands[i].add(program);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
            return program.exit(error); // --help, --version
        return fail(complaint(argc, argv, error) + " (slicepatch --help lists what there is)");
    }
    for (std::size_t i = 0; i < subcommands.size(); ++i)
        if (program.got_subcommand(subcommands[i].name))
            return runs[i]();
    return fail("no subcommand"); // not reached: one is required
}

} // namespace

} // namespace slicepatch::tool

int main(int argc, char **argv)
{
    using namespace slicepatch::tool;
    try {
        return finish(run(argc, argv));
    } catch (const std::bad_alloc &) {
        return fail("out of memory");
    } catch (const std::exception &error) {
        return fail(error.what());
    }
}
