// SPDX-License-Identifier: MIT
#include "seal.h"

#include "area.h"
#include "kernel.h"
#include "threads.h"

#include <slicepatch/abi.h>
#include <slicepatch/arch.h>

#include <cerrno>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

namespace slicepatch {

namespace {

constexpr std::uint32_t argument_at(unsigned index)
{
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t)); // its low half
}

/// no_new_privs cannot be unset, so it is set only where nothing but its lack keeps the filter out. 0 or -errno.
long install_with_least_privilege(const sock_fprog *program)
{
    // With CAP_SYS_ADMIN the kernel asks for no more (seccomp(2)); EACCES is what it says to others.
    const long answer = install_filter(program);
    if (answer != -EACCES)
        return answer;
    // A sandbox may answer EACCES as well. The kernel reads the program first, and says so of a null one.
    if (install_filter(nullptr) != -EFAULT)
        return answer;
    const long set = set_no_new_privs();
    return set == 0 ? install_filter(program) : set;
}

/// 0 or -errno; -ESRCH where a thread has filters of its own that this one cannot join.
int install_seal()
{
    // if (arch is ours)                X = number of prctl, Y = number of rseq
    // else if (arch is its 32-bit one) X, Y = the numbers that that one has
    // else EPERM;
    // if (nr == X && args[0] == 79 && args[1] == SET && !(args[2] & ENABLE)) EPERM;
    // if (nr == Y && args[2] & UNREGISTER) EPERM;
    // allow;
    constexpr std::uint32_t number_at = offsetof(seccomp_data, nr), arch_at = offsetof(seccomp_data, arch);
    constexpr std::uint32_t x32_bit = 0x40000000; // x32 has the same numbers with this bit set
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch_at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_ARCH_AUDIT, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~x32_bit),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rseq, 10, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_ARCH_COMPAT_AUDIT, 0, 12),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_ARCH_COMPAT_NR_PRCTL, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_ARCH_COMPAT_NR_RSEQ, 6, 8),
        // prctl
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at(1)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at(2)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE, 2, 3),
        // rseq
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at(2)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SLICEPATCH_RSEQ_FLAG_UNREGISTER, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    const sock_fprog program{sizeof code / sizeof *code, code};
    const long answer = install_with_least_privilege(&program);
    return answer > 0 ? -ESRCH : static_cast<int>(answer);
}

/// Null, or why this process cannot be sealed.
const char *seal_obstacle()
{
    if (!owns_areas())
        return "libc's registration cannot be sealed";
    if (gives_areas_back())
        return "threads of this C library have to give their areas back before they end";
    if (!threads_are_hooked())
        return "threads that start later do not pass through this copy of the library";
    return count_threads().missed ? "other threads existed at the first init, or cannot be counted: a process is "
                                    "sealed while it has one"
                                  : nullptr;
}

} // namespace

const char *seal_process()
{
    static bool sealed = false; // children inherit the filter, as they inherit the areas
    if (sealed)
        return nullptr;
    if (const char *obstacle = seal_obstacle())
        return obstacle;
    const int answer = install_seal();
    sealed = answer == 0;
    return sealed             ? nullptr
           : answer == -ESRCH ? "a thread has a seccomp filter of its own"
                              : "the kernel or a sandbox refuses the filter";
}

} // namespace slicepatch
