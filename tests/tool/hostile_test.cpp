// SPDX-License-Identifier: MIT
//
// Files that lie. Nothing here may crash, hang or take all memory; what cannot be read is an Error with words.
#include "sample.h"

#include "patcher/tool/error.h"
#include "patcher/tool/site_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace slicepatch;
using namespace slicepatch::test;

namespace {

/// A file without a name, rewritten for each case.
class MemoryFile {
public:
    MemoryFile() : file_(memfd_create("sample", MFD_CLOEXEC))
    {
        REQUIRE(file_ >= 0);
    }
    ~MemoryFile()
    {
        close(file_);
    }
    MemoryFile(const MemoryFile &) = delete;
    MemoryFile &operator=(const MemoryFile &) = delete;

    std::string write(std::span<const std::uint8_t> bytes) const
    {
        REQUIRE(ftruncate(file_, 0) == 0);
        REQUIRE(pwrite(file_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
        return "/proc/self/fd/" + std::to_string(file_);
    }

private:
    int file_;
};

struct Read {
    std::string error; // empty: none
    tool::ObjectView object;
};

/// Everything that dump does with a file but the printing.
Read read_file(const std::string &path)
{
    try {
        const tool::ElfFile file(path);
        Read result{"", tool::view_object(file, &file, false)};
        for (const tool::SiteView &site : result.object.sites) {
            (void)tool::json_text(tool::to_json(site));
            (void)file.source_at(site.link_address); // DWARF too, which is asked only where a record has no file
        }
        return result;
    } catch (const tool::Error &error) {
        return {error.what(), {}};
    }
}

std::uint64_t end_of_segments(Bytes &bytes)
{
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < bytes.header().e_phnum; ++i)
        if (bytes.program_header(i).p_type == PT_LOAD)
            end = std::max(end, bytes.program_header(i).p_offset + bytes.program_header(i).p_filesz);
    return end;
}

std::size_t good_sites(const Read &read)
{
    std::size_t count = 0;
    for (const tool::SiteView &site : read.object.sites)
        count += site.now.state == State::compiled && site.trouble.empty();
    return count;
}

} // namespace

TEST_CASE("a file that is cut off at any length is refused with words, or read whole")
{
    Bytes bytes(SAMPLE);
    const std::uint64_t needed = end_of_segments(bytes);
    const MemoryFile file;
    std::size_t refused = 0, whole = 0;
    for (std::size_t length = 0; length <= bytes.all().size(); ++length) {
        const Read read = read_file(file.write(std::span(bytes.all()).first(length)));
        CAPTURE(length);
        if (length < needed) {
            REQUIRE((read.error.find("truncated") != std::string::npos ||
                     read.error.find("not an ELF file") != std::string::npos));
            ++refused;
        } else {
            REQUIRE(read.error == "");
            REQUIRE(good_sites(read) == sample_sites);
            ++whole;
        }
    }
    CHECK(refused == needed);
    CHECK(whole > 0);
}

TEST_CASE("a static program that is cut off is refused or read")
{
    Bytes bytes(SAMPLE_STATIC);
    const std::uint64_t needed = end_of_segments(bytes);
    const MemoryFile file;
    for (std::size_t length = 0; length <= bytes.all().size(); length += 4099) { // a prime: no page boundaries alone
        const Read read = read_file(file.write(std::span(bytes.all()).first(length)));
        CAPTURE(length);
        REQUIRE((length < needed) == !read.error.empty());
    }
}

TEST_CASE("changed bytes in headers, notes, records and sites never crash")
{
    constexpr unsigned seed = 20260707, rounds = 20000;
    std::mt19937 random(seed);
    const Bytes original(SAMPLE);
    const MemoryFile file;
    std::size_t refused = 0, noticed = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        Bytes bytes = original;
        // Where a change has a meaning; the rest of a file is code and text that nobody looks at.
        const std::array<std::pair<std::uint8_t *, std::size_t>, 6> targets{{
            {reinterpret_cast<std::uint8_t *>(&bytes.header()), sizeof(Elf64_Ehdr)},
            {reinterpret_cast<std::uint8_t *>(&bytes.program_header(0)), bytes.header().e_phnum * sizeof(Elf64_Phdr)},
            {reinterpret_cast<std::uint8_t *>(&bytes.note()) - 24, sizeof(slicepatch_note) + 24},
            {bytes.at(bytes.records()[0].address), sample_sites * SLICEPATCH_RECORD_SIZE},
            {bytes.at(bytes.records()[0].named_by(&slicepatch_site_record::head)), 16},
            {const_cast<std::uint8_t *>(bytes.all().data()) + bytes.header().e_shoff,
             bytes.header().e_shnum * sizeof(Elf64_Shdr)},
        }};
        const unsigned changes = 1 + random() % 4;
        for (unsigned i = 0; i < changes; ++i) {
            const auto &[begin, size] = targets[random() % targets.size()];
            static constexpr std::uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
            begin[random() % size] =
                random() % 2 ? edges[random() % std::size(edges)] : static_cast<std::uint8_t>(random());
        }
        const Read read = read_file(file.write(bytes.all()));
        refused += !read.error.empty();
        noticed += good_sites(read) != sample_sites;
    }
    CHECK(refused > rounds / 100); // the changes do reach something
    CHECK(noticed > refused);
}

