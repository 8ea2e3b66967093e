// SPDX-License-Identifier: MIT
//
// What the kernel says of this process's mappings, in the order of their addresses. The names at the ends of its lines
// are names of folders and files, which may hold anything: nothing is read out of them but where the line ends, which
// the kernel sees to (fs/seq_file.c, seq_path: it writes a newline of a name as \012).
#ifndef SLICEPATCH_MAPS_H
#define SLICEPATCH_MAPS_H

#include "array.h"

#include <cstddef>
#include <cstdint>

namespace slicepatch {

/// What a mapping is of. Two that are equal are of one file: whatever number stat(2) has for it, which on overlayfs and
/// btrfs is another one.
struct FileIdentity {
    std::uint64_t major = 0, minor = 0, inode = 0; // inode 0: memory

    bool operator==(const FileIdentity &) const = default;
};

struct Mapping {
    std::uintptr_t begin = 0, end = 0;
    int protection = 0; // of mprotect(2); with guards, those too
    FileIdentity file;
};

/// Reads forward, through a buffer on the heap, since init may run on a small stack: one look at all mappings answers
/// any number of questions in the order of addresses. A mapping that stays as it is while it is looked for is found,
/// whatever others do meanwhile (Documentation/filesystems/proc.rst, "/proc/PID/maps").
class Maps {
public:
    enum class Answer : std::uint8_t { found, absent, unreadable };

    static constexpr const char *own = "/proc/self/maps", *own_with_flags = "/proc/self/smaps";

    /// guard: a bit of mprotect(2) that text may have besides (struct Backend), 0 if none. It is among the flags.
    explicit Maps(const char *path = own, int guard = 0) : path_(path), guard_(guard) {}
    Maps(const Maps &) = delete;
    Maps &operator=(const Maps &) = delete;
    ~Maps();

    /// The mapping that holds address. From the beginning again, where address lies before the last answer.
    Answer find(std::uintptr_t address, Mapping &mapping);
    /// The name on the line of the mapping that was just found, as the kernel spells it. False: it has none, or one
    /// that is longer than a path.
    bool read_name(Array<char> &name);

private:
    enum class Line : std::uint8_t { mapping, attribute, end, broken };

    Answer look_for(std::uintptr_t address);
    bool open();
    bool open_file(const char *path);
    int peek();
    bool skip(char expected);
    bool take_number(unsigned base, std::uint64_t &number);
    bool take_permissions(int &protection);
    Line take_mapping(Mapping &mapping);
    bool skip_line();
    bool take_guard(int &protection);

    static constexpr int end_of_file = -1, failed = -2; // of peek()

    const char *path_;
    int guard_;
    int file_ = -1;
    Mapping current_;
    bool in_line_ = false;    // the line of current_ is read up to its name
    bool unreadable_ = false; // from then on: what follows might be the middle of a line
    std::size_t next_ = 0, filled_ = 0;
    Array<char> buffer_; // room alone, for what the kernel makes at once (fs/seq_file.c)
};

} // namespace slicepatch

#endif
