// SPDX-License-Identifier: MIT
//
// How a site is rewritten while threads run through it (Arm ARM DDI 0487, sections of issue K.a):
//
//   1. write the tail. No thread can be in it: the head still jumps to the cold block.
//   2. sync_text: clean the data cache to the point of unification, invalidate instruction caches, wait for both ("Coherency
//      example for data and instruction accesses"). What is fetched from the tail anew is now the new tail.
//   3. sync_threads: a context synchronisation event on every CPU that runs a thread of this process, so that what was
//      fetched before is dropped. Its partner is in step 5: the first fetch behind the new head.
//   4. write the head: one aligned store, single-copy atomic (B2.2.1), between B and NOP, which other threads may execute
//      while they change (B2.2.5): each of them runs the old one or the new one.
//   5. sync_text again. Until a thread fetches the new head it runs the old one, which is as correct.
#include "aarch64.h"

#include <linux/membarrier.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace slicepatch::aarch64 {

/// By the compiler's runtime, which knows the line sizes of CTR_EL0 and what it may leave out (IDC, DIC), and ends with
/// DSB ISH and ISB: the DSB's partner is the fetch of any other CPU, the ISB is this thread's own.
Status sync_text(std::uintptr_t begin, std::uintptr_t end)
{
    __builtin___clear_cache(reinterpret_cast<char *>(begin), reinterpret_cast<char *>(end));
    return Status::ok;
}

/// The kernel interrupts each CPU that runs a thread of this process, and whoever does not run returns from the kernel
/// before it does: on arm64 a return from an exception synchronises context (the kernel's
/// Documentation/features/sched/membarrier-sync-core). Registering twice is harmless.
Status sync_threads()
{
    const int before = errno;
    const bool synchronised = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0 &&
                              syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0;
    errno = before;
    return synchronised ? Status::ok : Status::sync_refused;
}

/// Branch target identification, by PROT_BTI of <asm/mman.h> (the kernel's Documentation/arch/arm64/elf_hwcaps.rst,
/// HWCAP2_BTI).
int guard_protection()
{
    constexpr unsigned long hwcap2_bti = 1UL << 17;
    constexpr int prot_bti = 0x10;
    return getauxval(AT_HWCAP2) & hwcap2_bti ? prot_bti : 0;
}

} // namespace slicepatch::aarch64

namespace slicepatch {

const Backend aarch64_backend = {
    .name = "arm64",
    .machine = aarch64::machine,
    .head_size = aarch64::head_size,
    .site_alignment = aarch64::head_size,
    .reach = aarch64::reach,
    .site_sizes = aarch64::site_sizes,
    .encode_all = aarch64::encode_all,
    .place = aarch64::place,
    .decode = aarch64::decode,
    .find_target = aarch64::find_target,
    .verify = aarch64::verify,
    .verifier = aarch64::verifier,
    .load_decoder = aarch64::load_decoder,
    .sync_text = aarch64::sync_text,
    .sync_threads = aarch64::sync_threads,
    .guard_protection = aarch64::guard_protection,
};

} // namespace slicepatch
