// SPDX-License-Identifier: MIT
#include "registration.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <link.h>
#include <pthread.h>

extern "C" {

/// Where copies of the library find each other: the dynamic linker gives all of them the first one.
struct slicepatch_registration {
    std::atomic<std::int64_t> offset; // of the areas, bytes from the thread pointer; 0: libc's, or none
};
__attribute__((weak, visibility("default"))) slicepatch_registration slicepatch_registration = {0};
}

namespace slicepatch {

namespace {

// What the kernel asks of a registration that can have slice extensions: more than 32 bytes, and this alignment
// (AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN of Linux 7).
constexpr std::size_t area_size = 64;

// initial-exec: part of the block that the thread is started with, and at the same distance everywhere.
__attribute__((tls_model("initial-exec"))) thread_local constinit struct alignas(area_size) {
    std::uint8_t bytes[area_size];
} own_area{};

std::int64_t own_offset()
{
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(&own_area) - SLICEPATCH_ARCH_THREAD_POINTER());
}

volatile slicepatch_rseq &area_at(std::int64_t offset)
{
    return *reinterpret_cast<volatile slicepatch_rseq *>(SLICEPATCH_ARCH_THREAD_POINTER() +
                                                         static_cast<std::uintptr_t>(offset));
}

/// Whether the kernel knows the area at that distance from the thread pointer, for this thread or for another that has the
/// same thread pointer: the child of a vfork(), or of a clone() without CLONE_SETTLS. Two that share an area are killed
/// as soon as they run on different CPUs. Its memory is zero before it is registered, and its cpu_id -1 afterwards.
bool is_registered(std::int64_t offset)
{
    const volatile slicepatch_rseq &area = area_at(offset);
    return static_cast<std::int32_t>(area.cpu_id) >= 0 && area.flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE;
}

// ---- a libc that frees a thread's memory before its end ----
// musl unmaps the stack and TLS of a detached thread while that thread still runs (pthread_exit(), __unmapself()), and
// the kernel would kill it for the area that is gone. So there an area is given back among the thread's destructors.
pthread_key_t end_key;
std::atomic<bool> watches_ends{false}; // end_key is valid

void at_thread_end(void *)
{
    (void)unregister_area(slicepatch_registration.offset.load(), area_size); // refused: it is not registered
}

/// Before the first area is registered. False where there is no key left.
bool watch_thread_ends(const KernelFacts &facts)
{
    const bool is_glibc = facts.rseq_offset != SLICEPATCH_RSEQ_OFFSET_NONE;
    if (is_glibc || watches_ends.load())
        return true;
    watches_ends.store(pthread_key_create(&end_key, at_thread_end) == 0);
    return watches_ends.load();
}

/// Registers the calling thread's area, unless it is. 0 or -errno.
int register_own(std::int64_t offset)
{
    if (watches_ends.load() && pthread_setspecific(end_key, &end_key) != 0) // musl's never allocates
        return -ENOMEM;
    const int answer = is_registered(offset) ? 0 : register_area(offset, area_size);
    return answer == -EBUSY ? 0 : answer; // a signal handler of this thread came between the two
}

/// What choose_area() replaced on the calling thread.
std::int64_t replaced_offset = SLICEPATCH_RSEQ_OFFSET_NONE;
unsigned replaced_size = 0;

struct Home {
    std::uintptr_t address;
    bool first = true;
    bool stays = false;
};

bool cannot_be_unloaded(const dl_phdr_info &info)
{
    for (int i = 0; i < info.dlpi_phnum; ++i) {
        if (info.dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        for (const auto *entry = reinterpret_cast<const ElfW(Dyn) *>(info.dlpi_addr + info.dlpi_phdr[i].p_vaddr);
             entry->d_tag != DT_NULL; ++entry)
            if (entry->d_tag == DT_FLAGS_1 && entry->d_un.d_val & DF_1_NODELETE)
                return true;
    }
    return false;
}

int visit_home(dl_phdr_info *info, std::size_t, void *data)
{
    auto &home = *static_cast<Home *>(data);
    const bool executable = home.first; // dl_iterate_phdr(3)
    home.first = false;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || home.address - (info->dlpi_addr + segment.p_vaddr) >= segment.p_memsz)
            continue;
        home.stays = executable || cannot_be_unloaded(*info);
        return 1;
    }
    return 0;
}

/// Whether this copy of the library stays for as long as the process.
bool stays_loaded()
{
    Home home{reinterpret_cast<std::uintptr_t>(&visit_home)};
    dl_iterate_phdr(visit_home, &home);
    return home.stays;
}

