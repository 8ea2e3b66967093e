// SPDX-License-Identifier: MIT
#include "command.h"
#include "error.h"
#include "site_view.h"

#include <launch.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace slicepatch::tool {

namespace {

struct Sim {
    SimOptions options;
    std::string kernel = "patched", flags = "auto", json_file;
    bool json = false;
    std::vector<std::string> command;

    int run();
};

nlohmann::ordered_json statistics_json(const SimStatistics &statistics, bool strict)
{
    nlohmann::ordered_json json{{"grants", statistics.grants},   {"yields", statistics.yields},
                                {"expired", statistics.expired}, {"revoked", statistics.revoked},
                                {"ticks", statistics.ticks},     {"threads", statistics.threads}};
    if (strict)
        json["section_syscalls"] = statistics.section_syscalls;
    return json;
}

/// Opened before the command runs: a file that cannot be written is found out before an hour of work, not after.
std::FILE *open_output(const std::string &path)
{
    std::FILE *file = std::fopen(path.c_str(), "we");
    if (!file)
        throw Error("{}: {}", path, std::strerror(errno));
    return file;
}

int Sim::run()
{
    if (!sim_kernel_from_name(kernel, options.kernel))
        throw Error("--kernel {}: not one of stock, patched, off, none", kernel);
    options.rseq_flags = flags == "on"    ? SimRseqFlags::on
                         : flags == "off" ? SimRseqFlags::off
                                          : SimRseqFlags::automatic;
    if (command.empty())
        throw Error("sim: name a command, as in: slicepatch sim -- COMMAND");
    std::FILE *const output = json_file.empty() ? stderr : open_output(json_file);
    std::vector<char *> arguments;
    for (std::string &argument : command)
        arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    SimStatistics statistics;
    const int status = sim_run(options, arguments.data(), statistics);
    const nlohmann::ordered_json result = statistics_json(statistics, options.strict);
    if (json || !json_file.empty()) {
        fmt::print(output, "{}\n", json_text(result));
    } else {
        std::string text;
        for (const auto &[name, value] : result.items())
            text += fmt::format(" {} {}", value.get<std::uint64_t>(), name);
        fmt::print(output, "slicepatch sim:{}\n", text);
    }
    const bool written = std::fflush(output) == 0;
    if (output != stderr && (std::fclose(output) != 0 || !written))
        throw Error("{}: {}", json_file, std::strerror(errno));
    return status;
}

} // namespace

Run add_sim(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("sim", "Run an unmodified program against a simulated kernel");
    const auto sim = std::make_shared<Sim>();
    command->add_option("--kernel", sim->kernel, "stock, patched, off or none")
        ->check(CLI::IsMember({"stock", "patched", "off", "none"}))
        ->capture_default_str();
    command->add_option("--tick-us", sim->options.tick_us, "CPU time between a thread's interrupts, microseconds")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--slice-us", sim->options.slice_us, "length of a granted slice, microseconds")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--rseq-flags", sim->flags, "whether rseq->flags are written: auto, on or off")
        ->check(CLI::IsMember({"auto", "on", "off"}))
        ->capture_default_str();
    command->add_flag("--strict", sim->options.strict, "report system calls made inside a section");
    command->add_option("--preload", sim->options.preload, "the simulator's object, if not beside this program");
    command->add_flag("--json", sim->json, "print the statistics as JSON on standard error");
    command->add_option("--json-file", sim->json_file, "write the statistics as JSON to this file");
    command->add_option("COMMAND", sim->command, "the program and its arguments")->required();
    command->positionals_at_end();
    command->footer("Example: slicepatch sim --kernel stock -- build/bin/wordcount --threads 4 README.md\n"
                    "Exit status: that of COMMAND, 128 + signal if it was killed; 125 it cannot be simulated, 126 it is "
                    "not executable,\n127 it was not found; 2 wrong usage.\n\n" +
                    sim_notes());
    return [sim] { return sim->run(); };
}

} // namespace slicepatch::tool
