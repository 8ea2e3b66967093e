// SPDX-License-Identifier: MIT
//
// A live process, read through /proc from outside. It runs on meanwhile: nothing here stops it.
#ifndef SLICEPATCH_TOOL_PROCESS_H
#define SLICEPATCH_TOOL_PROCESS_H

#include "elf_file.h"

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace slicepatch::tool {

struct Mapping {
    std::uint64_t begin, end, offset, inode;
    bool executable;
    std::string path; // "" for anonymous memory

    friend bool operator==(const Mapping &, const Mapping &) = default;
};

/// One line of /proc/PID/maps; false if it is none.
[[nodiscard]] bool parse_mapping(const std::string &line, Mapping &mapping);

class LiveObject;

class Process {
public:
    /// Throws Error: no such process, not ours, a zombie, a kernel thread, a 32-bit process, no /proc.
    explicit Process(pid_t pid);
    ~Process();
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;

    [[nodiscard]] pid_t pid() const
    {
        return pid_;
    }
    [[nodiscard]] const std::vector<Mapping> &mappings() const
    {
        return mappings_;
    }
    /// Loaded ELF objects, in the order of their addresses.
    [[nodiscard]] const std::vector<std::unique_ptr<LiveObject>> &objects() const
    {
        return objects_;
    }
    /// Looks again at the same process: its mappings and objects are those of now, and what runs in it may be another
    /// program. Throws as above.
    void read_again();
    /// Whether what is read is still the memory that the mappings are of: not after exec() or the end of the process.
    [[nodiscard]] bool has_memory() const;
    /// Whether the objects that were found are mapped as they were then, and the dynamic linker says that it is not at
    /// work on its list of them (r_state of <link.h>). What was read before is worth something only if it holds still.
    [[nodiscard]] bool has_settled_objects() const;
    /// A file of /proc/PID, all of it. False if it cannot be read.
    [[nodiscard]] bool read_file(const char *name, std::string &text) const;
    [[nodiscard]] std::size_t read_memory(std::uint64_t address, std::span<std::uint8_t> bytes) const;
    /// Throws Error if the process has ended: call it when something could not be read, and when everything was.
    void require_alive() const;
    /// The file behind an object. Null if it cannot be read any more; reason says why.
    [[nodiscard]] std::unique_ptr<ElfFile> open_file(const LiveObject &object, std::string &reason) const;

private:
    [[nodiscard]] FileDescriptor open_at(const char *name) const;
    void turn_to_living_thread();
    [[nodiscard]] std::vector<Mapping> read_mappings() const;
    void find_objects();
    [[nodiscard]] bool is_32_bit() const;

    pid_t pid_;
    FileDescriptor directory_; // /proc/PID: stays bound to this process when the number is used again
    FileDescriptor memory_;
    std::vector<Mapping> mappings_;
    std::vector<std::unique_ptr<LiveObject>> objects_;
};

/// An object as it is in memory.
class LiveObject final : public ElfImage {
public:
    /// Throws Error if what begins at this mapping is not a loaded ELF object.
    LiveObject(const Process &process, const Mapping &first);

    [[nodiscard]] const Mapping &first_mapping() const
    {
        return first_;
    }
    /// Of the executable of a process: its dynamic linker's account of the objects says that one is being loaded or
    /// unloaded. False of every other object, and where there is no such account (a static program).
    [[nodiscard]] bool has_busy_linker() const;

private:
    [[nodiscard]] std::size_t read_header(std::uint64_t offset, std::span<std::uint8_t> bytes) const override;
    [[nodiscard]] std::size_t read_segment(const Segment &segment, std::uint64_t delta,
                                           std::span<std::uint8_t> bytes) const override;

    const Process &process_;
    Mapping first_;
};

} // namespace slicepatch::tool

#endif
