// SPDX-License-Identifier: MIT
//
// inspect FILE: compares the table of sites of a linked file with the sites that its code has, and says what the linker
// made of the rest: "records N branches N unused N notes N relocations N", or what is wrong, with status 1.
#include "patterns.h"

#include <slicepatch/site.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const char *what, std::uint64_t address)
{
    std::printf("%s at 0x%llx\n", what, static_cast<unsigned long long>(address));
    std::exit(1);
}

class ElfFile {
public:
    explicit ElfFile(const char *path)
    {
        std::ifstream file(path, std::ios::binary);
        bytes_.assign(std::istreambuf_iterator<char>(file), {});
        if (bytes_.size() < sizeof(Elf64_Ehdr) || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0)
            fail("not an ELF file", 0);
        const auto header = at<Elf64_Ehdr>(0);
        for (unsigned i = 0; i < header.e_phnum; ++i)
            segments.push_back(at<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr)));
        for (unsigned i = 0; i < header.e_shnum; ++i)
            sections.push_back(at<Elf64_Shdr>(header.e_shoff + i * sizeof(Elf64_Shdr)));
        if (header.e_shstrndx < sections.size())
            names_ = sections[header.e_shstrndx].sh_offset;
    }

    template <class T> T at(std::uint64_t offset) const
    {
        T value;
        if (offset > bytes_.size() || bytes_.size() - offset < sizeof value)
            fail("beyond the file", offset);
        std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }

    const std::uint8_t *data(std::uint64_t offset) const
    {
        return reinterpret_cast<const std::uint8_t *>(bytes_.data()) + offset;
    }

    std::string name(const Elf64_Shdr &section) const
    {
        return bytes_.c_str() + names_ + section.sh_name;
    }

    std::uint64_t offset_of(std::uint64_t address) const
    {
        for (const Elf64_Phdr &segment : segments)
            if (segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
                return segment.p_offset + (address - segment.p_vaddr);
        fail("nothing is loaded", address);
    }

    std::string string(std::uint64_t address) const
    {
        return bytes_.c_str() + offset_of(address);
    }

    std::vector<Elf64_Phdr> segments;
    std::vector<Elf64_Shdr> sections;

private:
    std::string bytes_;
    std::uint64_t names_ = 0;
};

/// Address and kind of each site that the code has.
std::map<std::uint64_t, int> find_sites(const ElfFile &file)
{
    std::map<std::uint64_t, int> sites;
    for (const Elf64_Shdr &section : file.sections) {
        if (section.sh_type != SHT_PROGBITS || !(section.sh_flags & SHF_EXECINSTR))
            continue;
        const std::uint64_t skew = (site_alignment - section.sh_addr % site_alignment) % site_alignment;
        for (std::uint64_t at = skew; at < section.sh_size; at += site_alignment)
            if (int kind = site_kind_at(file.data(section.sh_offset + at), section.sh_size - at))
                sites[section.sh_addr + at] = kind;
    }
    return sites;
}

const Elf64_Shdr *find_table(const ElfFile &file)
{
    const auto found = std::find_if(file.sections.begin(), file.sections.end(), [&](const Elf64_Shdr &section) {
        return file.name(section) == "slicepatch_sites";
    });
    return found == file.sections.end() ? nullptr : &*found;
}

struct Totals {
    std::size_t records = 0, branches = 0, unused = 0;
};