/// Null, or why our area cannot be registered in the place of libc's.
const char *take_from_libc(const KernelFacts &facts)
{
    if (!single_threaded())
        return "libc's registration can only be taken over before other threads exist";
    // What glibc registered: 32 bytes at least, though it tells of fewer (glibc 2.35 to 2.40).
    const unsigned size =
        facts.rseq_size > sizeof(slicepatch_rseq) ? facts.rseq_size : unsigned{sizeof(slicepatch_rseq)};
    if (unregister_area(facts.rseq_offset, size) != 0)
        return "libc's registration is not what it says, and was left alone";
    replaced_offset = facts.rseq_offset;
    replaced_size = size;
    return nullptr;
}

void use_area(std::int64_t offset, KernelFacts &facts)
{
    facts.rseq_offset = offset;
    facts.rseq_size = area_size;
    facts.owned = true;
}

/// The areas of a copy of the library that does not see our slicepatch_registration, as that of a program with
/// libslicepatch.a: it told the objects whose sites it patched. 0 if there are none.
std::int64_t find_told_offset(const SiteList &list)
{
    for (const Object &object : list.objects)
        if (object.state->rseq_offset != SLICEPATCH_RSEQ_OFFSET_LIBC &&
            object.state->rseq_offset != SLICEPATCH_RSEQ_OFFSET_NONE)
            return object.state->rseq_offset;
    return 0;
}

/// Whether libc says that it has an area which the kernel does not know any more: whoever took its place, the kernel
/// answers for an area of his.
bool libc_was_replaced(const KernelFacts &facts)
{
    if (facts.rseq_offset == SLICEPATCH_RSEQ_OFFSET_NONE || !facts.rseq_size)
        return false;
    return static_cast<std::int32_t>(area_at(facts.rseq_offset).cpu_id) < 0;
}

} // namespace

bool owns_areas()
{
    return slicepatch_registration.offset.load() != 0;
}

bool gives_areas_back()
{
    return watches_ends.load();
}

bool choose_area(const SiteList &list, const GuaranteeRequest &request, KernelFacts &facts)
{
    if (!slicepatch_registration.offset.load())
        slicepatch_registration.offset.store(find_told_offset(list));
    if (const std::int64_t offset = slicepatch_registration.offset.load()) {
        if (watch_thread_ends(facts) && register_own(offset) == 0)
            use_area(offset, facts);
        return false;
    }
    if (libc_was_replaced(facts)) {
        facts.own_refusal = "somebody else has taken over libc's rseq registration";
        facts.rseq_offset = SLICEPATCH_RSEQ_OFFSET_NONE;
        return false;
    }
    const bool libc_has_one = facts.rseq_offset != SLICEPATCH_RSEQ_OFFSET_NONE && facts.rseq_size;
    // A kernel without slice extensions has no use for an area; and what others own is theirs.
    if (request.off || facts.tcmalloc || facts.state < 0 || request.registration == Registration::libc ||
        (libc_has_one && request.registration != Registration::own))
        return false;
    if (!stays_loaded())
        facts.own_refusal = "this copy of the library can be unloaded, so that it may not own the registration";
    else if (!watch_thread_ends(facts))
        facts.own_refusal = "there is no thread-specific key left that would give the areas back in time";
    else if (libc_has_one)
        facts.own_refusal = take_from_libc(facts);
    if (facts.own_refusal)
        return false;
    if (register_own(own_offset()) != 0) {
        facts.own_refusal = "the kernel has an area of somebody else's for this thread";
        if (replaced_size)
            give_back_area(facts);
        return false;
    }
    slicepatch_registration.offset.store(own_offset());
    use_area(own_offset(), facts);
    facts.state = ask_state();
    return true;
}

void give_back_area(KernelFacts &facts)
{
    (void)unregister_area(own_offset(), area_size); // not registered, if that is why we are here
    slicepatch_registration.offset.store(0);
    facts.owned = false;
    facts.rseq_offset = replaced_offset;
    facts.rseq_size = replaced_size;
    if (replaced_size)
        (void)register_area(replaced_offset, replaced_size); // refused: libc then does without, as on an older kernel
    replaced_size = 0;
}

int enable_thread_area()
{
    if (const std::int64_t offset = slicepatch_registration.offset.load())
        if (const int answer = register_own(offset); answer != 0)
            return answer;
    return enable_thread();
}

} // namespace slicepatch