/// The note and the state agree, or neither is believed.
void claim_more(Bytes &bytes, std::int32_t records)
{
    bytes.note().stop += records * SLICEPATCH_RECORD_SIZE;
    bytes.state().stop += records * SLICEPATCH_RECORD_SIZE;
}

TEST_CASE("a table that claims more than the file has is not believed")
{
    const MemoryFile file;
    SUBCASE("records beyond the segment")
    {
        Bytes bytes(SAMPLE);
        claim_more(bytes, 1000000);
        const Read read = read_file(file.write(bytes.all()));
        CHECK(read.object.sites.empty());
        REQUIRE(read.object.problems.size() == 1);
        CHECK(read.object.problems[0].find("is not inside the object") != std::string::npos);
    }
    SUBCASE("records in memory that the file does not have")
    {
        Bytes bytes(SAMPLE);
        const auto data = [](const Elf64_Phdr &segment) { return segment.p_type == PT_LOAD && segment.p_flags & PF_W; };
        auto *const begin = &bytes.program_header(0), *const end = begin + bytes.header().e_phnum;
        Elf64_Phdr &segment = *std::find_if(begin, end, data);
        const std::uint64_t table = (segment.p_vaddr + segment.p_memsz + 7) / 8 * 8, records = 10000000;
        const auto point = [&](std::int32_t &field, std::uint64_t address) {
            field = static_cast<std::int32_t>(address - bytes.address_of(&field));
        };
        for (auto *part : {&bytes.note().start, &bytes.state().start})
            point(*part, table);
        for (auto *part : {&bytes.note().stop, &bytes.state().stop})
            point(*part, table + records * SLICEPATCH_RECORD_SIZE);
        segment.p_memsz = 1ULL << 62;
        CHECK(read_file(file.write(bytes.all())).error.find("its segments span ") != std::string::npos);
        segment.p_memsz = 1ULL << 34;
        const Read read = read_file(file.write(bytes.all()));
        CAPTURE(read.error);
        CHECK(read.object.sites.empty());
        const auto claims = [](const std::string &text) { return text.starts_with("the table claims 10000000 sites"); };
        CHECK(std::any_of(read.object.problems.begin(), read.object.problems.end(), claims));
    }
    SUBCASE("65534 program headers")
    {
        Bytes bytes(SAMPLE);
        bytes.header().e_phnum = 65534;
        CHECK(read_file(file.write(bytes.all())).error.find("65534 program headers") != std::string::npos);
    }
    SUBCASE("a note segment of any size")
    {
        Bytes bytes(SAMPLE);
        for (std::size_t i = 0; i < bytes.header().e_phnum; ++i)
            if (bytes.program_header(i).p_type == PT_NOTE)
                bytes.program_header(i).p_memsz = 1ULL << 63;
        const Read read = read_file(file.write(bytes.all()));
        CHECK(read.error.empty());
        CHECK(read.object.problems.empty()); // no loaded segment holds it, so that the library does not see it either
        CHECK(read.object.sites.empty());
    }
}

TEST_CASE("a segment at the end of the address space is read without wrapping around")
{
    const MemoryFile file;
    Bytes bytes(SAMPLE);
    bytes.program_header_of(PT_LOAD).p_vaddr = ~0ULL - 4096;
    (void)read_file(file.write(bytes.all()));
    bytes.program_header_of(PT_LOAD).p_memsz = ~0ULL;
    (void)read_file(file.write(bytes.all()));
    bytes.program_header_of(PT_LOAD).p_offset = ~0ULL - 8;
    CHECK(read_file(file.write(bytes.all())).error.find("truncated") != std::string::npos);
}

TEST_CASE("a string without end is no string")
{
    Bytes bytes(SAMPLE);
    const Record &record = bytes.find(Kind::enter);
    const std::uint64_t address = record.named_by(&slicepatch_site_record::label);
    std::size_t index = 0;
    while (address - bytes.program_header(index).p_vaddr >= bytes.program_header(index).p_filesz ||
           bytes.program_header(index).p_type != PT_LOAD)
        ++index;
    const Elf64_Phdr &segment = bytes.program_header(index);
    const std::uint64_t end = segment.p_vaddr + segment.p_filesz;
    REQUIRE(segment.p_memsz == segment.p_filesz); // or zeros would follow
    std::fill_n(bytes.at(end - 4), 4, std::uint8_t{'x'});
    bytes.point(record, &slicepatch_site_record::label, end - 4);
    const MemoryFile file;
    const Read read = read_file(file.write(bytes.all()));
    std::size_t noticed = 0;
    for (const tool::SiteView &site : read.object.sites)
        noticed += site.trouble.starts_with(status_text(Status::string_outside_object));
    CHECK(noticed == 1);
}
