// SPDX-License-Identifier: MIT
#include "process_refusal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace slicepatch::tool {

namespace {

constexpr char hidden[] = "hidden: /proc is mounted with hidepid, so that only its own user, root and the group of the "
                          "option gid= see it";

/// The link is there whatever it leads to.
bool is_proc_mounted()
{
    struct stat status;
    return lstat("/proc/self", &status) == 0;
}

/// Asks the kernel past /proc.
bool exists(pid_t pid)
{
    return !is_proc_foreign() && (kill(pid, 0) == 0 || errno == EPERM);
}

std::string trace_scope()
{
    std::string value;
    if (!read_all("/proc/sys/kernel/yama/ptrace_scope", value))
        return "";
    return value.substr(0, value.find('\n'));
}

/// A process may read the memory of those that it may attach to (ptrace(2), "Ptrace access mode checking").
std::string memory_text(const FileDescriptor &directory)
{
    const std::string scope = trace_scope();
    if (geteuid() == 0)
        return fmt::format("root is refused its memory here: a container without CAP_SYS_PTRACE, a process of a user "
                           "namespace further out, {}or a security module",
                           scope == "3" ? "kernel.yama.ptrace_scope 3, " : "");
    struct stat status;
    if (fstat(directory.get(), &status) == 0 && status.st_uid != geteuid())
        return fmt::format("not ours: it belongs to user {}, and its memory may be read by that user and by root",
                           status.st_uid);
    if (!scope.empty() && scope != "0")
        return fmt::format("its memory may be read by root only (kernel.yama.ptrace_scope is {})", scope);
    return "its memory may be read by root only: a program with privileges of its own, or one that asked for that "
           "(PR_SET_DUMPABLE)";
}

} // namespace

std::optional<ProcessStat> read_stat(const FileDescriptor &directory)
{
    constexpr unsigned long kernel_thread = 0x00200000; // PF_KTHREAD, include/linux/sched.h
    const FileDescriptor file(openat(directory.get(), "stat", O_RDONLY | O_CLOEXEC));
    std::string text;
    if (!file || !read_all(file, text))
        return std::nullopt;
    // "PID (NAME) STATE ...": the name may hold anything, parentheses included. See proc_pid_stat(5).
    const std::size_t name_end = text.rfind(") ");
    char state = 0;
    unsigned long flags = 0, threads = 0;
    if (name_end == std::string::npos ||
        std::sscanf(text.c_str() + name_end + 2,
                    "%c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %lu", &state, &flags,
                    &threads) != 3) {
        errno = EPROTO;
        return std::nullopt;
    }
    return ProcessStat{state, (flags & kernel_thread) != 0, threads};
}

bool is_proc_foreign()
{
    std::array<char, 32> self{};
    const ssize_t length = readlink("/proc/self", self.data(), self.size());
    if (length < 0)
        return is_proc_mounted(); // then this program is in none of the namespaces that it shows
    return std::string(self.data(), static_cast<std::size_t>(length)) != std::to_string(getpid());
}

std::string absence_text(pid_t pid, int error)
{
    if (error != ENOENT && error != ESRCH)
        return fmt::format("/proc/{}: {}", pid, std::strerror(error));
    if (!is_proc_mounted())
        return "/proc is not mounted";
    if (exists(pid))
        return hidden;
    return is_proc_foreign() ? "no such process in /proc, which shows another PID namespace than ours"
                             : "no such process";
}

std::string refusal_text(pid_t pid, const FileDescriptor &directory, const char *file, int error)
{
    const bool refused = error == EACCES || error == EPERM;
    if (refused && read_stat(directory))
        return memory_text(directory);
    if (refused || (error == ENOENT && exists(pid)))
        return hidden; // what is in the folder is otherwise for everybody to see, "stat" at least
    if (error == ENOENT || error == ESRCH)
        return "exited while it was being read";
    return fmt::format("/proc/{}/{}: {}", pid, file, std::strerror(error));
}

} // namespace slicepatch::tool
