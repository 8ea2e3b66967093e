/* SPDX-License-Identifier: MIT */
/* What gets in the patcher's way: other tools' bytes, and systems that deny things. */
#include "compat_call.h"
#include "filters.h"
#include "site_bytes.h"
#include "subject.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Overwrites text as a debugger in the same process would: not through the library. */
static void overwrite(uintptr_t address, const uint8_t *bytes, size_t size)
{
    const uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)(address / page_size * page_size);
    const size_t length = 2 * page_size;
    if (mprotect(page, length, PROT_READ | PROT_WRITE | PROT_EXEC))
        unsupported("this system denies text that is writable and executable");
    memcpy((void *)address, bytes, size);
    if (mprotect(page, length, PROT_READ | PROT_EXEC))
        broken("mprotect");
}

/* breakpoint=NAME: on the ENTER of that label or function. */
static uint8_t bytes_under_breakpoint[8];

static void breakpoint(const char *name)
{
    const uintptr_t site = find_site(name, SLICEPATCH_SITE_ENTER);
    uint8_t bytes[8];
    memcpy(bytes_under_breakpoint, (const void *)site, sizeof bytes_under_breakpoint);
    overwrite(site, bytes, make_breakpoint(bytes));
}

static void remove_breakpoint(const char *name)
{
    overwrite(find_site(name, SLICEPATCH_SITE_ENTER), bytes_under_breakpoint, sizeof bytes_under_breakpoint);
}

static void hook(const char *name)
{
    const uintptr_t site = find_site(name, SLICEPATCH_SITE_EXIT);
    uint8_t bytes[8];
    overwrite(site, bytes, make_hook(bytes, (const uint8_t *)site));
}

/* kernel=none|off|unregistered|denied|sandbox|stock|strange: its answer to the slice extension's prctl. */
static void kernel(const char *name)
{
    static const struct {
        const char *name;
        int error;
    } kernels[] = {{"none", EINVAL},    {"off", 524}, {"unregistered", ENXIO}, {"denied", EPERM},
                   {"sandbox", ENOSYS}, {"stock", 0}, {"strange", EPROTO}};
    const int get = SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET;
    if (!strcmp(name, "none") && prctl(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, get, 0, 0, 0) < 0 && errno == EINVAL)
        return; /* that is what it says here */
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; ++i)
        if (!strcmp(kernels[i].name, name)) {
            if (fake_slice_kernel(kernels[i].error))
                unsupported("no seccomp filters here");
            return;
        }
    broken(name);
}

/* yield=ok|denied|missing|ERRNO: what system call 471 answers. */
static void yield_answer(const char *name)
{
    const int error = !strcmp(name, "denied")    ? EPERM
                      : !strcmp(name, "missing") ? ENOSYS
                      : !strcmp(name, "ok")      ? 0
                                                 : atoi(name);
    if (fake_yield(error))
        unsupported("no seccomp filters here");
}

/* rseq=ERRNO: what registering and unregistering an area answers; 0 is success. */
static void rseq_answer(const char *error)
{
    if (answer_with(SYS_rseq, 0, 0, 0, atoi(error)))
        unsupported("no seccomp filters here");
}

/* Kills whoever has anything to do with rseq. */
static void kill_rseq(const char *argument)
{
    (void)argument;
    if (filter_call(SYS_prctl, 0, UINT32_MAX, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, SECCOMP_RET_KILL_PROCESS) ||
        kill_for(SYS_rseq) || kill_for(SLICEPATCH_NR_RSEQ_SLICE_YIELD))
        unsupported("no seccomp filters here");
}

/* ---- sandboxes that kill: the table in examples/LIMITS.md of what a sandbox has to allow ---- */

#define ANY(number) \
    { \
        SYS_##number, 0, \
        { \
            {0, 0}, \
            { \
                0, 0 \
            } \
        } \
    }
#define WHERE(number, index, value, other, other_value) \
    { \
        SYS_##number, 1, \
        { \
            {index, value}, \
            { \
                other, other_value \
            } \
        } \
    }
#define SLICE_PRCTL(operation) WHERE(prctl, 0, SLICEPATCH_PR_RSEQ_SLICE_EXTENSION, 1, operation)

/* What this program, its libc and its threads need without the library; libc registers rseq areas of its own too. */
static const struct allowed_call calls_of_libc[] = {
    ANY(read),         ANY(write),
    ANY(exit),         ANY(exit_group),
    ANY(futex),        ANY(mmap),
    ANY(munmap),       ANY(mprotect),
    ANY(madvise),      ANY(brk),
    ANY(clone),        ANY(clone3),
    ANY(sched_yield),  ANY(newfstatat),
    ANY(fstat),        ANY(rt_sigprocmask),
    ANY(rt_sigaction), ANY(set_robust_list),
    ANY(getrandom),    WHERE(rseq, 2, 0, 2, 0),
};

