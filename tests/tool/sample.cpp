// SPDX-License-Identifier: MIT
#include "sample.h"

#include "patcher/library/sites/image.h"
#include "patcher/library/sites/sites.h"
#include "patcher/tool/elf_file.h"
#include "patcher/tool/object_copy.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace slicepatch::test {

const Backend &sample_backend()
{
    return *find_backend(tool::ElfFile(SAMPLE).machine());
}

Bytes::Bytes(const std::string &path)
{
    const std::string text = read_text(path);
    bytes_.assign(text.begin(), text.end());
    const tool::ElfFile file(path);
    const tool::ObjectCopy copy(file);
    const Image image(copy.info());
    Image::Cursor cursor;
    SiteTable table;
    bool found = false;
    REQUIRE(image.find_table(cursor, table, found) == Status::ok);
    REQUIRE(found);
    for (const slicepatch_site_record *record = table.begin; record != table.end; ++record) {
        records_.push_back({copy.link_address(reinterpret_cast<std::uint64_t>(record)), *record});
        labels_.push_back(record->label ? site_label(*record) : "");
    }
    REQUIRE(records_.size() == sample_sites);
}

std::uint64_t Record::named_by(std::int32_t slicepatch_site_record::*field) const
{
    const auto offset = static_cast<std::uint64_t>(reinterpret_cast<const char *>(&(fields.*field)) -
                                                   reinterpret_cast<const char *>(&fields));
    return fields.*field ? address + offset + static_cast<std::uint64_t>(std::int64_t{fields.*field}) : 0;
}

Elf64_Ehdr &Bytes::header()
{
    return *reinterpret_cast<Elf64_Ehdr *>(bytes_.data());
}

Elf64_Phdr &Bytes::program_header(std::size_t index)
{
    return reinterpret_cast<Elf64_Phdr *>(bytes_.data() + header().e_phoff)[index];
}

Elf64_Phdr &Bytes::program_header_of(std::uint32_t type)
{
    std::size_t index = 0;
    while (index < header().e_phnum && program_header(index).p_type != type)
        ++index;
    REQUIRE(index < header().e_phnum);
    return program_header(index);
}

std::uint8_t *Bytes::at(std::uint64_t address)
{
    for (std::size_t i = 0; i < header().e_phnum; ++i)
        if (const Elf64_Phdr &segment = program_header(i);
            segment.p_type == PT_LOAD && address - segment.p_vaddr < segment.p_filesz)
            return bytes_.data() + segment.p_offset + (address - segment.p_vaddr);
    FAIL("no such address in the file");
    return nullptr;
}

std::uint64_t Bytes::address_of(const void *part)
{
    const auto offset = static_cast<std::uint64_t>(static_cast<const std::uint8_t *>(part) - bytes_.data());
    for (std::size_t i = 0; i < header().e_phnum; ++i)
        if (const Elf64_Phdr &segment = program_header(i);
            segment.p_type == PT_LOAD && offset - segment.p_offset < segment.p_filesz)
            return segment.p_vaddr + (offset - segment.p_offset);
    FAIL("that is not loaded");
    return 0;
}

const Record &Bytes::find(Kind kind, const std::string &label) const
{
    for (std::size_t i = 0; i < records_.size(); ++i)
        if (records_[i].fields.kind == static_cast<std::uint8_t>(kind) && labels_[i] == label)
            return records_[i];
    throw std::runtime_error("no such site in the sample");
}

slicepatch_site_record &Bytes::fields(const Record &record)
{
    return *reinterpret_cast<slicepatch_site_record *>(at(record.address));
}

slicepatch_note &Bytes::note()
{
    for (std::size_t i = 0; i < header().e_phnum; ++i) {
        const Elf64_Phdr &segment = program_header(i);
        if (segment.p_type != PT_NOTE)
            continue;
        const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(segment.p_offset);
        const std::string_view name(SLICEPATCH_NOTE_NAME, sizeof SLICEPATCH_NOTE_NAME);
        const auto found =
            std::search(begin, begin + static_cast<std::ptrdiff_t>(segment.p_filesz), name.begin(), name.end());
        if (found != begin + static_cast<std::ptrdiff_t>(segment.p_filesz))
            return *reinterpret_cast<slicepatch_note *>(&*found + (name.size() + 3) / 4 * 4);
    }
    throw std::runtime_error("the sample has no note");
}

slicepatch_object_state &Bytes::state()
{
    const std::string_view mark(SLICEPATCH_OBJECT_MARK);
    const auto found = std::search(bytes_.begin(), bytes_.end(), mark.begin(), mark.end());
    if (found == bytes_.end())
        throw std::runtime_error("the sample has no state");
    return *reinterpret_cast<slicepatch_object_state *>(&*found - offsetof(slicepatch_object_state, mark));
}

void Bytes::put(const Record &record, State state, std::int64_t slice_ctrl)
{
    const Backend &backend = *find_backend(header().e_machine);
    const Place place{record.named_by(&slicepatch_site_record::head), record.named_by(&slicepatch_site_record::cold),
                      record.named_by(&slicepatch_site_record::taken)};
    Form form;
    REQUIRE(backend.encode(static_cast<Kind>(record.fields.kind), state, slice_ctrl, form) == Status::ok);
    std::uint8_t bytes[max_site_size];
    REQUIRE(backend.place(form, place, bytes) == Status::ok);
    std::memcpy(at(place.head), bytes, form.size);
}

void Bytes::point(const Record &record, std::int32_t slicepatch_site_record::*field, std::uint64_t address)
{
    slicepatch_site_record &there = fields(record);
    const auto offset = reinterpret_cast<std::uint8_t *>(&(there.*field)) - reinterpret_cast<std::uint8_t *>(&there);
    there.*field = static_cast<std::int32_t>(address - record.address - static_cast<std::uint64_t>(offset));
}

std::string Bytes::write(const TemporaryFolder &folder, const std::string &name) const
{
    return folder.write(name, std::string(bytes_.begin(), bytes_.end()));
}

Outcome slicepatch_tool(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), SLICEPATCH);
    return run(arguments);
}

nlohmann::json slicepatch_json(std::vector<std::string> arguments)
{
    arguments.emplace_back("--json");
    const Outcome outcome = slicepatch_tool(arguments);
    INFO(outcome.error);
    return nlohmann::json::parse(outcome.out);
}

unsigned sample_line(const std::string &text)
{
    std::ifstream file(SAMPLE_SOURCE);
    unsigned number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.find(text) != std::string::npos)
            return number;
    }
    throw std::runtime_error("the sample's source does not hold " + text);
}

std::string hexadecimal(std::uint64_t address)
{
    std::ostringstream text;
    text << "0x" << std::hex << address;
    return text.str();
}

RunningSample::RunningSample(const std::vector<std::string> &command)
    : process_({.program = command[0], .arguments = {command.begin() + 1, command.end()}, .emulated = false})
{
    const std::string line = process_.read_line();
    int chose = 0;
    REQUIRE_MESSAGE(std::sscanf(line.c_str(), "%d %d", &said_pid_, &chose) == 2, command[0], " said: ", line);
    chose_ = chose != 0;
}

} // namespace slicepatch::test
