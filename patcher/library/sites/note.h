// SPDX-License-Identifier: MIT
//
// Finds our notes among others. Pure: the library reads its own memory so, and the program files of any machine.
#ifndef SLICEPATCH_NOTE_H
#define SLICEPATCH_NOTE_H

#include <slicepatch/site.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <span>

namespace slicepatch {

/// A descriptor as the note's header has it: it may reach beyond the segment.
struct NoteDescriptor {
    std::size_t offset, size; // bytes from the segment's beginning
};

/// The next note of ours at or behind an offset, which moves behind its name. Other notes are not walked: how one is
/// padded depends on its own type and on the linker, not on the segment (mold puts notes aligned to 4 and to 8 in one
/// segment aligned to 8). Owner, type and their lengths are 23 bytes that nobody else writes, at a multiple of 4.
inline bool next_note(std::span<const std::uint8_t> segment, std::size_t &offset, NoteDescriptor &descriptor)
{
    constexpr std::size_t unit = 4;
    constexpr std::size_t name_size = (sizeof SLICEPATCH_NOTE_NAME + unit - 1) / unit * unit;
    Elf64_Nhdr header; // the same in 32 bits
    for (; offset + sizeof header + name_size <= segment.size(); offset += unit) {
        std::memcpy(&header, segment.data() + offset, sizeof header);
        const std::uint8_t *const name = segment.data() + offset + sizeof header;
        if (header.n_namesz != sizeof SLICEPATCH_NOTE_NAME || header.n_type != SLICEPATCH_NOTE_TYPE ||
            std::memcmp(name, SLICEPATCH_NOTE_NAME, sizeof SLICEPATCH_NOTE_NAME))
            continue;
        offset += sizeof header + name_size;
        descriptor = {offset, header.n_descsz};
        return true;
    }
    return false;
}

} // namespace slicepatch

#endif
