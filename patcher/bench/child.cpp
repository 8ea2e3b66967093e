// SPDX-License-Identifier: MIT
#include "child.h"
#include "patcher/tool/error.h"
#include "patcher/tool/file_descriptor.h"
#include "timing.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace slicepatch::tool::bench {

namespace {

/// What the user set for this run would otherwise decide what init does in the children.
bool steers_init(std::string_view variable)
{
    constexpr std::array names{"SLICEPATCH",      "SLICEPATCH_SITES", "SLICEPATCH_WRITER", "SLICEPATCH_LIVE",
                               "SLICEPATCH_RSEQ", "SLICEPATCH_SEAL",  "SLICEPATCH_VERBOSE"};
    const std::string_view name = variable.substr(0, variable.find('='));
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// As exec wants them: it writes to none of them.
std::vector<char *> pointers(const std::vector<std::string> &strings)
{
    std::vector<char *> result;
    for (const std::string &string : strings)
        result.push_back(const_cast<char *>(string.c_str()));
    result.push_back(nullptr);
    return result;
}

class SpawnActions {
public:
    SpawnActions()
    {
        if (posix_spawn_file_actions_init(&actions_) != 0)
            throw std::bad_alloc();
    }
    SpawnActions(const SpawnActions &) = delete;
    SpawnActions &operator=(const SpawnActions &) = delete;
    ~SpawnActions()
    {
        posix_spawn_file_actions_destroy(&actions_);
    }
    void redirect(int from, int to)
    {
        if (posix_spawn_file_actions_adddup2(&actions_, from, to) != 0)
            throw std::bad_alloc();
    }
    [[nodiscard]] const posix_spawn_file_actions_t *get() const
    {
        return &actions_;
    }

private:
    posix_spawn_file_actions_t actions_;
};

pid_t start(const std::vector<std::string> &command, const SpawnActions &actions, const Environment &environment)
{
    const std::vector<char *> arguments = pointers(command), variables = pointers(environment);
    pid_t pid = -1;
    if (const int error = posix_spawn(&pid, arguments[0], actions.get(), nullptr, arguments.data(), variables.data()))
        throw Error("bench: {} cannot be run: {}", command[0], std::strerror(error));
    return pid;
}

void finish(pid_t pid, const std::string &path)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            throw Error("bench: {} cannot be waited for: {}", path, std::strerror(errno));
    if (WIFSIGNALED(status))
        throw Error("bench: {} died of signal {}", path, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        throw Error("bench: {} failed with status {}", path, WEXITSTATUS(status));
}

} // namespace

Environment inherited_environment()
{
    Environment environment;
    for (char **variable = environ; *variable; ++variable)
        environment.emplace_back(*variable);
    return environment;
}

Environment plain_environment()
{
    Environment environment = inherited_environment();
    environment.erase(std::remove_if(environment.begin(), environment.end(), steers_init), environment.end());
    return environment;
}

std::string own_path()
{
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0 || length == static_cast<ssize_t>(sizeof path))
        throw Error("bench: /proc/self/exe cannot be read, and with it the programs beside this one");
    return {path, static_cast<std::size_t>(length)};
}

std::string helper_path(const char *name)
{
    const std::string self = own_path();
    const std::string path = self.substr(0, self.rfind('/') + 1) + name;
    if (access(path.c_str(), R_OK) != 0)
        throw Error("bench: {} is not there: it is built and installed together with this program", path);
    return path;
}

double run_helper(const std::string &path)
{
    const Environment environment = plain_environment();
    const SpawnActions nothing;
    const double begin = now_ns();
    finish(start({path}, nothing, environment), path);
    return (now_ns() - begin) / 1e3;
}

std::string read_helper(const std::vector<std::string> &command, const Environment &environment)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw Error("bench: no pipe: {}", std::strerror(errno));
    const FileDescriptor reader(ends[0]);
    std::string output;
    pid_t pid = -1;
    {
        const FileDescriptor writer(ends[1]); // closed before reading, or there would be no end of file
        SpawnActions actions;
        actions.redirect(writer.get(), STDOUT_FILENO);
        pid = start(command, actions, environment);
    }
    const bool complete = read_all(reader, output);
    finish(pid, command[0]);
    if (!complete)
        throw Error("bench: the output of {} cannot be read", command[0]);
    return output;
}

} // namespace slicepatch::tool::bench
