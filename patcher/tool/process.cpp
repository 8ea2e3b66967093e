// SPDX-License-Identifier: MIT
#include "process.h"
#include "error.h"
#include "process_refusal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sstream>
#include <string_view>

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
    mapping = {begin,
               end,
               offset,
               inode,
               std::strchr(permissions, 'x') != nullptr,
               line.substr(static_cast<std::size_t>(path))};
    return true;
}

Process::Process(pid_t pid) : pid_(pid)
{
    if (pid <= 0)
        throw Error("process {}: not a process id", pid);
    directory_ = FileDescriptor(open(fmt::format("/proc/{}", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory_)
        throw Error("process {}: {}", pid, absence_text(pid, errno));
    turn_to_living_thread();
    read_again();
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
    const std::optional<ProcessStat> stat = read_stat(directory_);
    if (!stat)
        throw Error("process {}: {}", pid_, refusal_text(pid_, directory_, "stat", errno));
    if (stat->ended())
        throw Error("process {}: has exited and waits for its parent to collect its status", pid_);
    if (stat->kernel_thread)
        throw Error("process {}: a kernel thread, which has no memory of its own", pid_);
}

/// A main thread that has ended, by pthread_exit(), leaves a process that shows nothing under its own number.
void Process::turn_to_living_thread()
{
    const std::optional<ProcessStat> stat = read_stat(directory_);
    if (!stat || !stat->ended() || stat->threads < 2)
        return;
    const std::unique_ptr<DIR, int (*)(DIR *)> threads(
        opendir(fmt::format("/proc/self/fd/{}/task", directory_.get()).c_str()), closedir);
    for (const dirent *entry; threads && (entry = readdir(threads.get()));) {
        FileDescriptor thread(openat(dirfd(threads.get()), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC));
        const std::optional<ProcessStat> its = *entry->d_name != '.' ? read_stat(thread) : std::nullopt;
        if (!its || its->ended())
            continue;
        directory_ = std::move(thread);
        return;
    }
}

void Process::read_again()
{
    require_alive();
    memory_ = open_at("mem");
    if (!memory_) {
        const int error = errno;
        require_alive();
        throw Error("process {}: {}", pid_, refusal_text(pid_, directory_, "mem", error));
    }
    objects_.clear();
    mappings_ = read_mappings();
    find_objects();
}

bool Process::has_memory() const
{
    std::uint8_t byte;
    return read_memory(mappings_.front().begin, {&byte, 1}) == 1;
}

std::vector<Mapping> Process::read_mappings() const
{
    std::string text;
    if (!read_file("maps", text)) {
        const int error = errno;
        require_alive();
        throw Error("process {}: {}", pid_, refusal_text(pid_, directory_, "maps", error));
    }
    std::istringstream lines(text);
    std::vector<Mapping> mappings;
    Mapping mapping;
    for (std::string line; std::getline(lines, line);)
        if (parse_mapping(line, mapping))
            mappings.push_back(mapping);
    if (!mappings.empty())
        return mappings;
    require_alive();
    throw Changed("process {}: changed while it was read: nothing is mapped", pid_);
}

/// Of the objects alone: other files, of data or of code that a compiler makes, come and go in any process.
bool Process::has_settled_objects() const
{
    const auto objects_of = [this](std::vector<Mapping> mappings) {
        std::erase_if(mappings, [this](const Mapping &mapping) {
            return std::none_of(objects_.begin(), objects_.end(), [&](const auto &object) {
                return object->first_mapping().inode == mapping.inode && object->first_mapping().path == mapping.path;
            });
        });
        return mappings;
    };
    return objects_of(mappings_) == objects_of(read_mappings()) &&
           std::none_of(objects_.begin(), objects_.end(), [](const auto &object) { return object->has_busy_linker(); });
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
    if (objects_.empty() && is_32_bit())
        throw Error("process {}: a 32-bit process: sites exist in 64-bit programs only", pid_);
}

bool Process::is_32_bit() const
{
    return std::any_of(mappings_.begin(), mappings_.end(), [this](const Mapping &mapping) {
        std::array<std::uint8_t, EI_CLASS + 1> identity;
        return mapping.offset == 0 && mapping.inode != 0 && read_memory(mapping.begin, identity) == identity.size() &&
               std::memcmp(identity.data(), ELFMAG, SELFMAG) == 0 && identity[EI_CLASS] == ELFCLASS32;
    });
}

namespace {

/// In maps the kernel writes a line feed of a name as four characters, and a name that has those as well the same.
std::string with_line_feeds(std::string path)
{
    constexpr std::string_view written = "\\012";
    for (std::size_t at = 0; (at = path.find(written, at)) != std::string::npos;)
        path.replace(at++, written.size(), "\n");
    return path;
}

} // namespace

/// The kernel's own link to the mapped file reaches deleted and replaced files, but is for the privileged; the path is
/// for everybody, as the process sees it or as we do, and only if it still names the same file.
std::unique_ptr<ElfFile> Process::open_file(const LiveObject &object, std::string &reason) const
{
    const Mapping &first = object.first_mapping();
    const std::string folder = fmt::format("/proc/self/fd/{}", directory_.get());
    const std::string decoded = with_line_feeds(first.path);
    for (const std::string &candidate :
         {fmt::format("{}/map_files/{:x}-{:x}", folder, first.begin, first.end), folder + "/root" + first.path,
          folder + "/root" + decoded, first.path, decoded}) {
        try {
            auto file = std::make_unique<ElfFile>(candidate, first.path);
            if (file->inode() == first.inode && file->segments() == object.segments())
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

bool LiveObject::has_busy_linker() const
{
    const auto dynamic = std::find_if(segments_.begin(), segments_.end(),
                                      [](const Segment &segment) { return segment.type == PT_DYNAMIC; });
    if (dynamic == segments_.end())
        return false;
    Elf64_Dyn entry;
    r_debug account;
    for (std::uint64_t at = 0; at + sizeof entry <= dynamic->memory_size; at += sizeof entry) {
        if (!read_object(dynamic->address + at, entry) || entry.d_tag == DT_NULL)
            return false;
        if (entry.d_tag == DT_DEBUG)
            return process_.read_memory(entry.d_un.d_ptr, {reinterpret_cast<std::uint8_t *>(&account),
                                                           sizeof account}) == sizeof account &&
                   account.r_state != r_debug::RT_CONSISTENT;
    }
    return false;
}

std::size_t LiveObject::read_header(std::uint64_t offset, std::span<std::uint8_t> bytes) const
{
    const std::uint64_t room = first_.end - first_.begin;
    if (offset >= room)
        return 0;
    return process_.read_memory(first_.begin + offset,
                                bytes.first(std::min<std::uint64_t>(bytes.size(), room - offset)));
}

std::size_t LiveObject::read_segment(const Segment &segment, std::uint64_t delta, std::span<std::uint8_t> bytes) const
{
    if (delta >= segment.memory_size)
        return 0;
    const std::uint64_t size = std::min<std::uint64_t>(bytes.size(), segment.memory_size - delta);
    return process_.read_memory(bias_ + segment.address + delta, bytes.first(size));
}

} // namespace slicepatch::tool
