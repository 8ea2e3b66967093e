// SPDX-License-Identifier: MIT
#include "area.h"

#include "kernel.h"
#include "own_area.h"
#include "patcher/library/base/executable.h"

#include <slicepatch/abi.h>
#include <slicepatch/arch.h>

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

std::int64_t own_offset()
{
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(slicepatch_own_area()) -
                                     SLICEPATCH_ARCH_THREAD_POINTER());
}

volatile slicepatch_rseq &area_at(std::int64_t offset)
{
    return *reinterpret_cast<volatile slicepatch_rseq *>(SLICEPATCH_ARCH_THREAD_POINTER() +
                                                         static_cast<std::uintptr_t>(offset));
}

/// Whether the kernel knows the area at that distance from the thread pointer, for this thread or for another that has
/// the same thread pointer: the child of a vfork(), or of a clone() without CLONE_SETTLS. Two that share an area are
/// killed as soon as they run on different CPUs. Its memory is zero before it is registered, and its cpu_id -1
/// afterwards.
bool is_registered(std::int64_t offset)
{
    const volatile slicepatch_rseq &area = area_at(offset);
    return static_cast<std::int32_t>(area.cpu_id) >= 0 && area.flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE;
}

// ---- a libc that frees a thread's memory before its end ----
// musl unmaps the stack and TLS of a detached thread while that thread still runs (pthread_exit(), __unmapself()), and
// the kernel would kill it for the area that is gone. So there an area is given back among the thread's destructors.
constexpr const char *no_key_left = "there is no thread-specific key left that would give the areas back in time";
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
    const int answer = is_registered(offset) ? 0 : register_area(offset, area_size, true);
    return answer == -EBUSY ? 0 : answer; // a signal handler of this thread came between the two
}

struct Home {
    std::uintptr_t address;
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
    if (!holds_address(*info, home.address))
        return 0;
    home.stays = cannot_be_unloaded(*info);
    return 1;
}

/// Whether this copy of the library stays for as long as the process.
bool stays_loaded()
{
    Home home{reinterpret_cast<std::uintptr_t>(&visit_home)};
    if (is_in_executable(home.address))
        return true;
    dl_iterate_phdr(visit_home, &home);
    return home.stays;
}

Area own_area(std::int64_t offset, long state)
{
    return {.offset = offset, .size = area_size, .owned = true, .state = state, .own_refusal = nullptr};
}

/// What is tcmalloc's is no area for sites: it keeps other things where slice_ctrl is.
Area libc_area(const KernelFacts &facts)
{
    return {.offset = facts.tcmalloc ? SLICEPATCH_RSEQ_OFFSET_NONE : facts.rseq_offset,
            .size = facts.rseq_size,
            .owned = false,
            .state = facts.state,
            .own_refusal = nullptr};
}

bool libc_has_one(const KernelFacts &facts)
{
    return facts.rseq_offset != SLICEPATCH_RSEQ_OFFSET_NONE && facts.rseq_size;
}

/// Whether libc says that it has an area which the kernel does not know any more: another library has registered one in
/// its place, and that is the one that the kernel answers for.
bool libc_was_replaced(const KernelFacts &facts)
{
    return libc_has_one(facts) && static_cast<std::int32_t>(area_at(facts.rseq_offset).cpu_id) < 0;
}

/// What glibc registered: 32 bytes at least, though it tells of fewer (glibc 2.35 to 2.40).
unsigned registered_size(const KernelFacts &facts)
{
    return facts.rseq_size > sizeof(slicepatch_rseq) ? facts.rseq_size : unsigned{sizeof(slicepatch_rseq)};
}

