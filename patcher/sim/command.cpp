// SPDX-License-Identifier: MIT
#include "command.h"

#include "context.h"
#include "protocol.h"

#include <cstring>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace slicepatch::sim {

namespace {

// As many as the kernel follows from script to script (fs/exec.c).
constexpr int script_depth = 5;

// A descriptor, and libelf's handle on it.
class OpenFile {
public:
    explicit OpenFile(const std::string &path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC))
    {
        if (descriptor_ >= 0 && elf_version(EV_CURRENT) != EV_NONE)
            elf_ = elf_begin(descriptor_, ELF_C_READ, nullptr);
    }
    ~OpenFile()
    {
        elf_end(elf_);
        if (descriptor_ >= 0)
            close(descriptor_);
    }
    OpenFile(const OpenFile &) = delete;
    OpenFile &operator=(const OpenFile &) = delete;

    bool is_open() const
    {
        return descriptor_ >= 0;
    }
    int descriptor() const
    {
        return descriptor_;
    }
    Elf *elf() const
    {
        return elf_;
    }

private:
    int descriptor_;
    Elf *elf_ = nullptr;
};

bool is_executable(const std::string &path)
{
    struct stat status = {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

// A file without the permission does not end the search, but is remembered, as in execvp(3).
CommandCheck find_command(const std::string &command)
{
    bool denied = access(command.c_str(), F_OK) == 0;
    if (command.find('/') != std::string::npos) {
        if (is_executable(command))
            return {0, command, {}};
    } else {
        denied = false;
        const char *variable = getenv("PATH");
        std::string path = variable != nullptr ? variable : "/bin:/usr/bin";
        for (size_t start = 0, end = 0; end != std::string::npos && !command.empty(); start = end + 1) {
            end = path.find(':', start);
            std::string folder = path.substr(start, end == std::string::npos ? end : end - start);
            std::string candidate = (folder.empty() ? "." : folder) + "/" + command;
            if (is_executable(candidate))
                return {0, candidate, {}};
            denied |= access(candidate.c_str(), F_OK) == 0;
        }
    }
    if (denied)
        return {exit_not_executable, command, command + " is not an executable file"};
    return {exit_not_found, command, command + ": command not found"};
}

std::string find_interpreter(Elf *elf)
{
    size_t count = 0;
    size_t size = 0;
    const char *raw = elf_rawfile(elf, &size);
    if (raw == nullptr || elf_getphdrnum(elf, &count) != 0)
        return {};
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr || segment.p_type != PT_INTERP)
            continue;
        if (segment.p_offset < size && segment.p_filesz <= size - segment.p_offset)
            return std::string(raw + segment.p_offset, strnlen(raw + segment.p_offset, segment.p_filesz));
    }
    return {};
}

// What is wrong with a program, or nothing.
std::string find_elf_obstacle(Elf *elf)
{
    GElf_Ehdr header;
    if (gelf_getehdr(elf, &header) == nullptr)
        return "has a damaged ELF header";
    if (gelf_getclass(elf) != ELFCLASS64 || header.e_machine != elf_machine)
        return "is built for another architecture, and the simulator is an object of this one";
    std::string interpreter = find_interpreter(elf);
    if (interpreter.empty())
        return "is statically linked: it has no dynamic linker that could preload the simulator";
    if (interpreter.find("/ld-musl-") != std::string::npos)
        return "uses musl, and the simulator is an object of glibc";
    return {};
}

// The dynamic linker drops LD_PRELOAD when a program gains privileges, and no_new_privs would take those away.
std::string find_privilege(const OpenFile &file)
{
    struct stat status = {};
    if (fstat(file.descriptor(), &status) != 0)
        return "cannot be examined";
    if ((status.st_mode & S_ISUID) != 0 || (status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
        return "is setuid or setgid: such a program cannot be preloaded";
    if (fgetxattr(file.descriptor(), "security.capability", nullptr, 0) > 0)
        return "has file capabilities: such a program cannot be preloaded";
    return {};
}

// The interpreter of a script. A text without #! is given to the shell, as execvp(3) does.
std::string read_script_interpreter(const OpenFile &file)
{
    char line[256] = {};
    ssize_t length = pread(file.descriptor(), line, sizeof line - 1, 0);
    if (length < 2 || line[0] != '#' || line[1] != '!')
        return "/bin/sh";
    const char *start = line + 2 + strspn(line + 2, " \t");
    return std::string(start, strcspn(start, " \t\n"));
}

} // namespace

CommandCheck check_command(const std::string &command)
{
    CommandCheck found = find_command(command);
    std::string path = found.path;
    for (int depth = 0; found.exit_code == 0; depth++) {
        OpenFile file(path);
        if (!file.is_open())
            return {exit_failure, found.path, path + " cannot be read, so cannot be checked"};
        bool is_program = file.elf() != nullptr && elf_kind(file.elf()) == ELF_K_ELF;
        std::string obstacle = is_program ? find_privilege(file) : std::string();
        if (obstacle.empty() && is_program)
            obstacle = find_elf_obstacle(file.elf());
        if (obstacle.empty() && !is_program && depth == script_depth)
            obstacle = "is a script of a script of a script, and so on";
        if (!obstacle.empty())
            return {exit_failure, found.path,
                    path + (depth == 0 ? " " : ", the interpreter of " + found.path + ", ") + obstacle};
        if (is_program)
            break;
        path = read_script_interpreter(file);
    }
    return found;
}

} // namespace slicepatch::sim
