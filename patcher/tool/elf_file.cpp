// SPDX-License-Identifier: MIT
#include "elf_file.h"
#include "error.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>

namespace slicepatch::tool {

void ElfFile::EndElf::operator()(Elf *elf) const
{
    elf_end(elf);
}

void ElfFile::EndDwarf::operator()(Dwarf *dwarf) const
{
    dwarf_end(dwarf);
}

ElfFile::ElfFile(const std::string &path, std::string name) : ElfImage(std::move(name))
{
    open_file(path);
    parse_headers();
    for (const Segment &segment : segments_)
        if (segment.type == PT_LOAD && segment.file_size &&
            (segment.offset > size_ || segment.file_size > size_ - segment.offset))
            throw Error("{}: truncated: a segment ends at offset {:#x}, the file at {:#x}", name_,
                        segment.offset + segment.file_size, size_);
    read_sections();
}

void ElfFile::open_file(const std::string &path)
{
    // Non-blocking, so that a pipe is refused instead of waited for.
    file_ = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file_)
        throw Error("{}: {}", name_, std::strerror(errno));
    struct stat status;
    if (fstat(file_.get(), &status) != 0)
        throw Error("{}: {}", name_, std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        throw Error("{}: {}", name_, S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    inode_ = status.st_ino;
}

/// Whatever is wrong with section headers costs names alone, so that it is not an error.
void ElfFile::read_sections()
{
    elf_version(EV_CURRENT);
    // Read and not mapped: a mapping would turn a file that shrinks meanwhile into SIGBUS.
    elf_.reset(elf_begin(file_.get(), ELF_C_READ, nullptr));
    std::size_t names = 0;
    if (!elf_ || elf_getshdrstrndx(elf_.get(), &names) != 0)
        return;
    Elf_Scn *section = nullptr;
    while ((section = elf_nextscn(elf_.get(), section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header))
            continue;
        const char *name = elf_strptr(elf_.get(), names, header.sh_name);
        const bool loaded = (header.sh_flags & SHF_ALLOC) != 0;
        sections_.push_back({name ? name : "", header.sh_addr, header.sh_size, loaded,
                             loaded && (header.sh_flags & SHF_EXECINSTR) != 0});
    }
}

const ElfFile::Section *ElfFile::section_at(std::uint64_t address) const
{
    for (const Section &section : sections_)
        if (section.loaded && address - section.address < section.size)
            return &section;
    return nullptr;
}

void ElfFile::read_symbols() const
{
    Elf_Scn *section = nullptr;
    while (elf_ && (section = elf_nextscn(elf_.get(), section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
            continue;
        Elf_Data *data = elf_getdata(section, nullptr);
        GElf_Sym symbol;
        for (int i = 0; data && gelf_getsym(data, i, &symbol); ++i) {
            const char *name = elf_strptr(elf_.get(), header.sh_link, symbol.st_name);
            const auto type = GELF_ST_TYPE(symbol.st_info);
            if (name && *name && symbol.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC))
                symbols_.push_back({symbol.st_value, symbol.st_size, name});
        }
    }
    std::stable_sort(symbols_.begin(), symbols_.end(),
                     [](const Symbol &a, const Symbol &b) { return a.address < b.address; });
}

std::string ElfFile::function_at(std::uint64_t address) const
{
    if (!std::exchange(symbols_read_, true))
        read_symbols();
    auto after = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                                  [](std::uint64_t at, const Symbol &symbol) { return at < symbol.address; });
    if (after == symbols_.begin())
        return "";
    // Of several names for one address, the first: .symtab comes before or says the same as .dynsym.
    const auto found = std::lower_bound(symbols_.begin(), after, (after - 1)->address,
                                        [](const Symbol &symbol, std::uint64_t at) { return symbol.address < at; });
    if (found->size && address - found->address >= found->size)
        return "";
    int failure = 0;
    char *const demangled = abi::__cxa_demangle(found->name.c_str(), nullptr, nullptr, &failure);
    std::string name = demangled ? demangled : found->name;
    std::free(demangled);
    return name;
}

std::optional<SourceLine> ElfFile::source_at(std::uint64_t address) const
{
    if (!std::exchange(dwarf_tried_, true) && elf_)
        dwarf_.reset(dwarf_begin_elf(elf_.get(), DWARF_C_READ, nullptr));
    Dwarf_Die unit;
    if (!dwarf_ || !dwarf_addrdie(dwarf_.get(), address, &unit))
        return std::nullopt;
    Dwarf_Line *line = dwarf_getsrc_die(&unit, address);
    int number = 0;
    const char *file = line ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
    if (!file || dwarf_lineno(line, &number) != 0)
        return std::nullopt;
    return SourceLine{file, static_cast<std::uint32_t>(number)};
}

std::size_t ElfFile::read_header(std::uint64_t offset, std::span<std::uint8_t> bytes) const
{
    return read_at(file_, offset, bytes);
}

std::size_t ElfFile::read_segment(const Segment &segment, std::uint64_t delta, std::span<std::uint8_t> bytes) const
{
    if (delta >= segment.file_size)
        return 0; // zero-initialised memory, which the file does not have
    const std::uint64_t size = std::min<std::uint64_t>(bytes.size(), segment.file_size - delta);
    return read_at(file_, segment.offset + delta, bytes.first(size));
}

} // namespace slicepatch::tool
