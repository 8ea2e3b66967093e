// SPDX-License-Identifier: MIT
#include "site_table.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <elf.h>
#include <fmt/format.h>
#include <utility>

namespace slicepatch::tool {

namespace {

constexpr std::uint64_t largest_notes = 1 << 20; // bytes of one PT_NOTE segment; real ones have a few hundred

struct Range {
    std::uint64_t begin, end;
    bool operator==(const Range &) const = default;
};

std::uint64_t displaced(std::uint64_t field_address, std::int32_t distance)
{
    return field_address + static_cast<std::uint64_t>(std::int64_t{distance});
}

/// Offsets count from the note's first byte, which matters for the header of 12 bytes in a segment aligned to 8 (gABI,
/// "Note Section").
std::uint64_t padded(std::uint64_t offset, std::uint64_t alignment)
{
    const std::uint64_t unit = alignment == 8 ? 8 : 4;
    return (offset + unit - 1) & ~(unit - 1);
}

class Reader {
public:
    explicit Reader(const ElfImage &image) : image_(image)
    {
    }

    SiteTable read()
    {
        for (const Segment &segment : image_.segments())
            if (segment.type == PT_NOTE)
                read_notes(segment);
        if (ranges_.size() > 1)
            problem("{} different slicepatch notes: the patcher follows the first one alone", ranges_.size());
        for (const Range &range : ranges_)
            read_records(range);
        return std::move(table_);
    }

private:
    template <class... Arguments> void problem(fmt::format_string<Arguments...> format, Arguments &&...arguments)
    {
        table_.problems.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
    }

    void read_notes(const Segment &segment)
    {
        if (segment.memory_size > largest_notes)
            return problem("a note segment of {} bytes: not read", segment.memory_size);
        std::vector<std::uint8_t> bytes(segment.memory_size);
        if (!image_.read(segment.address, bytes))
            return; // not loaded, so that the patcher does not see it either
        std::uint64_t offset = 0;
        Elf64_Nhdr header;
        while (offset + sizeof header <= bytes.size()) {
            std::memcpy(&header, bytes.data() + offset, sizeof header);
            const std::uint64_t name = offset + sizeof header;
            const std::uint64_t descriptor =
                offset + padded(sizeof header + std::uint64_t{header.n_namesz}, segment.alignment);
            if (descriptor + header.n_descsz > bytes.size())
                return problem("a note reaches beyond its segment: nothing behind it can be found");
            if (header.n_type == SLICEPATCH_NOTE_TYPE && header.n_namesz == sizeof SLICEPATCH_NOTE_NAME &&
                !std::memcmp(bytes.data() + name, SLICEPATCH_NOTE_NAME, sizeof SLICEPATCH_NOTE_NAME))
                read_note(segment.address + descriptor, {bytes.data() + descriptor, header.n_descsz});
            offset += padded(descriptor - offset + header.n_descsz, segment.alignment);
        }
    }

    void read_note(std::uint64_t address, std::span<const std::uint8_t> descriptor)
    {
        slicepatch_note note;
        if (descriptor.size() != sizeof note)
            return problem("the slicepatch note has {} bytes instead of {}", descriptor.size(), sizeof note);
        std::memcpy(&note, descriptor.data(), sizeof note);
        if (note.version != SLICEPATCH_RECORD_VERSION || note.record_size != SLICEPATCH_RECORD_SIZE)
            return problem("the slicepatch note is of version {} with records of {} bytes; this program reads "
                           "version {} with {} bytes",
                           note.version, note.record_size, SLICEPATCH_RECORD_VERSION, SLICEPATCH_RECORD_SIZE);
        const Range range{displaced(address + offsetof(slicepatch_note, start), note.start),
                          displaced(address + offsetof(slicepatch_note, stop), note.stop)};
        if (range.begin == range.end || std::find(ranges_.begin(), ranges_.end(), range) != ranges_.end())
            return; // the linker dropped every site, or one more copy of the note
        const std::uint64_t state = displaced(address + offsetof(slicepatch_note, object), note.object);
        if (!image_.contains(state, sizeof(slicepatch_object_state), PF_R | PF_W))
            problem("the slicepatch note points to {:#x} for the object's state, which is not in writable memory",
                    image_.bias() + state);
        if (check_range(range))
            ranges_.push_back(range);
    }

    bool check_range(const Range &range)
    {
        const std::uint64_t begin = image_.bias() + range.begin, end = image_.bias() + range.end;
        const std::uint64_t size = range.end - range.begin;
        if (range.end < range.begin || size % SLICEPATCH_RECORD_SIZE ||
            range.begin % alignof(slicepatch_site_record))
            problem("the table of sites is malformed: from {:#x} to {:#x}", begin, end);
        else if (!image_.contains(range.begin, size, PF_R))
            problem("the table of sites, from {:#x} to {:#x}, is not inside the object", begin, end);
        else if (size / SLICEPATCH_RECORD_SIZE > most_records)
            problem("the table claims {} sites, more than {}: not read", size / SLICEPATCH_RECORD_SIZE, most_records);
        else if (overlaps(range))
            problem("the table of sites, from {:#x} to {:#x}, overlaps another", begin, end);
        else
            return true;
        return false;
    }

    [[nodiscard]] bool overlaps(const Range &range) const
    {
        return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range &other) {
            return range.begin < other.end && other.begin < range.end;
        });
    }

    void read_records(const Range &range)
    {
        std::vector<slicepatch_site_record> records((range.end - range.begin) / SLICEPATCH_RECORD_SIZE);
        if (!image_.read(range.begin, {reinterpret_cast<std::uint8_t *>(records.data()), range.end - range.begin}))
            return problem("the table of sites, from {:#x} to {:#x}, cannot be read", image_.bias() + range.begin,
                           image_.bias() + range.end);
        std::uint64_t address = range.begin;
        for (const slicepatch_site_record &record : records) {
            table_.records.push_back({address, record});
            address += sizeof record;
        }
    }

    const ElfImage &image_;
    SiteTable table_;
    std::vector<Range> ranges_;
};

} // namespace

std::uint64_t Record::named_by(std::int32_t slicepatch_site_record::*field) const
{
    const auto offset = static_cast<std::uint64_t>(reinterpret_cast<const char *>(&(fields.*field)) -
                                                   reinterpret_cast<const char *>(&fields));
    return fields.*field ? displaced(address + offset, fields.*field) : 0;
}

SiteTable read_site_table(const ElfImage &image)
{
    return Reader(image).read();
}

} // namespace slicepatch::tool
