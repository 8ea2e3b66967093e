// SPDX-License-Identifier: MIT
#include "memory_owner.h"

#include <asm/param.h>
#include <cstddef>
#include <cstdint>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch {

namespace {

// Room for a page that holds nothing else, on kernels with pages of any size. Never touched as a whole.
constinit std::uint8_t room[2 * EXEC_PAGESIZE];

std::uintptr_t page_size()
{
    return static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

OwnerState &owner_state()
{
    const auto begin = reinterpret_cast<std::uintptr_t>(room);
    return *std::launder(reinterpret_cast<OwnerState *>((begin + page_size() - 1) & ~(page_size() - 1)));
}

bool shares_memory()
{
    const pid_t own = getpid();
    pid_t owner = 0;
    return !owner_state().process.compare_exchange_strong(owner, own) && owner != own;
}

namespace {

void own_copied_memory()
{
    OwnerState &state = owner_state();
    state.init_holder.store(0);
    state.init_waiters.store(0);
    state.process.store(getpid());
}

/// Before a constructor that may call slicepatch_init(), and before main() may start a child.
[[gnu::constructor(101)]] void own_loaded_memory()
{
    // Linux 4.14. The handler names the owner before a child of the child can, and does the whole work where that is
    // refused; the child of a bare clone() then takes itself for a guest, which is the safe mistake.
    (void)madvise(&owner_state(), page_size(), MADV_WIPEONFORK);
    (void)pthread_atfork(nullptr, nullptr, own_copied_memory);
    (void)shares_memory();
}

} // namespace

} // namespace slicepatch
