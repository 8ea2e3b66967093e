// SPDX-License-Identifier: MIT
#include "child.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace slicepatch::test {

namespace {

/// What runs programs of this architecture where the CPU does not; null where it does.
const char *emulator()
{
    return std::getenv("SLICEPATCH_EMULATOR");
}

constexpr int too_long_status = 124; // as timeout(1)
constexpr time_t longest_run = 120;  // seconds; only something stuck takes that long

std::vector<char *> pointers_to(std::vector<std::string> &strings)
{
    std::vector<char *> pointers;
    for (std::string &string : strings)
        pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
}

[[noreturn]] void become(const Child &child, int out, int error)
{
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    std::vector<std::string> arguments = child.arguments;
    arguments.insert(arguments.begin(), child.program);
    if (emulator())
        arguments.insert(arguments.begin(), emulator());
    std::vector<std::string> environment;
    for (char **variable = environ; *variable; ++variable)
        if (std::strncmp(*variable, "SLICEPATCH", 10) != 0)
            environment.emplace_back(*variable);
    environment.insert(environment.end(), child.environment.begin(), child.environment.end());
    if (emulator()) // it runs on from what it has translated, whatever is written through /proc/self/mem
        environment.emplace_back("SLICEPATCH_WRITER=rwx");
    if (child.before_exec && !child.before_exec()) {
        dprintf(STDOUT_FILENO, "unsupported=this process may not: %s\n", std::strerror(errno));
        _exit(unsupported);
    }
    execvpe(arguments[0].c_str(), pointers_to(arguments).data(), pointers_to(environment).data());
    dprintf(STDERR_FILENO, "execve %s: %s\n", child.program.c_str(), std::strerror(errno));
    _exit(127);
}

/// Reads both pipes until they end; false when that takes too long.
bool read_all(int out, int error, Outcome &outcome)
{
    const time_t deadline = std::time(nullptr) + longest_run;
    pollfd files[] = {{out, POLLIN, 0}, {error, POLLIN, 0}};
    std::string *const texts[] = {&outcome.out, &outcome.error};
    while (files[0].fd >= 0 || files[1].fd >= 0) {
        if (std::time(nullptr) >= deadline)
            return false;
        poll(files, 2, 1000);
        for (int i = 0; i < 2; ++i) {
            char buffer[4096];
            if (files[i].fd < 0 || !files[i].revents)
                continue;
            const ssize_t size = read(files[i].fd, buffer, sizeof buffer);
            if (size > 0)
                texts[i]->append(buffer, static_cast<std::size_t>(size));
            else
                files[i].fd = -1;
        }
    }
    return true;
}

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

unsigned skips = 0;

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
    int out[2], error[2];
    if (pipe2(out, O_CLOEXEC) || pipe2(error, O_CLOEXEC))
        throw std::runtime_error("pipe failed");
    std::cout.flush();
    const pid_t process = fork();
    if (process < 0)
        throw std::runtime_error("fork failed");
    if (process == 0) {
        close(out[0]);
        close(error[0]);
        become(child, out[1], error[1]);
    }
    close(out[1]);
    close(error[1]);
    Outcome outcome;
    const bool in_time = read_all(out[0], error[0], outcome);
    close(out[0]);
    close(error[0]);
    if (!in_time)
        kill(process, SIGKILL);
    int status = 0;
    waitpid(process, &status, 0);
    outcome.status = !in_time ? too_long_status : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    understand(outcome);
    if (outcome.status == unsupported)
        needs_whole_system(outcome.value("unsupported").c_str());
    return outcome;
}

Outcome run_subject(const std::vector<std::string> &verbs, const std::vector<std::string> &environment)
{
    return run({.program = SUBJECT, .arguments = verbs, .environment = environment});
}

void skip(const char *what, const std::string &reason)
{
    ++skips;
    std::printf("SKIP: %s: %s\n", what, reason.c_str());
}

bool skipped(const Outcome &outcome, const char *what)
{
    if (outcome.status != unsupported)
        return false;
    skip(what, outcome.value("unsupported"));
    return true;
}

void needs_whole_system(const char *why)
{
    if (!emulator())
        return;
    std::printf("SKIP: %s: %s\n", emulator(), why);
    std::exit(unsupported);
}

unsigned count_skips()
{
    return skips;
}

} // namespace slicepatch::test
