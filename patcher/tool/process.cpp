// SPDX-License-Identifier: MIT
#include "process.h"
#include "error.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sstream>

namespace slicepatch::tool {

bool parse_mapping(const std::string &line, Mapping &mapping)
{
    unsigned long long begin, end, offset, inode;
    char permissions[5];
    int path = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %llu %n", &begin, &end, permissions, &offset, &inode,
                    &path) != 5 ||
        !path || end < begin)
        return false;
    mapping = {begin, end, offset, inode, std::strchr(permissions, 'x') != nullptr,
               line.substr(static_cast<std::size_t>(path))};
    return true;
}

Process::Process(pid_t pid) : pid_(pid)
{
    if (pid <= 0)
        throw Error("process {}: not a process id", pid);
    directory_ = FileDescriptor(open(fmt::format("/proc/{}", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) {
        if (access("/proc/self", F_OK) != 0)
            throw Error("process {}: /proc is not mounted", pid);
        throw Error("process {}: no such process", pid);
    }
    memory_ = open_at("mem");
    const int error = errno;
    if (!memory_)
        require_alive();
    if (!memory_ && (error == EACCES || error == EPERM))
        throw Error("process {}: not ours: its memory may be read by its own user only (and where "
                    "kernel.yama.ptrace_scope is set, by root)",
                    pid);
    if (!memory_ && error == ESRCH)
        throw Error("process {}: has no memory of its own (a kernel thread?)", pid);
    if (!memory_)
        throw Error("process {}: /proc/{}/mem: {}", pid, pid, std::strerror(error));
    read_mappings();
    find_objects();
}

Process::~Process() = default;

FileDescriptor Process::open_at(const char *name) const
{
    return FileDescriptor(openat(directory_.get(), name, O_RDONLY | O_CLOEXEC));
}

bool Process::read_file(const char *name, std::string &text) const
{
    const FileDescriptor file = open_at(name);
    return file && read_all(file, text);
}

std::size_t Process::read_memory(std::uint64_t address, std::span<std::uint8_t> bytes) const
{
    return read_at(memory_, address, bytes);
}

void Process::require_alive() const
{
    std::string status;
    if (!read_file("stat", status))
        throw Error("process {}: exited while it was being read", pid_);
    // "PID (NAME) STATE ...": the name may hold anything, parentheses included.
    const std::size_t name_end = status.rfind(") ");
    const char state = name_end != std::string::npos && name_end + 2 < status.size() ? status[name_end + 2] : '?';
    if (state == 'Z' || state == 'X')
        throw Error("process {}: has exited and waits for its parent to collect its status", pid_);
}

void Process::read_mappings()
{
    std::string text;
    if (!read_file("maps", text)) {
        const int error = errno;
        require_alive();
        throw Error("process {}: /proc/{}/maps: {}", pid_, pid_, std::strerror(error));
    }
    std::istringstream lines(text);
    Mapping mapping;
    for (std::string line; std::getline(lines, line);)
        if (parse_mapping(line, mapping))
            mappings_.push_back(mapping);
    if (!mappings_.empty())
        return;
    require_alive();
    throw Error("process {}: has no memory of its own (a kernel thread?)", pid_);
}

void Process::find_objects()
{
    for (const Mapping &mapping : mappings_) {
        if (mapping.offset != 0 || mapping.inode == 0)
            continue;
        try {
            objects_.push_back(std::make_unique<LiveObject>(*this, mapping));
        } catch (const Error &) {
            // A mapped data file, or an ELF file that is mapped as data.
            require_alive();
        }
    }
}

/// The kernel's own link to the mapped file reaches deleted and replaced files, but is for the privileged; the path is
/// for everybody, as the process sees it, and only if it still names the same file.
std::unique_ptr<ElfFile> Process::open_file(const LiveObject &object, std::string &reason) const
{
    const Mapping &first = object.first_mapping();
    const std::string link = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid_, first.begin, first.end);
    const std::string path = fmt::format("/proc/{}/root{}", pid_, first.path);
    for (const std::string &candidate : {link, path, first.path}) {
        try {
            auto file = std::make_unique<ElfFile>(candidate, first.path);
            if (file->inode() == first.inode)
                return file;
            reason = fmt::format("{}: the file was replaced after it was loaded", first.path);
        } catch (const Error &error) {
            reason = error.what();
        }
    }
    return nullptr;
}

LiveObject::LiveObject(const Process &process, const Mapping &first)
    : ElfImage(first.path), process_(process), first_(first)
{
    parse_headers();
    // The segment whose page has file offset 0 is what this mapping begins with (ELF header included).
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const auto begins = std::find_if(segments_.begin(), segments_.end(), [&](const Segment &segment) {
        return segment.type == PT_LOAD && segment.offset / page == 0;
    });
    if (begins == segments_.end())
        throw Error("{}: no segment holds the ELF header", name_);
    bias_ = first.begin - (begins->address - begins->offset);
    // Loaded for execution, or only mapped to be looked at? Then its code is not where its headers say.
    for (const Segment &segment : segments_) {
        if (segment.type != PT_LOAD || !(segment.flags & PF_X))
            continue;
        const std::uint64_t address = bias_ + segment.address;
        for (const Mapping &mapping : process.mappings())
            if (mapping.executable && address >= mapping.begin && address < mapping.end)
                return;
    }
    throw Error("{}: not loaded for execution", name_);
}

std::size_t LiveObject::read_header(std::uint64_t offset, std::span<std::uint8_t> bytes) const
{
    const std::uint64_t room = first_.end - first_.begin;
    if (offset >= room)
        return 0;
    return process_.read_memory(first_.begin + offset, bytes.first(std::min<std::uint64_t>(bytes.size(), room - offset)));
}

std::size_t LiveObject::read_segment(const Segment &segment, std::uint64_t delta, std::span<std::uint8_t> bytes) const
{
    if (delta >= segment.memory_size)
        return 0;
    const std::uint64_t size = std::min<std::uint64_t>(bytes.size(), segment.memory_size - delta);
    return process_.read_memory(bias_ + segment.address + delta, bytes.first(size));
}

} // namespace slicepatch::tool
