// SPDX-License-Identifier: MIT
#include "site_table.h"

#include "patcher/library/sites/note.h"

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

class Reader {
public:
    explicit Reader(const ElfImage &image) : image_(image) {}

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
        std::size_t offset = 0;
        NoteDescriptor descriptor;
        while (next_note(bytes, offset, descriptor)) {
            if (descriptor.size > bytes.size() - descriptor.offset)
                return problem("the slicepatch note reaches beyond its segment");
            read_note(segment.address + descriptor.offset,
                      std::span(bytes).subspan(descriptor.offset, descriptor.size));
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
        Range range{displaced(address + offsetof(slicepatch_note, start), note.start),
                    displaced(address + offsetof(slicepatch_note, stop), note.stop)};
        std::uint64_t state = displaced(address + offsetof(slicepatch_note, object), note.object);
        if (!is_state_of(state, range) && !find_moved(range, state))
            return problem("the slicepatch note points to {:#x} for the object's state, and neither that nor any other "
                           "writable memory names the same table, from {:#x} to {:#x}",
                           image_.bias() + state, image_.bias() + range.begin, image_.bias() + range.end);
        // Empty, or one more note of the same table.
        if (range.begin != range.end && std::find(ranges_.begin(), ranges_.end(), range) == ranges_.end() &&
            check_range(range))
            ranges_.push_back(range);
    }

    [[nodiscard]] bool is_state_of(std::uint64_t address, const Range &range) const
    {
        slicepatch_object_state state;
        return address % alignof(slicepatch_object_state) == 0 && image_.contains(address, sizeof state, PF_R | PF_W) &&
               image_.read_object(address, state) &&
               !std::memcmp(state.mark, SLICEPATCH_OBJECT_MARK, sizeof state.mark) &&
               displaced(address + offsetof(slicepatch_object_state, start), state.start) == range.begin &&
               displaced(address + offsetof(slicepatch_object_state, stop), state.stop) == range.end;
    }

    /// As the patcher finds it when a tool has moved the note (Image::find_moved): range and state move alike.
    bool find_moved(Range &range, std::uint64_t &state) const
    {
        constexpr std::uint64_t unit = alignof(slicepatch_object_state),
                                offset = offsetof(slicepatch_object_state, mark);
        std::vector<std::uint8_t> block;
        for (const Segment &segment : image_.segments()) {
            if (segment.type != PT_LOAD || !(segment.flags & PF_W))
                continue;
            for (std::uint64_t at = (segment.address + unit - 1) / unit * unit;
                 at - segment.address < std::min(segment.file_size, segment.memory_size); at += block.size()) {
                block.resize(std::min<std::uint64_t>(1 << 16, segment.file_size - (at - segment.address)) / unit *
                             unit);
                if (block.empty() || !image_.read(at, block))
                    break;
                for (std::uint64_t i = 0; i < block.size(); i += unit) {
                    const std::uint64_t moved = at + i - offset;
                    const Range with_it{range.begin + (moved - state), range.end + (moved - state)};
                    if (std::memcmp(block.data() + i, SLICEPATCH_OBJECT_MARK, unit) || !is_state_of(moved, with_it))
                        continue;
                    range = with_it;
                    state = moved;
                    return true;
                }
            }
        }
        return false;
    }

    bool check_range(const Range &range)
    {
        const std::uint64_t begin = image_.bias() + range.begin, end = image_.bias() + range.end;
        const std::uint64_t size = range.end - range.begin;
        if (range.end < range.begin || size % SLICEPATCH_RECORD_SIZE || range.begin % alignof(slicepatch_site_record))
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
        return std::any_of(ranges_.begin(), ranges_.end(),
                           [&](const Range &other) { return range.begin < other.end && other.begin < range.end; });
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
