// SPDX-License-Identifier: MIT
#include "child.h"
#include "skip.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern char **environ;

namespace slicepatch::test {

namespace {

constexpr time_t longest_run = 300; // seconds; only something stuck takes that long, even in an emulated machine

struct Pipe {
    int reader = -1, writer = -1;

    Pipe()
    {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC))
            throw std::runtime_error("pipe failed");
        reader = ends[0];
        writer = ends[1];
    }
};

std::vector<char *> pointers_to(std::vector<std::string> &strings)
{
    std::vector<char *> pointers;
    for (std::string &string : strings)
        pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
}

std::vector<std::string> environment_of(const Child &child)
{
    std::vector<std::string> environment;
    for (char **variable = environ; *variable; ++variable)
        if (std::strncmp(*variable, "SLICEPATCH", 10) != 0)
            environment.emplace_back(*variable);
    environment.insert(environment.end(), child.environment.begin(), child.environment.end());
    const auto add = [&](const std::string &name, const std::string &value) { // unless the child has its own
        if (std::none_of(child.environment.begin(), child.environment.end(),
                         [&](const std::string &own) { return own.starts_with(name + "="); }))
            environment.push_back(name + "=" + value);
    };
    add("SLICEPATCH_VERIFY", "decoder");
    if (emulator()) // it runs on from what it has translated, whatever is written through /proc/self/mem
        add("SLICEPATCH_WRITER", "rwx");
    return environment;
}

/// Negative: a descriptor that stays the test's.
[[noreturn]] void become(const Child &child, int input, int out, int error)
{
    const int files[] = {input, out, error};
    for (int number = 0; number < 3; ++number)
        if (files[number] >= 0)
            dup2(files[number], number);
    std::vector<std::string> arguments = child.arguments, environment = environment_of(child);
    arguments.insert(arguments.begin(), child.program);
    if (child.emulated && emulator())
        arguments.insert(arguments.begin(), emulator());
    if (child.before_exec && !child.before_exec()) {
        dprintf(STDOUT_FILENO, "unsupported=this process may not: %s\n", std::strerror(errno));
        _exit(skipped_status);
    }
    execvpe(arguments[0].c_str(), pointers_to(arguments).data(), pointers_to(environment).data());
    dprintf(STDERR_FILENO, "execve %s: %s\n", child.program.c_str(), std::strerror(errno));
    _exit(127);
}

pid_t start(const Child &child, int input, int out, int error)
{
    std::cout.flush();
    std::fflush(nullptr);
    const pid_t process = fork();
    if (process < 0)
        throw std::runtime_error("fork failed");
    if (process == 0)
        become(child, input, out, error);
    return process;
}

int status_of(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// What is there to be read; false at the end of the pipe.
bool read_some(int file, std::string &text)
{
    char buffer[4096];
    const ssize_t size = read(file, buffer, sizeof buffer);
    if (size > 0)
        text.append(buffer, static_cast<std::size_t>(size));
    return size > 0 || (size < 0 && errno == EINTR);
}

/// Reads both pipes and waits for the child; what it leaves running may hold them open. False when that takes too long.
bool follow(pid_t process, int out, int error, Ended &ended)
{
    const time_t deadline = std::time(nullptr) + longest_run;
    pollfd files[] = {{out, POLLIN, 0}, {error, POLLIN, 0}};
    std::string *const texts[] = {&ended.out, &ended.error};
    for (bool gone = false;;) {
        const bool open = files[0].fd >= 0 || files[1].fd >= 0;
        const int ready = poll(files, 2, gone ? 0 : open ? 50 : 1);
        for (int i = 0; i < 2; ++i)
            if (files[i].fd >= 0 && files[i].revents && !read_some(files[i].fd, *texts[i]))
                files[i].fd = -1;
        if (gone && ready <= 0)
            return true;
        int status = 0;
        if (!gone && waitpid(process, &status, WNOHANG) == process) {
            ended.status = status_of(status);
            gone = true;
        }
        if (std::time(nullptr) >= deadline)
            return gone;
    }
}

} // namespace

Ended run_child(const Child &child)
{
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const Pipe out, error;
    const pid_t process = start(child, nothing, out.writer, error.writer);
    for (int file : {nothing, out.writer, error.writer})
        close(file);
    Ended ended;
    if (!follow(process, out.reader, error.reader, ended)) {
        kill(process, SIGKILL);
        waitpid(process, nullptr, 0);
        ended.status = too_long_status;
    }
    close(out.reader);
    close(error.reader);
    return ended;
}

Running::Running(const Child &child)
{
    const Pipe input, output;
    child_ = start(child, input.reader, output.writer, -1);
    close(input.reader);
    close(output.writer);
    input_ = input.writer;
    output_ = output.reader;
}

std::string Running::read_line() const
{
    std::string line;
    for (char c = 0; read(output_, &c, 1) == 1 && c != '\n';)
        line += c;
    return line;
}

int Running::end()
{
    int status = 0;
    if (input_ >= 0)
        close(std::exchange(input_, -1));
    if (child_ > 0)
        waitpid(std::exchange(child_, 0), &status, 0);
    if (output_ >= 0)
        close(std::exchange(output_, -1));
    return status_of(status);
}

Running::~Running()
{
    (void)end();
}

} // namespace slicepatch::test
