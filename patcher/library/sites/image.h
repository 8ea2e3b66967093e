// SPDX-License-Identifier: MIT
//
// One loaded object as its program headers describe it: what lies where, and where its notes and functions are.
#ifndef SLICEPATCH_IMAGE_H
#define SLICEPATCH_IMAGE_H

#include "arch/status.h"
#include "unwind.h"

#include <slicepatch/site.h>

#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace slicepatch {

/// The table of an object, as a note gives it.
struct SiteTable {
    const slicepatch_site_record *begin;
    const slicepatch_site_record *end;
    slicepatch_object_state *state;
};

class Image {
public:
    explicit Image(const dl_phdr_info &info) : info_(info) {}

    /// Whether [address, address + size) lies in one loaded segment that has all of flags (PF_R, PF_W, PF_X).
    [[nodiscard]] bool contains(std::uintptr_t address, std::size_t size, unsigned flags) const
    {
        const Segment &segment = segment_of(address, flags & PF_X ? last_text_ : last_data_);
        return (segment.flags & flags) == flags && size <= segment.size - (address - segment.begin);
    }
    /// Whether two addresses lie in one loaded segment.
    [[nodiscard]] bool are_together(std::uintptr_t one, std::uintptr_t other) const
    {
        const Segment &segment = segment_of(one, last_text_);
        return segment.flags && other - segment.begin < segment.size;
    }
    /// Whether a null-terminated string starts here and ends in the same segment.
    [[nodiscard]] bool contains_string(const char *string) const;

    /// Where to look for the next note.
    struct Cursor {
        int segment = 0;
        std::size_t offset = 0;
        std::uintptr_t moved = 0; // by how much a tool has moved the notes of the object, as far as is known
    };
    /// What the object's next note says: there is one for each of its files that have sites, with one table for all and
    /// a state each. False and ok: there is none.
    Status find_table(Cursor &cursor, SiteTable &table, bool &found) const;

private:
    struct Segment {
        std::uintptr_t begin, size;
        unsigned flags; // 0: there is none
    };

    /// The loaded segment that holds address. Addresses come in runs: last is the one of the question before.
    [[nodiscard]] const Segment &segment_of(std::uintptr_t address, Segment &last) const
    {
        if (address - last.begin >= last.size) [[unlikely]]
            last = find_segment(address);
        return last;
    }
    [[nodiscard]] Segment find_segment(std::uintptr_t address) const;
    Status check_note(std::span<const std::uint8_t> descriptor, Cursor &cursor, SiteTable &table) const;
    /// Whether the block at address is marked and names this table.
    [[nodiscard]] bool is_state_of(std::uintptr_t address, const SiteTable &table) const;
    [[nodiscard]] bool find_moved(Cursor &cursor, SiteTable &table) const;

    const dl_phdr_info &info_;
    mutable Segment last_text_{}, last_data_{};
};

/// The functions of an object, from the search table of its unwind information and the entries that this leads to.
class Functions {
public:
    explicit Functions(const dl_phdr_info &info);
    /// First byte of the function that holds address; 0 where no entry covers it. Fast for ascending addresses.
    [[nodiscard]] std::uintptr_t find(std::uintptr_t address);
    /// Behind the function that find() found last; of an entry that cannot be read, where the next one begins.
    [[nodiscard]] std::uintptr_t last_end() const
    {
        return last_end_;
    }
    /// Whether address lies in the function that find() found last.
    [[nodiscard]] bool last_holds(std::uintptr_t address) const
    {
        return address >= last_begin_ && address < last_end_;
    }
    /// Whether address is in text from before a post-link rewriter added text of its own. BOLT puts the unwind table
    /// into that one, which linkers never do with two: one segment of text holds it and the functions, or none does.
    [[nodiscard]] bool leave_behind(std::uintptr_t address) const
    {
        return is_in_text_ && !image_.are_together(address, header_);
    }

private:
    struct Entry {
        std::int32_t function, description; // both relative to the header
    };
    /// Reads the bytes of the object for UnwindEntries.
    struct Memory {
        Image image;
        bool operator()(std::uint64_t address, std::span<std::uint8_t> bytes) const
        {
            if (!image.contains(address, bytes.size(), PF_R))
                return false;
            std::memcpy(bytes.data(), reinterpret_cast<const void *>(address), bytes.size());
            return true;
        }
    };
    [[nodiscard]] std::uintptr_t named_by(std::int32_t distance) const
    {
        return header_ + static_cast<std::uintptr_t>(std::intptr_t{distance});
    }

    Image image_;
    std::uintptr_t header_ = 0;
    bool is_in_text_ = false; // the header
    const Entry *entries_ = nullptr;
    std::size_t count_ = 0;
    UnwindEntries<Memory> descriptions_;
    std::size_t last_ = 0;
    std::uintptr_t last_begin_ = 0, last_end_ = 0; // of the last answer that was none of 0
};

} // namespace slicepatch

#endif
