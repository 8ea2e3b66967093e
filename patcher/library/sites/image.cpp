// SPDX-License-Identifier: MIT
#include "image.h"

#include "note.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace slicepatch {

namespace {

std::uintptr_t address_of(const void *pointer)
{
    return reinterpret_cast<std::uintptr_t>(pointer);
}

/// What an int32_t distance field names, as an address.
std::uintptr_t named_by(const std::int32_t &field)
{
    return address_of(&field) + static_cast<std::uintptr_t>(std::intptr_t{field});
}

/// Whether a copy of the state that is at address says that its table is this one.
bool names_table(const slicepatch_object_state &state, std::uintptr_t address, const SiteTable &table)
{
    const auto named = [&](std::size_t field, std::int32_t distance) {
        return address + field + static_cast<std::uintptr_t>(std::intptr_t{distance});
    };
    return !std::memcmp(state.mark, SLICEPATCH_OBJECT_MARK, sizeof state.mark) &&
           named(offsetof(slicepatch_object_state, start), state.start) == address_of(table.begin) &&
           named(offsetof(slicepatch_object_state, stop), state.stop) == address_of(table.end);
}

SiteTable moved_by(std::uintptr_t by, const SiteTable &table)
{
    return {reinterpret_cast<const slicepatch_site_record *>(address_of(table.begin) + by),
            reinterpret_cast<const slicepatch_site_record *>(address_of(table.end) + by),
            reinterpret_cast<slicepatch_object_state *>(address_of(table.state) + by)};
}

/// The process's own memory, as a file: where the program would die, there is nothing to read.
class OwnMemory {
public:
    OwnMemory() : file_(open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}
    OwnMemory(const OwnMemory &) = delete;
    OwnMemory &operator=(const OwnMemory &) = delete;
    ~OwnMemory()
    {
        if (file_ >= 0)
            close(file_);
        errno = saved_;
    }
    /// Returns how much could be read.
    std::size_t read(std::uintptr_t address, std::span<std::uint8_t> bytes) const
    {
        const ssize_t size = pread(file_, bytes.data(), bytes.size(), static_cast<off_t>(address));
        return size < 0 ? 0 : static_cast<std::size_t>(size);
    }

private:
    int saved_ = errno;
    int file_;
};

} // namespace

Image::Segment Image::find_segment(std::uintptr_t address) const
{
    for (int i = 0; i < info_.dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info_.dlpi_phdr[i];
        const std::uintptr_t begin = info_.dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && address - begin < segment.p_memsz)
            return {begin, segment.p_memsz, segment.p_flags};
    }
    return {address, 0, 0};
}

bool Image::contains_string(const char *string) const
{
    const Segment &segment = segment_of(address_of(string), last_data_);
    const std::size_t room = segment.size - (address_of(string) - segment.begin);
    return segment.flags & PF_R && std::memchr(string, 0, room) != nullptr;
}

bool Image::is_state_of(std::uintptr_t address, const SiteTable &table) const
{
    if (address % alignof(slicepatch_object_state) || !contains(address, sizeof(slicepatch_object_state), PF_R | PF_W))
        return false;
    return names_table(*reinterpret_cast<const slicepatch_object_state *>(address), address, table);
}

/// The block by its mark, in the initialised part of each writable segment: where a tool has moved the note, and
/// nothing else, all that it says is off by the same, and so are all notes of the object. The kernel reads, in steps:
/// what the program has closed since is passed over.
bool Image::find_moved(Cursor &cursor, SiteTable &table) const
{
    const SiteTable told = table;
    table = moved_by(cursor.moved, told);
    if (is_state_of(address_of(table.state), table))
        return true;
    const OwnMemory memory;
    constexpr std::uintptr_t unit = alignof(slicepatch_object_state), step = 2048; // a part of every page
    alignas(unit) std::uint8_t bytes[step + sizeof(slicepatch_object_state)];
    for (int i = 0; i < info_.dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info_.dlpi_phdr[i];
        constexpr unsigned wanted = PF_R | PF_W;
        if (segment.p_type != PT_LOAD || (segment.p_flags & wanted) != wanted || segment.p_filesz > segment.p_memsz)
            continue;
        const std::uintptr_t begin = info_.dlpi_addr + segment.p_vaddr, end = begin + segment.p_filesz;
        for (std::uintptr_t from = begin / step * step; from < end; from += step) {
            const std::size_t size = memory.read(from, bytes);
            for (std::uintptr_t at = 0; at < step && at + sizeof(slicepatch_object_state) <= size; at += unit) {
                slicepatch_object_state state;
                std::memcpy(&state, bytes + at, sizeof state);
                const std::uintptr_t by = from + at - address_of(told.state);
                table = moved_by(by, told);
                if (!names_table(state, from + at, table) || !is_state_of(from + at, table))
                    continue;
                cursor.moved = by;
                return true;
            }
        }
    }
    return false;
}

