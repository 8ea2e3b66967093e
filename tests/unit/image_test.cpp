// SPDX-License-Identifier: MIT
//
// Objects as a hostile or broken file would describe them.
#include "patcher/image.h"

#include <doctest/doctest.h>

#include <cstring>
#include <elf.h>
#include <initializer_list>

using namespace slicepatch;

namespace {

/// An object in a buffer: one segment of everything, one of notes, and a note that says what each test wants.
struct FakeObject {
    struct alignas(8) Content {
        ElfW(Nhdr) header;
        char name[12];
        slicepatch_note note;
        slicepatch_object_state state;
        slicepatch_site_record records[2];
    } content{};
    ElfW(Phdr) segments[2]{};
    dl_phdr_info info{};

    FakeObject()
    {
        content.header = {sizeof SLICEPATCH_NOTE_NAME, sizeof(slicepatch_note), SLICEPATCH_NOTE_TYPE};
        std::strcpy(content.name, SLICEPATCH_NOTE_NAME);
        content.note.version = SLICEPATCH_RECORD_VERSION;
        content.note.record_size = sizeof(slicepatch_site_record);
        content.note.start = distance(&content.note.start, content.records);
        content.note.stop = distance(&content.note.stop, content.records + 2);
        content.note.object = distance(&content.note.object, &content.state);
        segments[0].p_type = PT_LOAD;
        segments[0].p_flags = PF_R | PF_W;
        segments[0].p_memsz = sizeof content;
        segments[1].p_type = PT_NOTE;
        segments[1].p_memsz = offsetof(Content, state);
        segments[1].p_align = 4;
        info.dlpi_addr = reinterpret_cast<ElfW(Addr)>(&content);
        info.dlpi_phdr = segments;
        info.dlpi_phnum = 2;
    }

    static std::int32_t distance(const void *from, const void *to)
    {
        return static_cast<std::int32_t>(static_cast<const char *>(to) - static_cast<const char *>(from));
    }

    Status find(bool &found, SiteTable &table) const
    {
        return Image(info).find_table(table, found);
    }
};

} // namespace

TEST_CASE("a well-formed note leads to its table")
{
    const FakeObject object;
    SiteTable table{};
    bool found = false;
    REQUIRE(object.find(found, table) == Status::ok);
    REQUIRE(found);
    CHECK(table.begin == object.content.records);
    CHECK(table.end == object.content.records + 2);
    CHECK(table.state == &object.content.state);
}

TEST_CASE("a note of another owner, or with no sites left, is no table")
{
    SiteTable table{};
    bool found = true;
    FakeObject other;
    other.content.name[0] = 'x';
    CHECK(other.find(found, table) == Status::ok);
    CHECK(!found);
    FakeObject empty;
    empty.content.note.stop = FakeObject::distance(&empty.content.note.stop, empty.content.records);
    CHECK(empty.find(found, table) == Status::ok);
    CHECK(!found);
}

TEST_CASE("a note of another version or with another record size is malformed")
{
    SiteTable table{};
    bool found = false;
    FakeObject newer;
    ++newer.content.note.version;
    CHECK(newer.find(found, table) == Status::note_malformed);
    FakeObject larger;
    larger.content.note.record_size += 4;
    CHECK(larger.find(found, table) == Status::note_malformed);
    CHECK(!found);
}

TEST_CASE("a table that leaves its object in any way is refused")
{
    SiteTable table{};
    bool found = false;
    const auto refused = [&](auto break_it) {
        FakeObject object;
        break_it(object.content.note);
        return object.find(found, table) == Status::table_outside_object && !found;
    };
    CHECK(refused([](slicepatch_note &note) { note.start += 1; }));
    CHECK(refused([](slicepatch_note &note) { note.start = INT32_MIN; }));
    CHECK(refused([](slicepatch_note &note) { note.stop += 28; }));
    CHECK(refused([](slicepatch_note &note) { note.stop = INT32_MAX; }));
    CHECK(refused([](slicepatch_note &note) { note.stop -= 100; }));
    CHECK(refused([](slicepatch_note &note) { note.object = INT32_MAX; }));
    CHECK(refused([](slicepatch_note &note) { note.object += 4; })); // inside, but misaligned
}

TEST_CASE("a read-only state block is refused")
{
    FakeObject object;
    object.segments[0].p_flags = PF_R;
    SiteTable table{};
    bool found = false;
    CHECK(object.find(found, table) == Status::table_outside_object);
}