#define PROCMAP_QUERY_CALL 0xc0686611 /* PROCMAP_QUERY of <linux/fs.h>, Linux 6.11: whether text is shared */

/* What init makes at every level, apart from rseq. */
static const struct allowed_call calls_of_init[] = {
    ANY(openat),        ANY(close),           ANY(pread64),
    ANY(pwrite64),      ANY(membarrier),      ANY(statfs),
    ANY(getpid),        ANY(gettid),          ANY(readlinkat),
    ANY(clock_gettime), ANY(clock_nanosleep), WHERE(ioctl, 1, PROCMAP_QUERY_CALL, 1, PROCMAP_QUERY_CALL),
#ifdef SYS_readlink // no newer architecture has it
    ANY(readlink),
#endif
};

static const struct allowed_call asks_kernel[] = {
    SLICE_PRCTL(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_GET),
    SLICE_PRCTL(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_FEATURES),
};
static const struct allowed_call enables[] = {SLICE_PRCTL(SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET)};
static const struct allowed_call yields[] = {{SLICEPATCH_NR_RSEQ_SLICE_YIELD, 0, {{0, 0}, {0, 0}}}};
static const struct allowed_call takes_over[] = {WHERE(rseq, 2, SLICEPATCH_RSEQ_FLAG_UNREGISTER, 2, 1)};
static const struct allowed_call registers[] = {WHERE(rseq, 2, SLICEPATCH_RSEQ_FLAG_SLICE_EXT_DEFAULT_ON, 1, 64)};
static const struct allowed_call seals[] = {ANY(seccomp), WHERE(prctl, 0, PR_SET_NO_NEW_PRIVS, 1, 1)};

static const struct {
    const char *name;
    const struct allowed_call *calls;
    size_t count;
} allowed_sets[] = {
#define SET(name) \
    { \
#name, name, sizeof name / sizeof *name \
    }
    SET(calls_of_libc), SET(calls_of_init), SET(asks_kernel), SET(enables),
    SET(yields),        SET(takes_over),    SET(registers),   SET(seals),
#undef SET
};

/* sandbox=SET+SET...: kills for what is in none of these sets and not libc's. */
static void enter_sandbox(const char *names)
{
    struct allowed_call all[64];
    size_t count = 0;
    for (size_t set = 0; set < sizeof allowed_sets / sizeof *allowed_sets; ++set)
        if (set == 0 || strstr(names, allowed_sets[set].name)) {
            memcpy(all + count, allowed_sets[set].calls, allowed_sets[set].count * sizeof *all);
            count += allowed_sets[set].count;
        }
    if (allow_alone(all, count))
        unsupported("no seccomp filters here");
}

/* What an EXIT does whose slice was granted: the call that this object was told. */
static void end_slice(const char *argument)
{
    (void)argument;
    const long answer = SLICEPATCH_ARCH_SYSCALL(slicepatch_object.yield_number);
    printf("slice=%s\n", answer >= 0 ? "ended" : "refused");
}

/* Kills whoever registers or unregisters an area. */
static void kill_registrations(const char *argument)
{
    (void)argument;
    if (kill_for(SYS_rseq))
        unsupported("no seccomp filters here");
}

/* seccomp=ERRNO: no more filters, by the call that the library makes. */
static void seccomp_answer(const char *error)
{
    if (answer_with(SYS_seccomp, 0, 0, 0, atoi(error)))
        unsupported("no seccomp filters here");
}

/* Without CAP_SYS_ADMIN, in a process that may still write to itself. */
static void lose_privileges(const char *argument)
{
    (void)argument;
    const uid_t nobody = 65534;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) || getuid() != 0 || setgroups(0, NULL) || setgid(nobody) ||
        setuid(nobody) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
        unsupported("needs root");
}

