// SPDX-License-Identifier: MIT
#include "rseq_flags.h"

#include "context.h"
#include "guard.h"
#include "settings.h"

#include <link.h>
#include <string.h>

namespace slicepatch::sim {

namespace {

// Written under the dynamic linker's lock, in the callback.
constinit unsigned long long objects_searched = 0;
constinit bool sequences_found = false;

bool holds_sequence(const unsigned char *code, size_t size)
{
    const unsigned char *end = code + size;
    const unsigned char *at = code + 1; // something is always in front of it
    while (at < end) {
        at = static_cast<const unsigned char *>(
            memmem(at, static_cast<size_t>(end - at), &rseq_signature, sizeof rseq_signature));
        if (at == nullptr)
            return false;
        if (!is_signature_operand(at))
            return true;
        at++;
    }
    return false;
}

// It runs no sequence, but knows the signature, which is in a segment with code where linkers do not separate
// constants.
bool is_this_object(const dl_phdr_info &object)
{
    const auto here = reinterpret_cast<uintptr_t>(&sequences_found) - object.dlpi_addr;
    for (int i = 0; i < object.dlpi_phnum; i++)
        if (object.dlpi_phdr[i].p_type == PT_LOAD && here - object.dlpi_phdr[i].p_vaddr < object.dlpi_phdr[i].p_memsz)
            return true;
    return false;
}

// One object. The first call of a round finds out whether any object is new since the last round.
int search_object(dl_phdr_info *object, size_t, void *round)
{
    bool &first = *static_cast<bool *>(round);
    if (first && object->dlpi_adds == objects_searched)
        return 1;
    first = false;
    objects_searched = object->dlpi_adds;
    if (is_this_object(*object))
        return 0;
    bool found = false;
    for (int i = 0; i < object->dlpi_phnum && !found; i++) {
        const ElfW(Phdr) &segment = object->dlpi_phdr[i];
        constexpr ElfW(Word) readable_code = PF_R | PF_X;
        if (segment.p_type == PT_LOAD && (segment.p_flags & readable_code) == readable_code && segment.p_filesz > 4)
            found = holds_sequence(reinterpret_cast<const unsigned char *>(object->dlpi_addr + segment.p_vaddr),
                                   segment.p_filesz);
    }
    if (found)
        __atomic_store_n(&sequences_found, true, __ATOMIC_RELAXED);
    return found ? 1 : 0;
}

bool may_write_flags()
{
    if (settings.flags == FlagsPolicy::automatic)
        return !__atomic_load_n(&sequences_found, __ATOMIC_RELAXED);
    return settings.flags == FlagsPolicy::on;
}

uint32_t flags_of(const Thread &thread)
{
    if (settings.kernel == Kernel::none || settings.kernel == Kernel::off)
        return 0;
    uint32_t flags = SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE;
    if (thread.enabled)
        flags |= SLICEPATCH_RSEQ_FLAG_SLICE_EXT_ENABLED;
    if (process_lock != Lock::unlocked)
        flags |= SLICEPATCH_RSEQ_FLAG_SLICE_EXT_INVARIANT;
    return flags;
}

void store_flags(Thread &thread, uint32_t flags)
{
    if (!thread.full || (flags == 0 && !thread.flags_written))
        return;
    __atomic_store_n(&thread.area->flags, flags, __ATOMIC_RELAXED);
    thread.flags_written = flags != 0;
}

} // namespace

void search_for_sequences()
{
    if (settings.flags != FlagsPolicy::automatic || __atomic_load_n(&sequences_found, __ATOMIC_RELAXED))
        return;
    bool first = true;
    dl_iterate_phdr(search_object, &first);
    if (!__atomic_load_n(&sequences_found, __ATOMIC_RELAXED))
        return;
    ProcessGuard process;
    for_each_thread([](Thread &thread, void *) { update_flags(thread); }, nullptr);
}

void write_flags(Thread &thread)
{
    store_flags(thread, may_write_flags() ? flags_of(thread) : 0);
}

void update_flags(Thread &thread)
{
    if (has_lasting_area(thread))
        write_flags(thread);
    else
        __atomic_store_n(&thread.flags_due, true, __ATOMIC_RELEASE);
}

void follow_flags(Thread &thread)
{
    if (__atomic_exchange_n(&thread.flags_due, false, __ATOMIC_ACQUIRE))
        write_flags(thread);
}

void clear_flags(Thread &thread)
{
    store_flags(thread, 0);
}

} // namespace slicepatch::sim
