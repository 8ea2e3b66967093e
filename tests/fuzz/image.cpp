// SPDX-License-Identifier: MIT
//
// Any bytes as an object's notes and unwind table: nothing outside of them is read.
#include "patcher/library/sites/image.h"

#include <cstdlib>
#include <cstring>

using namespace slicepatch;

namespace {

/// A well-formed object, for the input to change: noise would never spell our note's name.
struct alignas(8) Object {
    ElfW(Nhdr) header{sizeof SLICEPATCH_NOTE_NAME, sizeof(slicepatch_note), SLICEPATCH_NOTE_TYPE};
    char name[12] = SLICEPATCH_NOTE_NAME;
    slicepatch_note note{SLICEPATCH_RECORD_VERSION, sizeof(slicepatch_site_record), 0, 0, 0};
    std::uint32_t padding = 0;
    slicepatch_object_state state{};
    slicepatch_site_record records[2]{};
    std::uint8_t encoding[4] = {1, 0x1b, 0x03, 0x3b};
    std::int32_t eh_frame = 0;
    std::uint32_t count = 3;
    std::int32_t functions[6] = {0, 0, 16, 0, 32, 0};
};

void read_all(const std::uint8_t *object, std::size_t size, std::size_t notes, std::size_t unwind, unsigned alignment)
{
    ElfW(Phdr) segments[3]{};
    segments[0].p_type = PT_LOAD;
    segments[0].p_flags = PF_R | PF_W;
    segments[0].p_memsz = segments[0].p_filesz = size;
    segments[1].p_type = PT_NOTE;
    segments[1].p_memsz = notes;
    segments[1].p_align = alignment;
    segments[2].p_type = PT_GNU_EH_FRAME;
    segments[2].p_vaddr = unwind;
    segments[2].p_memsz = size - unwind;
    dl_phdr_info info{};
    info.dlpi_addr = reinterpret_cast<ElfW(Addr)>(object);
    info.dlpi_phdr = segments;
    info.dlpi_phnum = 3;
    SiteTable table{};
    bool found = false;
    unsigned sum = 0; // reads everything that was found, under the sanitizer's eyes
    for (Image::Cursor cursor;;) {
        if (Image(info).find_table(cursor, table, found) != Status::ok || !found)
            break;
        for (const slicepatch_site_record *record = table.begin; record != table.end; ++record)
            sum += record->kind + static_cast<unsigned>(table.state->enabled);
    }
    Functions functions(info);
    for (std::size_t offset = 0; offset < size; offset += 16)
        sum += functions.find(info.dlpi_addr + offset) != 0;
    static volatile unsigned sink;
    sink = sum;
    (void)sink;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size < 8)
        return 0;
    // Copies of exactly their size, so that the sanitizer sees every step outside.
    auto *noise = static_cast<std::uint8_t *>(std::malloc(size));
    std::memcpy(noise, data, size);
    const std::size_t middle = data[0] % size & ~std::size_t{7};
    read_all(noise, size, middle, middle, data[1]);
    std::free(noise);

    auto *object = static_cast<std::uint8_t *>(std::malloc(sizeof(Object)));
    Object whole;
    const auto distance = [&](const std::int32_t &field, std::size_t offset) {
        return static_cast<std::int32_t>(offset) - static_cast<std::int32_t>(reinterpret_cast<const char *>(&field) -
                                                                             reinterpret_cast<const char *>(&whole));
    };
    whole.note.start = distance(whole.note.start, offsetof(Object, records));
    whole.note.stop = distance(whole.note.stop, offsetof(Object, encoding));
    whole.note.object = distance(whole.note.object, offsetof(Object, state));
    std::memcpy(whole.state.mark, SLICEPATCH_OBJECT_MARK, sizeof whole.state.mark);
    whole.state.start = distance(whole.state.start, offsetof(Object, records));
    whole.state.stop = distance(whole.state.stop, offsetof(Object, encoding));
    std::memcpy(object, &whole, sizeof whole);
    for (std::size_t i = 0; i + 1 < size; i += 2)
        object[data[i] % sizeof whole] = data[i + 1];
    read_all(object, sizeof whole, offsetof(Object, state), offsetof(Object, encoding), 4);
    std::free(object);
    return 0;
}
