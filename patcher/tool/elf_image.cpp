// SPDX-License-Identifier: MIT
#include "elf_image.h"
#include "error.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>

namespace slicepatch::tool {

namespace {

void check_identity(const std::string &name, std::span<const std::uint8_t> identity)
{
    if (identity[EI_CLASS] == ELFCLASS32)
        throw Error("{}: a 32-bit ELF file: sites exist in 64-bit programs only", name);
    if (identity[EI_CLASS] != ELFCLASS64)
        throw Error("{}: malformed ELF header: class {}", name, identity[EI_CLASS]);
    if (identity[EI_DATA] == ELFDATA2MSB)
        throw Error("{}: a big-endian ELF file: no supported architecture is big-endian", name);
    if (identity[EI_DATA] != ELFDATA2LSB)
        throw Error("{}: malformed ELF header: data encoding {}", name, identity[EI_DATA]);
}

void check_type(const std::string &name, const Elf64_Ehdr &header)
{
    if (header.e_type == ET_REL)
        throw Error("{}: a relocatable object file: sites exist only after linking", name);
    if (header.e_type == ET_CORE)
        throw Error("{}: a core dump: name the executable and libraries instead", name);
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        throw Error("{}: malformed ELF header: type {}", name, header.e_type);
    if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == PN_XNUM)
        throw Error("{}: malformed ELF header: {} program headers of {} bytes", name, header.e_phnum,
                    header.e_phentsize);
}

} // namespace

void ElfImage::parse_headers()
{
    Elf64_Ehdr header{};
    auto *const bytes = reinterpret_cast<std::uint8_t *>(&header);
    const std::size_t size = read_header(0, {bytes, sizeof header});
    if (size < SELFMAG || std::memcmp(bytes, ELFMAG, SELFMAG) != 0)
        throw Error("{}: not an ELF file", name_);
    if (size < sizeof header)
        throw Error("{}: truncated in the ELF header", name_);
    check_identity(name_, {bytes, EI_NIDENT});
    check_type(name_, header);
    machine_ = header.e_machine;
    type_ = header.e_type;

    std::vector<Elf64_Phdr> program_headers(header.e_phnum);
    const std::size_t length = program_headers.size() * sizeof(Elf64_Phdr);
    if (read_header(header.e_phoff, {reinterpret_cast<std::uint8_t *>(program_headers.data()), length}) != length)
        throw Error("{}: truncated: {} program headers at offset {:#x} are not there", name_, header.e_phnum,
                    header.e_phoff);
    for (const Elf64_Phdr &one : program_headers)
        segments_.push_back(
            {one.p_type, one.p_flags, one.p_offset, one.p_vaddr, one.p_filesz, one.p_memsz, one.p_align});
}

const Segment *ElfImage::segment_of(std::uint64_t address) const
{
    for (const Segment &segment : segments_)
        if (segment.type == PT_LOAD && address - segment.address < segment.memory_size)
            return &segment;
    return nullptr;
}

bool ElfImage::contains(std::uint64_t address, std::uint64_t size, std::uint32_t flags) const
{
    const Segment *segment = segment_of(address);
    return segment && (segment->flags & flags) == flags && size <= segment->memory_size - (address - segment->address);
}

bool ElfImage::read(std::uint64_t address, std::span<std::uint8_t> bytes) const
{
    return contains(address, bytes.size(), 0) &&
           read_segment(*segment_of(address), address - segment_of(address)->address, bytes) == bytes.size();
}

std::optional<std::string> ElfImage::read_string(std::uint64_t address) const
{
    std::string text;
    std::array<std::uint8_t, 256> block;
    while (text.size() <= longest_string) {
        const Segment *segment = segment_of(address + text.size());
        if (!segment)
            return std::nullopt;
        const std::uint64_t delta = address + text.size() - segment->address;
        const std::size_t wanted = std::min<std::uint64_t>(block.size(), segment->memory_size - delta);
        const std::size_t count = read_segment(*segment, delta, {block.data(), wanted});
        const auto *const begin = reinterpret_cast<const char *>(block.data());
        const auto *const end = static_cast<const char *>(std::memchr(begin, 0, count));
        text.append(begin, end ? static_cast<std::size_t>(end - begin) : count);
        if (end)
            return text.size() <= longest_string ? std::optional(text) : std::nullopt;
        if (count < block.size())
            return std::nullopt; // the segment ends before the string does
    }
    return std::nullopt;
}

FunctionStarts::FunctionStarts(const ElfImage &image) : descriptions_(Bytes{&image})
{
    // Version 1, any 4-byte pointer to .eh_frame, a 4-byte count, pairs of 4 bytes relative to the header: the only
    // layout that linkers write (LSB Core, "eh_frame_hdr").
    constexpr std::uint8_t version = 1, count_encoding = 0x03, table_encoding = 0x3b;
    struct Entry {
        std::int32_t function, description;
    };
    for (const Segment &segment : image.segments()) {
        std::array<std::uint8_t, 12> header;
        if (segment.type != PT_GNU_EH_FRAME || segment.memory_size < header.size() ||
            !image.read(segment.address, header))
            continue;
        std::uint32_t count = 0;
        std::memcpy(&count, header.data() + 8, sizeof count);
        if (header[0] != version || header[2] != count_encoding || header[3] != table_encoding ||
            count > (segment.memory_size - header.size()) / sizeof(Entry) ||
            !image.contains(segment.address, segment.memory_size, 0))
            continue;
        table_ = segment.address;
        // In blocks: the count is bounded by the segment alone, which may claim what the file does not have.
        std::vector<Entry> block(4096);
        for (std::uint32_t done = 0; done < count; done += static_cast<std::uint32_t>(block.size())) {
            block.resize(std::min<std::size_t>(block.size(), count - done));
            if (!image.read(segment.address + header.size() + done * sizeof(Entry),
                            {reinterpret_cast<std::uint8_t *>(block.data()), block.size() * sizeof(Entry)}))
                break;
            for (const Entry &entry : block)
                starts_.push_back({segment.address + static_cast<std::uint64_t>(std::int64_t{entry.function}),
                                   segment.address + static_cast<std::uint64_t>(std::int64_t{entry.description})});
        }
    }
    std::sort(starts_.begin(), starts_.end(), [](const Start &a, const Start &b) { return a.address < b.address; });
}

bool FunctionStarts::leave_behind(const ElfImage &image, std::uint64_t address) const
{
    const std::uint64_t first = std::min(address, table_), last = std::max(address, table_);
    return image.contains(table_, 1, PF_X) && !image.contains(first, last - first + 1, PF_X);
}

std::uint64_t FunctionStarts::find(std::uint64_t address)
{
    if (address >= last_begin_ && address < last_end_)
        return last_begin_;
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), address,
                                        [](std::uint64_t at, const Start &start) { return at < start.address; });
    if (after == starts_.begin())
        return 0;
    const Start &start = *(after - 1);
    const std::uint64_t size = descriptions_.size_of(start.description, start.address);
    const std::uint64_t end = size ? start.address + size : after == starts_.end() ? UINT64_MAX : after->address;
    if (address >= end)
        return 0;
    last_begin_ = start.address;
    last_end_ = end;
    return start.address;
}

} // namespace slicepatch::tool
