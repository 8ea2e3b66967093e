// SPDX-License-Identifier: MIT
#include "facts.h"

#include "kernel.h"

#include <slicepatch/site.h>

#include <cerrno>
#include <cstddef>
#include <dlfcn.h>

// glibc >= 2.35; other C libraries have neither. In an executable that is not position-independent some linkers (lld,
// mold 1.10) make the weak references 0 for good, though the dynamic loader has the symbols.
extern "C" __attribute__((weak)) const std::ptrdiff_t slicepatch_rseq_offset __asm__("__rseq_offset");
extern "C" __attribute__((weak)) const unsigned slicepatch_rseq_size __asm__("__rseq_size");
// tcmalloc/internal_malloc_extension.h
extern "C" __attribute__((weak)) bool MallocExtension_Internal_GetPerCpuCachesActive();

namespace slicepatch {

namespace {

/// libc's two variables; null where it has none.
const std::ptrdiff_t *libc_rseq_offset = &slicepatch_rseq_offset;
const unsigned *libc_rseq_size = &slicepatch_rseq_size;

// When the library is loaded, since init reads them under the loader's lock, where dlsym() would wait for a thread that
// waits for init. Before any constructor that may call slicepatch_init().
[[gnu::constructor(101)]] void find_libc_rseq()
{
    if (libc_rseq_offset && libc_rseq_size)
        return;
    libc_rseq_offset = static_cast<const std::ptrdiff_t *>(dlsym(RTLD_DEFAULT, "__rseq_offset"));
    libc_rseq_size = static_cast<const unsigned *>(dlsym(RTLD_DEFAULT, "__rseq_size"));
    if (!libc_rseq_offset || !libc_rseq_size)
        (void)dlerror(); // that libc has none is no error of the program that loads us
}

} // namespace

KernelFacts look_without_asking()
{
    KernelFacts facts{};
    facts.features = facts.state = -EINVAL;
    facts.rseq_offset = libc_rseq_offset ? *libc_rseq_offset : SLICEPATCH_RSEQ_OFFSET_NONE;
    facts.rseq_size = libc_rseq_size ? *libc_rseq_size : 0;
    facts.tcmalloc = MallocExtension_Internal_GetPerCpuCachesActive && MallocExtension_Internal_GetPerCpuCachesActive();
    return facts;
}

KernelFacts ask_kernel()
{
    KernelFacts facts = look_without_asking();
    facts.features = ask_features();
    facts.state = ask_state();
    return facts;
}

} // namespace slicepatch