static void print_no_new_privs(const char *argument)
{
    (void)argument;
    printf("no_new_privs=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

/* The same requests by every system call interface that this process can use. */
static void revert_by_all_means(const char *argument)
{
    (void)argument;
    const unsigned set = SLICEPATCH_PR_RSEQ_SLICE_EXTENSION_SET, option = SLICEPATCH_PR_RSEQ_SLICE_EXTENSION;
    const unsigned unregister = SLICEPATCH_RSEQ_FLAG_UNREGISTER;
    printf("revert_native=%d\n", syscall(SYS_prctl, option, set, 0, 0, 0) ? errno : 0);
    printf("unregister_native=%d\n", syscall(SYS_rseq, 0, 0, unregister, 0) ? errno : 0);
    printf("revert_compat=%ld\n", -compat_call(SLICEPATCH_ARCH_COMPAT_NR_PRCTL, option, set, 0));
    printf("unregister_compat=%ld\n", -compat_call(SLICEPATCH_ARCH_COMPAT_NR_RSEQ, 0, 0, unregister));
    printf("enable_compat=%ld\n", -compat_call(SLICEPATCH_ARCH_COMPAT_NR_PRCTL, option, set, 1));
    printf("other_compat=%ld\n", -compat_call(SLICEPATCH_ARCH_COMPAT_NR_PRCTL, PR_GET_DUMPABLE, 0, 0));
    printf("revert_x32=%d\n", syscall(SYS_prctl | 0x40000000, option, set, 0, 0, 0) ? errno : 0);
}

/* What the kernel says of this thread's area where it has the extension. */
static void make_available(const char *argument)
{
    (void)argument;
    volatile struct slicepatch_rseq *area = slicepatch_rseq_();
    if (!area)
        unsupported("this libc registers no rseq area");
    area->flags |= SLICEPATCH_RSEQ_FLAG_SLICE_EXT_AVAILABLE;
}

/* Whether the kernel knows libc's area: it answers EBUSY to who registers it again (kernel/rseq.c). */
static void print_libc_area(const char *argument)
{
    (void)argument;
    const char *area = (const char *)SLICEPATCH_ARCH_THREAD_POINTER() + slicepatch_libc_rseq_offset_;
    const int answer = syscall(SYS_rseq, area, 32, 0, SLICEPATCH_ARCH_RSEQ_SIGNATURE) ? errno : 0;
    printf("libc_registered=%s\n", answer == EBUSY || answer == EINVAL ? "yes" : "no");
}

/* Where this object was told that libc's area is. */
static void print_told(const char *argument)
{
    (void)argument;
    const ptrdiff_t *const offset = dlsym(RTLD_DEFAULT, "__rseq_offset"); /* our own reference may be 0 */
    if (!offset)
        unsupported("this libc registers no rseq area");
    printf("told=%s\n", slicepatch_object.rseq_offset == *offset ? "libc's" : "another");
}

static void print_reference(const char *argument)
{
    (void)argument;
    printf("reference=%s\n", &slicepatch_libc_rseq_offset_ ? "libc's" : "none");
}

/* From here on nobody gets memory; until there is some again. */
static void *hoarded;

static void exhaust_memory(const char *argument)
{
    (void)argument;
    printf("exhausted=yes\n");
    fflush(stdout);
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_AS, &limit))
        unsupported("memory has no limit here");
    for (size_t size = (size_t)1 << 20; size >= sizeof(void *); size /= 2)
        for (void **block; (block = malloc(size)); hoarded = block)
            *block = hoarded;
}

static void replenish_memory(const char *argument)
{
    (void)argument;
    while (hoarded) {
        void *block = hoarded;
        hoarded = *(void **)block;
        free(block);
    }
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
}

/* PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, Linux 6.3. */
static void mdwe(const char *argument)
{
    (void)argument;
    const int set_mdwe = 65, refuse_exec_gain = 1;
    if (prctl(set_mdwe, refuse_exec_gain, 0, 0, 0))
        unsupported("this kernel has no PR_SET_MDWE");
}

/* The page of "first" is to be jumped to at landing pads alone: PROT_BTI of <asm/mman.h>. */
static void guard(const char *argument)
{
    (void)argument;
    const uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    const int prot_bti = 0x10;
    const uintptr_t page = find_site("first", SLICEPATCH_SITE_ENTER) / page_size * page_size;
    if (mprotect((void *)page, page_size, PROT_READ | PROT_EXEC | prot_bti))
        unsupported("this CPU, or its kernel, guards no text");
}

