// SPDX-License-Identifier: MIT
//
// Objects as a hostile or broken file would describe them.
#include "patcher/library/sites/image.h"

#include <doctest/doctest.h>

#include <algorithm>
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
        std::uint32_t padding;
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
        std::memcpy(content.state.mark, SLICEPATCH_OBJECT_MARK, sizeof content.state.mark);
        content.state.start = distance(&content.state.start, content.records);
        content.state.stop = distance(&content.state.stop, content.records + 2);
        segments[0].p_type = PT_LOAD;
        segments[0].p_flags = PF_R | PF_W;
        segments[0].p_memsz = segments[0].p_filesz = sizeof content;
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
        Image::Cursor cursor;
        return Image(info).find_table(cursor, table, found);
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

TEST_CASE("a note of another owner is no table")
{
    SiteTable table{};
    bool found = true;
    FakeObject other;
    other.content.name[0] = 'x';
    CHECK(other.find(found, table) == Status::ok);
    CHECK(!found);
}

TEST_CASE("an object that has lost its table is not silent")
{
    SiteTable table{};
    bool found = true;
    FakeObject empty;
    empty.content.note.stop = FakeObject::distance(&empty.content.note.stop, empty.content.records);
    empty.content.state.stop = FakeObject::distance(&empty.content.state.stop, empty.content.records);
    CHECK(empty.find(found, table) == Status::table_missing);
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
        // The state repeats what the note says of the table, so that it is the table that is looked at.
        slicepatch_note &note = object.content.note;
        slicepatch_object_state &state = object.content.state;
        const slicepatch_note before = note;
        break_it(note);
        state.start += note.start - before.start;
        state.stop += note.stop - before.stop;
        return object.find(found, table) == Status::table_outside_object && !found;
    };
    CHECK(refused([](slicepatch_note &note) { note.start += 1; }));
    CHECK(refused([](slicepatch_note &note) { note.start = INT32_MIN / 2; }));
    CHECK(refused([](slicepatch_note &note) { note.stop += 28; }));
    CHECK(refused([](slicepatch_note &note) { note.stop = INT32_MAX / 2; }));
    CHECK(refused([](slicepatch_note &note) { note.stop -= 100; }));
    CHECK(refused([](slicepatch_note &note) { note.object = INT32_MAX; }));
    CHECK(refused([](slicepatch_note &note) { note.object += 4; })); // inside, but misaligned
}

TEST_CASE("a note that a tool has moved still leads to its table, by way of the state")
{
    // As patchelf moves it: what it says of table and state is off by the same.
    for (std::int32_t moved : {4, 28, 4096, -4096, INT32_MAX / 2, INT32_MIN / 2}) {
        FakeObject object;
        object.content.note.start += moved;
        object.content.note.stop += moved;
        object.content.note.object += moved;
        SiteTable table{};
        bool found = false;
        CHECK(object.find(found, table) == Status::ok);
        CHECK(found);
        CHECK(table.begin == object.content.records);
        CHECK(table.end == object.content.records + 2);
        CHECK(table.state == &object.content.state);
    }
}

TEST_CASE("a state that is not marked, or names another table, is nobody's")
{
    SiteTable table{};
    bool found = false;
    const auto refused = [&](auto break_it) {
        FakeObject object;
        break_it(object);
        return object.find(found, table) == Status::table_outside_object && !found;
    };
    CHECK(refused([](FakeObject &object) { ++object.content.state.mark[0]; }));
    CHECK(refused([](FakeObject &object) { object.content.state.start += 28; }));
    CHECK(refused([](FakeObject &object) { object.content.state.stop -= 28; }));
}

