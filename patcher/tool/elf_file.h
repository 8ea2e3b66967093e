// SPDX-License-Identifier: MIT
//
// An ELF file: the bytes of its segments, and, as far as its sections tell, the names of its functions and its lines.
#ifndef SLICEPATCH_TOOL_ELF_FILE_H
#define SLICEPATCH_TOOL_ELF_FILE_H

#include "elf_image.h"
#include "file_descriptor.h"

#include <memory>

struct Elf;
struct Dwarf;

namespace slicepatch::tool {

struct SourceLine {
    std::string file;
    std::uint32_t line;
};

class ElfFile final : public ElfImage {
public:
    /// Throws Error with the name in front: not there, not an ELF file, truncated in a segment, ... The path is what is
    /// opened, the name is what the user knows it by.
    ElfFile(const std::string &path, std::string name);
    explicit ElfFile(const std::string &path) : ElfFile(path, path) {}

    /// Demangled; empty when the file has no symbol there.
    [[nodiscard]] std::string function_at(std::uint64_t address) const;
    [[nodiscard]] std::optional<SourceLine> source_at(std::uint64_t address) const;

    struct Section {
        std::string name;
        std::uint64_t address, size;
        bool loaded, executable;
    };
    /// None in a file without section headers.
    [[nodiscard]] const std::vector<Section> &sections() const
    {
        return sections_;
    }
    /// Null when no loaded section holds address.
    [[nodiscard]] const Section *section_at(std::uint64_t address) const;

    /// As stat(2) gives them, to tell whether a process has this file mapped.
    [[nodiscard]] std::uint64_t inode() const
    {
        return inode_;
    }

private:
    struct Symbol {
        std::uint64_t address, size;
        std::string name; // as linked
    };
    void open_file(const std::string &path);
    void read_sections();
    void read_symbols() const;
    [[nodiscard]] std::size_t read_header(std::uint64_t offset, std::span<std::uint8_t> bytes) const override;
    [[nodiscard]] std::size_t read_segment(const Segment &segment, std::uint64_t delta,
                                           std::span<std::uint8_t> bytes) const override;

    struct EndElf {
        void operator()(Elf *elf) const;
    };
    struct EndDwarf {
        void operator()(Dwarf *dwarf) const;
    };
    FileDescriptor file_;
    std::uint64_t size_ = 0;
    std::uint64_t inode_ = 0;
    std::unique_ptr<Elf, EndElf> elf_;
    std::vector<Section> sections_;
    mutable bool symbols_read_ = false, dwarf_tried_ = false; // both on first use
    mutable std::vector<Symbol> symbols_;                     // by address
    mutable std::unique_ptr<Dwarf, EndDwarf> dwarf_;
};

} // namespace slicepatch::tool

#endif