/* deny=rwx|r-x|r-x-by-any|procmem|membarrier|cpuid */
static void deny(const char *what)
{
    int failed = -1;
    if (!strcmp(what, "r-x") && syscall(SYS_pkey_mprotect, NULL, 0, PROT_NONE, -1) && errno == ENOSYS)
        unsupported("no pkey_mprotect here, so that one call is all"); /* arm64 before POE */
    if (!strcmp(what, "rwx"))
        failed = answer_with(SYS_mprotect, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC, EACCES);
    else if (!strncmp(what, "r-x", 3)) /* what makes text read-only again */
        failed = answer_with(SYS_mprotect, 2, UINT32_MAX, PROT_READ | PROT_EXEC, EACCES) ||
                 (what[3] && answer_with(SYS_pkey_mprotect, 2, UINT32_MAX, PROT_READ | PROT_EXEC, EACCES));
    else if (!strcmp(what, "procmem")) /* the only file that the library opens for writing */
        failed = answer_with(SYS_openat, 2, O_ACCMODE, O_RDWR, EACCES);
    else if (!strcmp(what, "membarrier"))
        failed = answer_with(SYS_membarrier, 0, 0, 0, EPERM);
#ifdef SYS_arch_prctl
    else if (!strcmp(what, "cpuid")) /* ARCH_GET_CPUID says that it faults */
        failed = answer_with(SYS_arch_prctl, 0, UINT32_MAX, 0x1011, 0);
#endif
    else
        broken(what);
    if (failed)
        unsupported("no seccomp filters here");
}

/* As nobody, in a process that nobody may look into: /proc/self/mem then belongs to root. */
static void undumpable(const char *argument)
{
    (void)argument;
    const uid_t nobody = 65534;
    if (getuid() == 0 && (setgroups(0, NULL) || setgid(nobody) || setuid(nobody)))
        unsupported("cannot become another user");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        broken("PR_SET_DUMPABLE");
    const int file = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    printf("procmem_opens=%s\n", file < 0 ? "no" : "yes");
    if (file >= 0)
        close(file);
}

static void print_dispositions(const char *argument)
{
    (void)argument;
    int all_default = 1;
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) {
        struct sigaction action;
        all_default = all_default && sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
    }
    printf("dispositions=%s\n", all_default ? "default" : "changed");
}

/* How the text is mapped now: its permissions, and whether it still is the file's. */
static void print_mapping(const char *argument)
{
    (void)argument;
    const uintptr_t text = find_site("first", SLICEPATCH_SITE_ENTER);
    FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t begin, end;
    char *line = NULL, permissions[5];
    size_t size = 0;
    while (maps && getline(&line, &size, maps) > 0)
        if (sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) == 3 && begin <= text && text < end)
            printf("text=%s %s\n", permissions, strchr(line, '/') ? "file" : "anonymous");
    free(line);
    if (maps)
        fclose(maps);
}

static void print_guard(const char *argument)
{
    (void)argument;
    const uintptr_t text = find_site("first", SLICEPATCH_SITE_ENTER);
    FILE *maps = fopen("/proc/self/smaps", "re");
    uintptr_t begin, end;
    char *line = NULL, permissions[5];
    size_t size = 0;
    int inside = 0;
    while (maps && getline(&line, &size, maps) > 0)
        if (sscanf(line, "%lx-%lx %4s", &begin, &end, permissions) == 3)
            inside = begin <= text && text < end;
        else if (inside && !strncmp(line, "VmFlags:", 8))
            printf("guarded=%s\n", strstr(line, " bt") ? "yes" : "no");
    free(line);
    if (maps)
        fclose(maps);
}

/* As nobody, who has no privileges. */
static void become_nobody(const char *argument)
{
    (void)argument;
    const uid_t nobody = 65534;
    if (getuid() == 0 && (setgroups(0, NULL) || setgid(nobody) || setuid(nobody) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)))
        unsupported("cannot become another user");
}

/* descriptors=N: no more files can be open at once. */
static void limit_descriptors(const char *count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        broken("getrlimit");
    limit.rlim_cur = strtoul(count, NULL, 10);
    if (setrlimit(RLIMIT_NOFILE, &limit))
        broken("setrlimit");
}

const struct verb obstacle_verbs[] = {
    {"breakpoint", breakpoint},
    {"remove-breakpoint", remove_breakpoint},
    {"hook", hook},
    {"kernel", kernel},
    {"yield", yield_answer},
    {"rseq", rseq_answer},
    {"sandbox", enter_sandbox},
    {"end-slice", end_slice},
    {"seccomp", seccomp_answer},
    {"kill-rseq", kill_rseq},
    {"kill-registrations", kill_registrations},
    {"unprivileged", lose_privileges},
    {"no-new-privs", print_no_new_privs},
    {"revert-by-all-means", revert_by_all_means},
    {"available", make_available},
    {"libc-area", print_libc_area},
    {"told", print_told},
    {"reference", print_reference},
    {"exhaust", exhaust_memory},
    {"replenish", replenish_memory},
    {"mdwe", mdwe},
    {"guard", guard},
    {"guarded", print_guard},
    {"deny", deny},
    {"undumpable", undumpable},
    {"dispositions", print_dispositions},
    {"mapping", print_mapping},
    {"nobody", become_nobody},
    {"descriptors", limit_descriptors},
    {NULL, NULL},
};
