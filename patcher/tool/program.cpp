// SPDX-License-Identifier: MIT
#include "program.h"

#include "error.h"
#include "output.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <sstream>
#include <vector>

namespace slicepatch::tool {

namespace {

constexpr char version[] = SLICEPATCH_VERSION;

using Subcommands = std::span<const Subcommand>;

bool is_subcommand(Subcommands subcommands, const std::string &name)
{
    return std::any_of(subcommands.begin(), subcommands.end(),
                       [&](const Subcommand &known) { return name == known.name; });
}

std::string no_such(const std::string &name)
{
    return fmt::format("{}: no such subcommand (slicepatch --help lists what there is)", name);
}

/// The same as --help, as other programs have it.
Run add_help(CLI::App &program, Subcommands subcommands)
{
    CLI::App *command = program.add_subcommand("help", "Explain the program, or one of its subcommands");
    const auto name = std::make_shared<std::string>();
    command->add_option("COMMAND", *name, "the subcommand");
    command->footer("Example: slicepatch help verify\n"
                    "Exit status: 0 there is such a subcommand, 2 there is not.");
    return [&program, subcommands, name] {
        program.clear(); // a program that has parsed a subcommand explains that one
        if (!name->empty() && *name != "help" && !is_subcommand(subcommands, *name))
            throw Error("{}", no_such(*name));
        print("{}", name->empty() ? program.help() : program.get_subcommand(*name)->help("slicepatch"));
        return exit_ok;
    };
}

/// The parser would say of an unknown subcommand only that one is missing.
std::string complaint(int argc, char **argv, Subcommands subcommands, const CLI::ParseError &error)
{
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) && argc > 1 && *argv[1] != '-' &&
        !is_subcommand(subcommands, argv[1]))
        return no_such(argv[1]);
    return fmt::format("{} (slicepatch --help lists what there is)", error.what());
}

/// --help and --version are errors to the parser.
int answer(const CLI::App &program, const CLI::ParseError &error)
{
    std::ostringstream text;
    const int status = program.exit(error, text, text);
    write_output(text.str());
    return status;
}

int run(int argc, char **argv, Subcommands subcommands)
{
    CLI::App program("Time slice extensions for critical sections, patched in once at start-up.", "slicepatch");
    program.set_version_flag("--version", std::string("slicepatch ") + version);
    program.require_subcommand(1);
    program.footer(
        "Example: slicepatch why\n"
        "Exit status: 0 done, 1 a finding (verify, selftest), 2 wrong usage, input that cannot be read or output "
        "that cannot\nbe written, 3 a process that changed while it was read; sim passes its command's on.\n"
        "`slicepatch help COMMAND` has an example of each.");
    std::vector<Run> runs;
    for (const Subcommand &one : subcommands)
        runs.push_back(one.add(program));
    const Run help = add_help(program, subcommands);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
            return answer(program, error);
        throw Error("{}", complaint(argc, argv, subcommands, error));
    }
    const auto chosen = std::find_if(subcommands.begin(), subcommands.end(),
                                     [&](const Subcommand &one) { return program.got_subcommand(one.name); });
    if (chosen == subcommands.end()) // one is required
        return help();
    const int status = runs.at(static_cast<std::size_t>(chosen - subcommands.begin()))();
    // A command's own status counts for more than what was said about it.
    return complaints_lost() && !chosen->keeps_status ? exit_usage : status;
}

int fail(const std::string &message, int status = exit_usage)
{
    complain(message);
    return status;
}

} // namespace

int run_program(int argc, char **argv, std::span<const Subcommand> subcommands)
{
    prepare_output();
    try {
        const int status = run(argc, argv, subcommands);
        flush_output();
        return status;
    } catch (const std::bad_alloc &) {
        return fail("out of memory");
    } catch (const Changed &error) {
        return fail(error.what(), exit_changed);
    } catch (const std::exception &error) {
        return fail(error.what());
    }
}

} // namespace slicepatch::tool