TEST_CASE("a note segment of any length, and notes of any sizes, are read without leaving it")
{
    for (std::size_t size = 0; size <= offsetof(FakeObject::Content, state); ++size) {
        FakeObject object;
        object.segments[1].p_memsz = size;
        SiteTable table{};
        bool found = false;
        CHECK(object.find(found, table) == Status::ok);
        CHECK(found == (size >= offsetof(FakeObject::Content, note) + sizeof(slicepatch_note)));
    }
    for (std::uint32_t huge : {0x7fffffffu, 0x80000000u, 0xfffffffcu, 0xffffffffu}) {
        FakeObject named, described;
        SiteTable table{};
        bool found = false;
        named.content.header.n_namesz = huge;
        CHECK(named.find(found, table) == Status::ok);
        CHECK(!found);
        described.content.header.n_descsz = huge;
        CHECK(described.find(found, table) == Status::ok);
        CHECK(!found);
    }
}

TEST_CASE("a note behind another one is found in a segment of either alignment")
{
    // As linkers write .note.gnu.property: a name of 4 bytes, and in 64-bit objects everything padded to 8.
    for (std::size_t alignment : {4, 8}) {
        FakeObject object;
        struct alignas(8) {
            ElfW(Nhdr) header{4, 8, 5};
            char name[4] = "GNU";
            std::uint8_t property[8]{};
            FakeObject::Content content{};
        } before;
        static_assert(offsetof(decltype(before), content) == 24);
        before.content.header = object.content.header;
        std::memcpy(before.content.name, object.content.name, sizeof before.content.name);
        before.content.note = object.content.note; // distances, so that they hold here too
        object.info.dlpi_addr = reinterpret_cast<ElfW(Addr)>(&before);
        object.segments[0].p_memsz = sizeof before;
        object.segments[1].p_memsz = 24 + offsetof(FakeObject::Content, state);
        object.segments[1].p_align = alignment;
        SiteTable table{};
        bool found = false;
        CHECK(object.find(found, table) == Status::ok);
        CHECK(found);
        CHECK(table.begin == before.content.records);
    }
}

TEST_CASE("a segment is left at its end, not one byte behind")
{
    const FakeObject object;
    const Image image(object.info);
    const auto begin = reinterpret_cast<std::uintptr_t>(&object.content);
    CHECK(image.contains(begin, sizeof object.content, PF_R));
    CHECK(!image.contains(begin, sizeof object.content + 1, PF_R));
    CHECK(!image.contains(begin - 1, 1, PF_R));
    CHECK(!image.contains(begin, 1, PF_X));
    CHECK(!image.contains(begin + 8, SIZE_MAX, PF_R));
}

TEST_CASE("a string that does not end inside its segment is no string")
{
    FakeObject object;
    const Image image(object.info);
    char *last = reinterpret_cast<char *>(&object.content + 1) - 1;
    *last = 'x';
    CHECK(!image.contains_string(last));
    *last = 0;
    CHECK(image.contains_string(last));
}

TEST_CASE("the function of an address is the one that starts last before it")
{
    struct {
        std::uint8_t encoding[4] = {1, 0x1b, 0x03, 0x3b};
        std::int32_t eh_frame = 0;
        std::uint32_t count = 3;
        std::int32_t table[6] = {0x1000, 0, 0x2000, 0, 0x3000, 0};
    } header;
    ElfW(Phdr) segments[2]{};
    dl_phdr_info info{};
    info.dlpi_addr = reinterpret_cast<ElfW(Addr)>(&header);
    info.dlpi_phdr = segments;
    info.dlpi_phnum = 2;
    segments[0] = {.p_type = PT_LOAD, .p_flags = PF_R, .p_offset = 0, .p_vaddr = 0, .p_paddr = 0,
                   .p_filesz = sizeof header, .p_memsz = sizeof header, .p_align = 8};
    segments[1] = segments[0];
    segments[1].p_type = PT_GNU_EH_FRAME;
    const std::uintptr_t base = info.dlpi_addr;
    Functions functions(info);
    CHECK(functions.find(base + 0xfff) == 0);
    CHECK(functions.find(base + 0x1000) == base + 0x1000);
    CHECK(functions.find(base + 0x1fff) == base + 0x1000);
    CHECK(functions.find(base + 0x3fff) == base + 0x3000);
    CHECK(functions.find(base + 0x2000) == base + 0x2000); // backwards
    header.count = 1000; // more than the segment holds: no table at all
    CHECK(Functions(info).find(base + 0x1000) == 0);
}