/// Each record names a site of the code, and each ENTER and EXIT of the code has one record. Counts the label of what
/// nobody calls.
Totals compare(const ElfFile &file, const Elf64_Shdr &table)
{
    std::map<std::uint64_t, int> sites = find_sites(file);
    Totals totals;
    if (table.sh_size % sizeof(slicepatch_site_record))
        fail("a table of broken records", table.sh_addr);
    if (table.sh_flags & SHF_WRITE)
        fail("a writable table", table.sh_addr);
    for (std::uint64_t at = 0; at < table.sh_size; at += sizeof(slicepatch_site_record)) {
        const auto record = file.at<slicepatch_site_record>(table.sh_offset + at);
        const std::uint64_t address = table.sh_addr + at;
        const std::uint64_t head = address + static_cast<std::uint64_t>(std::int64_t{record.head});
        const auto site = sites.find(head);
        if (site == sites.end() || site->second != record.kind)
            fail("a record that names no site, or one twice", head);
        sites.erase(site);
        ++totals.records;
        totals.branches += record.kind == branch_kind;
        const std::uint64_t label = address + offsetof(slicepatch_site_record, label);
        if (record.label && file.string(label + static_cast<std::uint64_t>(std::int64_t{record.label})) == "unused")
            ++totals.unused;
    }
    for (const auto &[address, kind] : sites)
        if (kind != branch_kind)
            fail("a site without a record", address);
    return totals;
}

/// At every multiple of 4: linkers pad other notes in ways of their own.
std::size_t count_notes(const ElfFile &file)
{
    std::set<std::uint64_t> notes; // by offset: segments may hold one another
    for (const Elf64_Phdr &segment : file.segments) {
        if (segment.p_type != PT_NOTE)
            continue;
        for (std::uint64_t at = 0; at + sizeof(Elf64_Nhdr) + sizeof SLICEPATCH_NOTE_NAME <= segment.p_filesz; at += 4) {
            const auto header = file.at<Elf64_Nhdr>(segment.p_offset + at);
            const std::uint64_t name = segment.p_offset + at + sizeof header;
            if (header.n_namesz == sizeof SLICEPATCH_NOTE_NAME &&
                !std::memcmp(file.data(name), SLICEPATCH_NOTE_NAME, sizeof SLICEPATCH_NOTE_NAME))
                notes.insert(name);
        }
    }
    return notes.size();
}

/// Where a table of packed relative relocations (SHT_RELR) says that words are relocated.
std::vector<std::uint64_t> unpack(const ElfFile &file, const Elf64_Shdr &packed)
{
    std::vector<std::uint64_t> places;
    std::uint64_t next = 0;
    for (std::uint64_t at = 0; at < packed.sh_size; at += 8) {
        const auto entry = file.at<std::uint64_t>(packed.sh_offset + at);
        if (entry % 2 == 0) {
            places.push_back(entry);
            next = entry + 8;
            continue;
        }
        for (unsigned bit = 1; bit < 64; ++bit)
            if (entry >> bit & 1)
                places.push_back(next + (bit - 1) * 8);
        next += 63 * 8;
    }
    return places;
}

std::size_t count_relocations(const ElfFile &file, const Elf64_Shdr &table)
{
    constexpr unsigned packed_type = 19; // SHT_RELR, not yet in every elf.h
    std::vector<std::uint64_t> places;
    for (const Elf64_Shdr &section : file.sections) {
        if (section.sh_type == packed_type)
            for (std::uint64_t place : unpack(file, section))
                places.push_back(place);
        if (section.sh_type == SHT_RELA && section.sh_flags & SHF_ALLOC)
            for (std::uint64_t at = 0; at < section.sh_size; at += sizeof(Elf64_Rela))
                places.push_back(file.at<Elf64_Rela>(section.sh_offset + at).r_offset);
    }
    return static_cast<std::size_t>(std::count_if(
        places.begin(), places.end(), [&](std::uint64_t place) { return place - table.sh_addr < table.sh_size; }));
}

} // namespace

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    const ElfFile file(words[1]);
    const Elf64_Shdr *table = find_table(file);
    if (!table)
        fail("no table of sites", 0);
    const Totals totals = compare(file, *table);
    std::printf("records %zu branches %zu unused %zu notes %zu relocations %zu\n", totals.records, totals.branches,
                totals.unused, count_notes(file), count_relocations(file, *table));
}