Status Image::check_note(std::span<const std::uint8_t> descriptor, Cursor &cursor, SiteTable &table) const
{
    const auto &note = *reinterpret_cast<const slicepatch_note *>(descriptor.data());
    if (descriptor.size() != sizeof note || address_of(descriptor.data()) % alignof(slicepatch_note) ||
        note.version != SLICEPATCH_RECORD_VERSION || note.record_size != sizeof(slicepatch_site_record))
        return Status::note_malformed;
    table = {reinterpret_cast<const slicepatch_site_record *>(named_by(note.start)),
             reinterpret_cast<const slicepatch_site_record *>(named_by(note.stop)),
             reinterpret_cast<slicepatch_object_state *>(named_by(note.object))};
    if (!is_state_of(address_of(table.state), table) && !find_moved(cursor, table))
        return Status::table_outside_object;
    const std::uintptr_t begin = address_of(table.begin), end = address_of(table.end);
    if (begin == end)
        return Status::table_missing;
    if (end < begin || (end - begin) % sizeof(slicepatch_site_record) || begin % alignof(slicepatch_site_record) ||
        !contains(begin, end - begin, PF_R))
        return Status::table_outside_object;
    return Status::ok;
}

Status Image::find_table(Cursor &cursor, SiteTable &table, bool &found) const
{
    found = false;
    for (; cursor.segment < info_.dlpi_phnum; ++cursor.segment, cursor.offset = 0) {
        const ElfW(Phdr) &segment = info_.dlpi_phdr[cursor.segment];
        const std::uintptr_t begin = info_.dlpi_addr + segment.p_vaddr;
        if (segment.p_type != PT_NOTE || !contains(begin, segment.p_memsz, PF_R))
            continue;
        const std::span notes(reinterpret_cast<const std::uint8_t *>(begin), segment.p_memsz);
        NoteDescriptor descriptor;
        if (!next_note(notes, cursor.offset, descriptor))
            continue;
        if (descriptor.size > notes.size() - descriptor.offset)
            return Status::note_malformed;
        const Status status = check_note(notes.subspan(descriptor.offset, descriptor.size), cursor, table);
        found = status == Status::ok;
        return status;
    }
    return Status::ok;
}

Functions::Functions(const dl_phdr_info &info) : image_(info), descriptions_(Memory{Image(info)})
{
    // Version 1, any 4-byte pointer to .eh_frame, a 4-byte count, a table relative to the header of pairs of 4 bytes:
    // the only layout that linkers write (LSB Core, "eh_frame_hdr").
    constexpr std::uint8_t version = 1, count_encoding = 0x03, table_encoding = 0x3b;
    for (int i = 0; i < info.dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info.dlpi_phdr[i];
        if (segment.p_type != PT_GNU_EH_FRAME || segment.p_memsz < 12)
            continue;
        const std::uintptr_t header = info.dlpi_addr + segment.p_vaddr;
        if (header % alignof(Entry) || !image_.contains(header, segment.p_memsz, PF_R))
            continue;
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(header);
        std::uint32_t count = 0;
        std::memcpy(&count, bytes + 8, sizeof count);
        if (bytes[0] != version || bytes[2] != count_encoding || bytes[3] != table_encoding ||
            count > (segment.p_memsz - 12) / sizeof(Entry))
            continue;
        header_ = header;
        entries_ = reinterpret_cast<const Entry *>(header + 12);
        count_ = count;
        is_in_text_ = image_.contains(header, 1, PF_X);
    }
}

std::uintptr_t Functions::find(std::uintptr_t address)
{
    if (last_holds(address))
        return last_begin_;
    const auto begins = [&](std::size_t i) { return named_by(entries_[i].function); };
    if (!count_ || address < begins(0))
        return 0;
    if (address < begins(last_))
        last_ = 0;
    // Doubling steps from the last answer, then bisection between the two last steps.
    std::size_t low = last_, step = 1;
    while (low + step < count_ && begins(low + step) <= address) {
        low += step;
        step *= 2;
    }
    std::size_t high = std::min(low + step, count_);
    while (high - low > 1) {
        const std::size_t middle = low + (high - low) / 2;
        (begins(middle) <= address ? low : high) = middle;
    }
    last_ = low;
    const std::uintptr_t begin = begins(low);
    const std::uintptr_t size = descriptions_.size_of(named_by(entries_[low].description), begin);
    const std::uintptr_t end = size ? begin + size : low + 1 < count_ ? begins(low + 1) : UINTPTR_MAX;
    if (address >= end)
        return 0; // code without unwind information, such as much of what is written in assembly
    last_begin_ = begin;
    last_end_ = end;
    return begin;
}

} // namespace slicepatch
