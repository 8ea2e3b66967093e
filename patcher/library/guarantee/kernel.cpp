// SPDX-License-Identifier: MIT
#include "kernel.h"

#include "patcher/library/base/memory_owner.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

// glibc >= 2.35; other C libraries have neither. In an executable that is not position-independent some linkers (lld,
// mold 1.10) make the weak references 0 for good, though the dynamic loader has the symbols.
extern "C" __attribute__((weak)) const std::ptrdiff_t slicepatch_rseq_offset __asm__("__rseq_offset");
extern "C" __attribute__((weak)) const unsigned slicepatch_rseq_size __asm__("__rseq_size");
// tcmalloc/internal_malloc_extension.h
extern "C" __attribute__((weak)) bool MallocExtension_Internal_GetPerCpuCachesActive();

namespace slicepatch {

namespace {

/// Puts back the caller's errno: nothing here may change it.
class ErrnoKeeper {
public:
    ~ErrnoKeeper()
    {
        errno = saved_;
    }

private:
    int saved_ = errno;
};

/// A system call that answers as the kernel does: a result, or a negative errno.
template <class... Arguments> long system_call(long number, Arguments... arguments)
{
    const ErrnoKeeper keeper;
    const long result = syscall(number, arguments...);
    return result == -1 ? -errno : result;
}

long slice_prctl(unsigned long operation, unsigned long argument)
{
    return system_call(SYS_prctl, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, operation, argument, 0UL, 0UL);
}

long set_state(unsigned long mask)
{
    return slice_prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, mask);
}

/// libc's two variables; null where it has none.
const std::ptrdiff_t *libc_rseq_offset = &slicepatch_rseq_offset;
const unsigned *libc_rseq_size = &slicepatch_rseq_size;

// When the library is loaded: under the loader's lock, where init reads them, dlsym() would wait for who waits for us.
// Before any constructor that may call slicepatch_init().
[[gnu::constructor(101)]] void find_libc_rseq()
{
    if (libc_rseq_offset && libc_rseq_size)
        return;
    libc_rseq_offset = static_cast<const std::ptrdiff_t *>(dlsym(RTLD_DEFAULT, "__rseq_offset"));
    libc_rseq_size = static_cast<const unsigned *>(dlsym(RTLD_DEFAULT, "__rseq_size"));
    if (!libc_rseq_offset || !libc_rseq_size)
        (void)dlerror(); // that libc has none is no error of whoever loads us
}

constexpr unsigned long enable = SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE;
constexpr unsigned long invariant = SLICEPATCH_PR_RSEQ_SLICE_EXT_INVARIANT;

bool has(long mask, unsigned long bits)
{
    return mask >= 0 && (static_cast<unsigned long>(mask) & bits) == bits;
}

constexpr const char *tcmalloc_reason =
    "tcmalloc's per-CPU caches own the rseq area (GLIBC_TUNABLES or tcmalloc settings free it)";
constexpr const char *locked_disabled_reason = "the process is locked in the disabled state";

/// Words for an answer that gives no guarantee. The answer decided; what libc says only explains it.
const char *refusal(long answer, const KernelFacts &facts)
{
    const bool legacy = facts.rseq_size && facts.rseq_size <= sizeof(slicepatch_rseq);
    switch (-answer) {
    case EINVAL:
        return "the kernel has no time slice extension (Linux 7.0 and later have it)";
    case SLICEPATCH_ENOTSUPP:
        if (facts.own_refusal)
            return facts.own_refusal;
        return legacy
                   ? "libc registered the legacy 32-byte rseq area, which cannot have it (glibc 2.41 and later can, or "
                     "SLICEPATCH_RSEQ=own), or the kernel has it switched off"
                   : "the kernel has it switched off (RSEQ_SLICE_EXTENSION not built, or rseq_slice_ext=0)";
    case ENXIO:
        return "no rseq area is registered for this thread";
    case EPERM:
        return "locked in the disabled state, or a sandbox denies the prctl";
    case ENOSYS:
        return "a sandbox denies the prctl";
    default:
        return nullptr;
    }
}

} // namespace

Guarantee make_guarantee(slicepatch_guarantee level, const char *reason)
{
    Guarantee guarantee{level, {}};
    std::snprintf(guarantee.reason, sizeof guarantee.reason, "%s", reason);
    return guarantee;
}

namespace {

Guarantee refused(long answer, const KernelFacts &facts)
{
    if (const char *reason = refusal(answer, facts))
        return make_guarantee(SLICEPATCH_GUARANTEE_NONE, reason);
    Guarantee guarantee{SLICEPATCH_GUARANTEE_NONE, {}};
    std::snprintf(guarantee.reason, sizeof guarantee.reason, "the kernel answers with error %ld", -answer);
    return guarantee;
}

Guarantee obtain_process(const KernelFacts &facts)
{
    // Repeating it is harmless, and only this answer is about this thread's own area too.
    const long answer = set_state(enable | invariant);
    if (answer == 0)
        return make_guarantee(SLICEPATCH_GUARANTEE_PROCESS,
                              "the kernel keeps it enabled for every thread until the process ends");
    if (answer == -EPERM)
        return make_guarantee(SLICEPATCH_GUARANTEE_NONE, locked_disabled_reason);
    return refused(answer, facts);
}

Guarantee obtain_thread(const KernelFacts &facts, bool series)
{
    const long answer = set_state(enable);
    if (answer != 0)
        return refused(answer, facts);
    if (facts.owned && !series)
        return make_guarantee(SLICEPATCH_GUARANTEE_THREAD,
                              "enabled for each thread as slicepatch registers it, and any code may revert it: "
                              "SLICEPATCH_SEAL=1 or a kernel with the slicepatch series would keep it");
    return make_guarantee(SLICEPATCH_GUARANTEE_THREAD,
                          series ? "enabled thread by thread: only the executable makes it permanent, and has not"
                                 : "enabled thread by thread, and any code may revert it: a kernel with the slicepatch "
                                   "series would guarantee it for the process");
}

} // namespace

