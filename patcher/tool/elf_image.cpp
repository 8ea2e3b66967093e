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

} // namespace slicepatch::tool
