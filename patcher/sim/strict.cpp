// SPDX-License-Identifier: MIT
#include "strict.h"

#include "context.h"
#include "settings.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

// Linux 5.11; older headers lack them
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif

// Async-signal-safe, glibc 2.35.
extern "C" int _dl_find_object(void *, struct dl_find_object *) noexcept __attribute__((weak));

// By the linker: where this object begins, and where its code ends.
extern "C" __attribute__((visibility("hidden"))) const char __ehdr_start[], etext[];

namespace slicepatch::sim {

namespace {

// Remembers the places that were reported; once the table is full, only the counter goes on.
bool is_first_report(uintptr_t pc)
{
    static uintptr_t reported[64];
    for (uintptr_t &slot : reported) {
        uintptr_t seen = __atomic_load_n(&slot, __ATOMIC_RELAXED);
        if (seen == 0 && __atomic_compare_exchange_n(&slot, &seen, pc, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
        if (seen == pc)
            return false;
    }
    return false;
}

// A line of text, cut where it is full.
class Line {
public:
    Line &operator<<(const char *text)
    {
        while (*text != '\0' && length_ < sizeof text_)
            text_[length_++] = *text++;
        return *this;
    }
    Line &add_number(unsigned long number, unsigned base)
    {
        char digits[24] = {};
        char *first = digits + sizeof digits - 1;
        do
            *--first = "0123456789abcdef"[number % base];
        while ((number /= base) != 0);
        return *this << first;
    }
    void print()
    {
        length_ -= length_ == sizeof text_;
        *this << "\n";
        write_error(text_, length_);
    }

private:
    char text_[512];
    size_t length_ = 0;
};

// The loaded object around pc, and where it begins. Not by dladdr(3), which waits for the dynamic linker's lock.
const char *find_object(uintptr_t pc, uintptr_t &begin, char *buffer, size_t size)
{
    dl_find_object found;
    if (&_dl_find_object == nullptr || _dl_find_object(reinterpret_cast<void *>(pc), &found) != 0)
        return "no object";
    begin = reinterpret_cast<uintptr_t>(found.dlfo_map_start);
    if (found.dlfo_link_map->l_name[0] != '\0')
        return found.dlfo_link_map->l_name;
    kernel_call(SYS_readlinkat, static_cast<unsigned long>(AT_FDCWD), reinterpret_cast<uintptr_t>("/proc/self/exe"),
                reinterpret_cast<uintptr_t>(buffer), size - 1);
    return buffer;
}

void print_report(uintptr_t pc, int number)
{
    char executable[256] = {};
    uintptr_t begin = 0;
    const char *object = find_object(pc, begin, executable, sizeof executable);
    Line line;
    line << "slicepatch sim: system call ";
    line.add_number(static_cast<unsigned long>(number), 10) << " inside a section, at pc 0x";
    line.add_number(pc, 16) << " (" << object << "+0x";
    line.add_number(pc - begin, 16) << ")";
    line.print();
}

} // namespace

void start_strict(const Thread &thread)
{
    if (!settings.strict || thread.area == nullptr)
        return;
    // The simulated kernel's own calls are never dispatched.
    if (kernel_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
                    reinterpret_cast<uintptr_t>(__ehdr_start), static_cast<unsigned long>(etext - __ehdr_start),
                    reinterpret_cast<uintptr_t>(&thread.area->slice_request)) != 0)
        fail("--strict needs system call user dispatch, which this machine does not offer");
}

void stop_strict()
{
    if (settings.strict)
        kernel_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF);
}

void report_section_call(const siginfo_t *information, ucontext_t *context)
{
    const Thread *thread = current_thread();
    if (thread != nullptr && thread->area != nullptr)
        thread->area->slice_request = 0;
    repeat_trapped_call(context);
    // The end of a signal handler that interrupted the section is no system call of the section.
    if (information->si_syscall == SYS_rt_sigreturn)
        return;
    count(&SharedCounters::section_syscalls);
    uintptr_t pc = interrupted_pc(context);
    if (is_first_report(pc))
        print_report(pc, information->si_syscall);
}

} // namespace slicepatch::sim
