// SPDX-License-Identifier: MIT
#include "kernel.h"

#include "patcher/library/base/memory_owner.h"

#include <slicepatch/abi.h>
#include <slicepatch/arch.h>

#include <cerrno>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

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

} // namespace

long ask_features()
{
    return slice_prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES, 0);
}

long ask_state()
{
    return slice_prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET, 0);
}

long set_state(unsigned long mask)
{
    return slice_prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, mask);
}

int enable_thread()
{
    return static_cast<int>(set_state(SLICEPATCH_PR_RSEQ_SLICE_EXT_ENABLE));
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

long install_filter(const sock_fprog *program)
{
    return system_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
}

long set_no_new_privs()
{
    return system_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
}

int find_yield_number()
{
    // It answers 0 or 1: whether there was a slice to end (rseq_slice_yield() in kernel/rseq.c). Whatever error it is,
    // a sandbox made it or the kernel lacks the call; any other system call ends a granted slice, and this one also
    // means the same.
    return system_call(SLICEPATCH_NR_RSEQ_SLICE_YIELD) < 0 ? SYS_sched_yield : SLICEPATCH_NR_RSEQ_SLICE_YIELD;
}

unsigned count_tasks()
{
    // A directory's link count is 2 and one for each entry that is a directory; here those are the threads, and proc
    // counts them at this very call (fs/proc/base.c, proc_task_getattr). In a proc, whichever namespace it is of,
    // "self" is a link that leads to the caller or nowhere (fs/proc/self.c); a folder of another kind
    // in its place says nothing.
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
