// SPDX-License-Identifier: MIT
#include "commands.h"
#include "error.h"
#include "printable.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

constexpr int exit_unwritten = 125; // as for every failure of the simulator's own

nlohmann::ordered_json statistics_json(const SimStatistics &statistics, bool strict)
{
    nlohmann::ordered_json json{{"grants", statistics.grants},   {"yields", statistics.yields},
                                {"expired", statistics.expired}, {"revoked", statistics.revoked},
                                {"ticks", statistics.ticks},     {"threads", statistics.threads}};
    if (strict)
        json["section_syscalls"] = statistics.section_syscalls;
    return json;
}

/// Takes the number of each closed standard descriptor, or the first file that is opened here would become standard
/// error. The command finds it closed, as it was.
void fill_standard_descriptors()
{
    int file = 0;
    while (file >= 0 && file <= STDERR_FILENO)
        file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (file >= 0)
        close(file);
}

/// Opened before the command runs: a file that cannot be written is found out before an hour of work, not after.
std::FILE *open_output(const std::string &path)
{
    std::FILE *file = std::fopen(path.c_str(), "we");
    if (!file)
        throw Error("{}: {}", path, std::strerror(errno));
    return file;
}

/// Whether it arrived. A pipe that nobody reads is no reason to die: the command's status is still to be passed on.
bool write_output(std::FILE *output, const std::string &text)
{
    struct sigaction ignore = {}, saved = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &saved);
    bool written = std::fputs(text.c_str(), output) >= 0;
    written &= (output == stderr ? std::fflush(output) : std::fclose(output)) == 0;
    const int error = errno;
    sigaction(SIGPIPE, &saved, nullptr);
    errno = error;
    return written;
}

} // namespace

int sim(SimCommand asked)
{
    auto &[options, kernel, flags, json_file, json, by_label, command] = asked;
    if (!sim_kernel_from_name(kernel, options.kernel))
        throw Error("--kernel {}: not one of stock, patched, off, none", kernel);
    options.rseq_flags = flags == "on"    ? SimRseqFlags::on
                         : flags == "off" ? SimRseqFlags::off
                                          : SimRseqFlags::automatic;
    if (command.empty())
        throw Error("sim: name a command, as in: slicepatch sim -- COMMAND");
    fill_standard_descriptors();
    std::FILE *const output = json_file.empty() ? stderr : open_output(json_file);
    std::vector<char *> arguments;
    for (std::string &argument : command)
        arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    if (by_label)
        setenv("SLICEPATCH_COUNT", "report", 1); // the user's own word is less than was asked for here
    SimStatistics statistics;
    const int status = sim_run(options, arguments.data(), statistics);
    const nlohmann::ordered_json result = statistics_json(statistics, options.strict);
    std::string text;
    if (json || !json_file.empty()) {
        text = json_text(result) + "\n";
    } else {
        text = "slicepatch sim:";
        for (const auto &[name, value] : result.items())
            text += fmt::format(" {} {}", value.get<std::uint64_t>(), name);
        text += "\n";
    }
    if (write_output(output, text) || status != 0)
        return status;
    // Figures that nobody asked for are worth less than the command's status.
    if (output != stderr)
        throw Error("{}: {}", json_file, std::strerror(errno));
    return json ? exit_unwritten : 0;
}

} // namespace slicepatch::tool