/// Words for what the kernel answers to the registration of an area of ours.
const char *registration_refusal(int answer)
{
    switch (-answer) {
    case ENOMEM:
        return no_key_left;
    case EBUSY:
        return "the kernel has another library's area for this thread";
    case EINVAL:
        return "the kernel does not know such areas, or has another library's for this thread";
    case EPERM:
    case ENOSYS:
        return "a sandbox denies the registration of an area";
    default:
        return "the kernel refuses to register an area";
    }
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

bool may_be_granted(const Area &area)
{
    if (!area.exists())
        return false; // nobody has registered what the sites use
    // The kernel sets the flag in whatever it registers while it has the extension; all areas at one offset are
    // registered by the same code, in the same size.
    const volatile slicepatch_rseq &own = area_at(area.offset);
    return static_cast<std::int32_t>(own.cpu_id) < 0 || own.flags & SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE;
}

AreaChoice::AreaChoice(const KernelFacts &facts, std::int64_t told_offset, const GuaranteeRequest &request)
    : facts_(facts), area_(libc_area(facts))
{
    if (!slicepatch_registration.offset.load())
        slicepatch_registration.offset.store(told_offset);
    if (const std::int64_t offset = slicepatch_registration.offset.load()) {
        join(offset, request);
        return;
    }
    if (!facts.tcmalloc && libc_was_replaced(facts)) {
        area_.own_refusal = "another library has taken over libc's rseq registration";
        area_.offset = SLICEPATCH_RSEQ_OFFSET_NONE;
        return;
    }
    // A kernel without slice extensions has no use for an area; and what others own is theirs.
    if (request.off || facts.tcmalloc || facts.state < 0 || request.registration == Registration::libc ||
        (libc_has_one(facts) && request.registration != Registration::own))
        return;
    if (const char *refusal = take_over()) {
        give_back();
        area_.own_refusal = refusal;
        return;
    }
    area_ = own_area(own_offset(), ask_state());
}

/// Sites ask in the area there, whether or not this thread's can be registered.
void AreaChoice::join(std::int64_t offset, const GuaranteeRequest &request)
{
    area_ = own_area(offset, facts_.state);
    if (request.off)
        return;
    if (const int answer = watch_thread_ends(facts_) ? register_own(offset) : -ENOMEM; answer != 0)
        area_.own_refusal = registration_refusal(answer);
}

/// Null, or why our area is not registered.
const char *AreaChoice::take_over()
{
    if (!stays_loaded())
        return "this copy of the library can be unloaded, so that it may not own the registration";
    if (!slicepatch_own_area)
        return "no area was linked into this program (-Wl,-u,slicepatch_init_from_executable does it)";
    if (!watch_thread_ends(facts_))
        return no_key_left;
    if (libc_has_one(facts_))
        if (const char *refusal = take_from_libc())
            return refusal;
    const int answer = register_own(own_offset());
    registered_ = answer == 0;
    return registered_ ? nullptr : registration_refusal(answer);
}

/// Null, or why our area cannot be registered in the place of libc's.
const char *AreaChoice::take_from_libc()
{
    if (!single_threaded())
        return "libc's registration can only be taken over before other threads exist";
    if (unregister_area(facts_.rseq_offset, registered_size(facts_)) != 0)
        return "libc's registration is not what it says, and was left alone";
    taken_ = true;
    return nullptr;
}

void AreaChoice::keep()
{
    if (registered_)
        slicepatch_registration.offset.store(own_offset());
    taken_ = registered_ = false;
}

void AreaChoice::give_back()
{
    if (!taken_ && !registered_)
        return;
    if (registered_)
        (void)unregister_area(own_offset(), area_size);
    if (taken_) { // refused: libc then does without, as on an older kernel
        const bool was_enabled = facts_.state >= 0 && facts_.state & SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE;
        (void)register_area(facts_.rseq_offset, registered_size(facts_), was_enabled);
    }
    taken_ = registered_ = false;
    area_ = libc_area(facts_);
}

int enable_thread_area()
{
    if (const std::int64_t offset = slicepatch_registration.offset.load())
        if (const int answer = register_own(offset); answer != 0)
            return answer;
    return enable_thread();
}

} // namespace slicepatch