TEST_CASE("several notes of one object are found one after the other")
{
    struct alignas(8) {
        FakeObject::Content first, second;
    } both{};
    FakeObject object;
    both.first = both.second = object.content; // distances, so that they hold here too
    object.info.dlpi_addr = reinterpret_cast<ElfW(Addr)>(&both);
    object.segments[0].p_memsz = object.segments[0].p_filesz = sizeof both;
    object.segments[1].p_memsz = sizeof both;
    SiteTable table{};
    bool found = false;
    const Image image(object.info);
    Image::Cursor cursor;
    CHECK(image.find_table(cursor, table, found) == Status::ok);
    CHECK(table.state == &both.first.state);
    CHECK(image.find_table(cursor, table, found) == Status::ok);
    CHECK(found);
    CHECK(table.state == &both.second.state);
    CHECK(image.find_table(cursor, table, found) == Status::ok);
    CHECK(!found);
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
    constexpr std::size_t name = offsetof(FakeObject::Content, note);
    for (std::size_t size = 0; size <= offsetof(FakeObject::Content, padding); ++size) {
        FakeObject object;
        object.segments[1].p_memsz = size;
        SiteTable table{};
        bool found = false;
        const bool cut = size >= name && size < name + sizeof(slicepatch_note);
        CHECK(object.find(found, table) == (cut ? Status::note_malformed : Status::ok));
        CHECK(found == (size >= name + sizeof(slicepatch_note)));
    }
    for (std::uint32_t huge : {0x7fffffffu, 0x80000000u, 0xfffffffcu, 0xffffffffu}) {
        FakeObject named, described;
        SiteTable table{};
        bool found = false;
        named.content.header.n_namesz = huge;
        CHECK(named.find(found, table) == Status::ok);
        CHECK(!found);
        described.content.header.n_descsz = huge;
        CHECK(described.find(found, table) == Status::note_malformed);
        CHECK(!found);
    }
}

TEST_CASE("a note behind others is found, however the linker has padded them and aligned the segment")
{
    // What is before ours, in bytes: .note.gnu.property alone, which pads to 8; it and a build id of 20 bytes, which
    // pads to 4, so that ours is at no multiple of 8 (as mold puts both in one segment); a name whose size is a lie.
    struct Before {
        std::size_t size;
        std::initializer_list<std::uint32_t> words;
    };
    const Before befores[] = {
        {24, {4, 8, 5, 0x554e47, 1, 2}},
        {24 + 36, {4, 8, 5, 0x554e47, 1, 2, 4, 20, 3, 0x554e47, 1, 2, 3, 4, 5}},
        {12, {0x7fffffff, 8, 5}},
    };
    for (std::size_t alignment : {1, 4, 8, 16})
        for (const Before &before : befores) {
            FakeObject object;
            struct alignas(8) {
                std::uint8_t bytes[64 + sizeof(FakeObject::Content)];
            } whole{};
            std::copy(before.words.begin(), before.words.end(), reinterpret_cast<std::uint32_t *>(whole.bytes));
            // The note goes behind the others, and what it leads to stays at a multiple of 8 for the state's sake.
            constexpr std::size_t rest = offsetof(FakeObject::Content, state);
            std::uint8_t *const moved = whole.bytes + 64 + rest;
            std::memcpy(moved, &object.content.state, sizeof object.content - rest);
            std::uint8_t *const note = whole.bytes + before.size;
            const auto shift = static_cast<std::int32_t>(moved - note) - static_cast<std::int32_t>(rest);
            object.content.note.start += shift;
            object.content.note.stop += shift;
            object.content.note.object += shift;
            std::memcpy(note, &object.content, offsetof(FakeObject::Content, padding));
            object.info.dlpi_addr = reinterpret_cast<ElfW(Addr)>(&whole);
            object.segments[0].p_memsz = object.segments[0].p_filesz = sizeof whole;
            object.segments[1].p_memsz = before.size + offsetof(FakeObject::Content, padding);
            object.segments[1].p_align = alignment;
            SiteTable table{};
            bool found = false;
            CHECK(object.find(found, table) == Status::ok);
            CHECK(found);
            CHECK(reinterpret_cast<std::uint8_t *>(table.state) == moved);
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
    segments[0] = {.p_type = PT_LOAD,
                   .p_flags = PF_R,
                   .p_offset = 0,
                   .p_vaddr = 0,
                   .p_paddr = 0,
                   .p_filesz = sizeof header,
                   .p_memsz = sizeof header,
                   .p_align = 8};
    segments[1] = segments[0];
    segments[1].p_type = PT_GNU_EH_FRAME;
    const std::uintptr_t base = info.dlpi_addr;
    Functions functions(info);
    CHECK(functions.find(base + 0xfff) == 0);
    CHECK(functions.find(base + 0x1000) == base + 0x1000);
    CHECK(functions.find(base + 0x1fff) == base + 0x1000);
    CHECK(functions.find(base + 0x3fff) == base + 0x3000);
    CHECK(functions.find(base + 0x2000) == base + 0x2000); // backwards
    header.count = 1000;                                   // more than the segment holds: no table at all
    CHECK(Functions(info).find(base + 0x1000) == 0);
}
