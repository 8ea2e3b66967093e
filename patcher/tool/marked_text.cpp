// SPDX-License-Identifier: MIT
#include "marked_text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>

namespace slicepatch::tool {

namespace {

struct Text {
    std::uint64_t address, size;
};

/// By the sections, since a segment of text may hold data; by the segments where a file has no sections.
std::vector<Text> find_text(const ElfFile &file)
{
    std::vector<Text> texts;
    for (const ElfFile::Section &section : file.sections())
        if (section.executable)
            texts.push_back({section.address, section.size});
    if (file.sections().empty())
        for (const Segment &segment : file.segments())
            if (segment.type == PT_LOAD && segment.flags & PF_X)
                texts.push_back({segment.address, segment.file_size});
    return texts;
}

class Search {
public:
    Search(const ElfFile &file, const Backend &backend) : file_(file), backend_(backend) {}

    std::vector<Mark> search()
    {
        for (std::size_t i = 0; i < kinds.size(); ++i)
            if (backend_.encode(kinds[i], State::compiled, 0, forms_[i]) != Status::ok)
                return {};
        for (const Text &text : find_text(file_))
            search_text(text);
        std::sort(marks_.begin(), marks_.end(), [](const Mark &a, const Mark &b) { return a.address < b.address; });
        return std::move(marks_);
    }

private:
    static constexpr std::array kinds{Kind::enter, Kind::exit};

    /// In blocks, each with the rest of a site that begins in the block before.
    void search_text(const Text &text)
    {
        constexpr std::uint64_t block_size = 1 << 20;
        const std::uint64_t unit = backend_.site_alignment;
        std::vector<std::uint8_t> block;
        for (std::uint64_t at = (text.address + unit - 1) / unit * unit; at - text.address < text.size;
             at += block_size) {
            block.resize(std::min<std::uint64_t>(block_size + max_site_size, text.size - (at - text.address)));
            if (!file_.read(at, block))
                return; // not in the file, or not loaded
            for (std::uint64_t i = 0; i < std::min<std::uint64_t>(block_size, block.size()); i += unit)
                match(at + i, std::span(block).subspan(i));
        }
    }

    void match(std::uint64_t head, std::span<const std::uint8_t> bytes)
    {
        Place place{head, 0, 0};
        if (!backend_.find_target(head, bytes, place.cold) || !file_.contains(place.cold, 1, PF_X))
            return;
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            std::uint8_t expected[max_site_size];
            if (forms_[i].size <= bytes.size() && backend_.place(forms_[i], place, expected) == Status::ok &&
                !std::memcmp(expected, bytes.data(), forms_[i].size))
                marks_.push_back({head, kinds[i]});
        }
    }

    const ElfFile &file_;
    const Backend &backend_;
    std::array<Form, kinds.size()> forms_;
    std::vector<Mark> marks_;
};

} // namespace

std::vector<Mark> find_marked_text(const ElfFile &file)
{
    const Backend *backend = find_backend(file.machine());
    return backend ? Search(file, *backend).search() : std::vector<Mark>{};
}

} // namespace slicepatch::tool