long ask_state()
{
    return slice_prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET, 0);
}

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
    facts.features = slice_prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES, 0);
    facts.state = ask_state();
    return facts;
}

const char *process_obstacle(const KernelFacts &facts, const GuaranteeRequest &request)
{
    if (facts.tcmalloc)
        return tcmalloc_reason;
    if (!has(facts.features, enable | invariant)) {
        const char *reason = facts.state < 0 ? refusal(facts.state, facts) : nullptr;
        return reason ? reason : "the kernel lacks the slicepatch series, which alone keeps the state for the process";
    }
    if (has(facts.state, invariant))
        return has(facts.state, enable) ? nullptr : locked_disabled_reason;
    return request.lock ? nullptr
                        : "only the executable makes the state permanent, and has not (SLICEPATCH_LOCK=1 lets others)";
}

Guarantee obtain_guarantee(const KernelFacts &facts, const GuaranteeRequest &request)
{
    if (request.off)
        return make_guarantee(SLICEPATCH_GUARANTEE_NONE, "switched off by SLICEPATCH=off or an option");
    if (facts.tcmalloc)
        return make_guarantee(SLICEPATCH_GUARANTEE_NONE, tcmalloc_reason);
    if (facts.state < 0 && !has(facts.features, enable | invariant))
        return refused(facts.state, facts);
    // The kernel may answer for an area that somebody else registered, at a place that only he knows.
    if (facts.rseq_offset == SLICEPATCH_RSEQ_OFFSET_NONE || !facts.rseq_size)
        return make_guarantee(SLICEPATCH_GUARANTEE_NONE,
                              facts.own_refusal ? facts.own_refusal
                                                : "the C library registered no rseq area (glibc does, unless "
                                                  "glibc.pthread.rseq=0), and SLICEPATCH_RSEQ=libc forbids ours");
    const bool series = has(facts.features, enable | invariant);
    if (series && has(facts.state, invariant) && !has(facts.state, enable))
        return make_guarantee(SLICEPATCH_GUARANTEE_NONE, locked_disabled_reason);
    if (series && (request.lock || has(facts.state, enable | invariant)))
        return obtain_process(facts);
    return obtain_thread(facts, series);
}

int enable_thread()
{
    return static_cast<int>(set_state(enable));
}

namespace {

int rseq(std::int64_t offset, unsigned size, int flags)
{
    const std::uintptr_t area = SLICEPATCH_ARCH_THREAD_POINTER() + static_cast<std::uintptr_t>(offset);
    return static_cast<int>(system_call(SYS_rseq, area, size, flags, SLICEPATCH_ARCH_RSEQ_SIGNATURE));
}

} // namespace

int register_area(std::int64_t offset, unsigned size, bool enabled)
{
    return rseq(offset, size, enabled ? SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON : 0);
}

int unregister_area(std::int64_t offset, unsigned size)
{
    return rseq(offset, size, SLICEPATCH_RSEQ_FLAG_UNREGISTER);
}

namespace {

constexpr std::uint32_t argument_at(unsigned index)
{
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t)); // its low half
}

long install_filter(const sock_fprog *program)
{
    return system_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
}

/// no_new_privs cannot be unset, so it is set only where nothing but its lack keeps the filter out. 0 or -errno.
long install_with_least_privilege(const sock_fprog *program)
{
    // With CAP_SYS_ADMIN the kernel asks for no more (seccomp(2)); EACCES is what it says to others.
    const long answer = install_filter(program);
    if (answer != -EACCES)
        return answer;
    // A sandbox may say so too. Whoever does not refuse the call itself reads the program first.
    if (install_filter(nullptr) != -EFAULT)
        return answer;
    const long set = system_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
    return set == 0 ? install_filter(program) : set;
}

} // namespace

int seal_process()
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

int find_yield_number()
{
    // It answers 0 or 1: whether there was a slice to end (rseq_slice_yield() in kernel/rseq.c). Whatever error it is,
    // a sandbox made it or the kernel lacks the call; any other system call ends a granted slice, and this one also means
    // the same.
    return system_call(SLICEPATCH_NR_RSEQ_SLICE_YIELD) < 0 ? SYS_sched_yield : SLICEPATCH_NR_RSEQ_SLICE_YIELD;
}

unsigned count_tasks()
{
    // A directory's link count is 2 and one for each entry that is a directory; here those are the threads, and proc
    // counts them at this very call (fs/proc/base.c, proc_task_getattr). In a proc, whichever namespace it is of,
    // "self" is a link that leads to the caller or nowhere (fs/proc/self.c); what somebody put in its place says
    // nothing.
    const ErrnoKeeper keeper;
    struct statfs proc;
    struct stat self, task;
    if (statfs("/proc", &proc) != 0 || proc.f_type != PROC_SUPER_MAGIC || lstat("/proc/self", &self) != 0 ||
        !S_ISLNK(self.st_mode) || stat("/proc/self/task", &task) != 0 || task.st_nlink < 3)
        return 0;
    return static_cast<unsigned>(task.st_nlink - 2);
}

bool first_task_has_ended()
{
    // It has no memory any more, and so no program (fs/proc/base.c, proc_exe_link).
    const ErrnoKeeper keeper;
    char begin;
    return syscall(SYS_gettid) != getpid() && readlink("/proc/self/exe", &begin, sizeof begin) < 0 && errno == ENOENT;
}

bool single_threaded()
{
    return count_tasks() == 1 && !shares_memory();
}

} // namespace slicepatch
