/* SPDX-License-Identifier: MIT */
/*
 * slicepatch: time slice extensions for critical sections at the price of one store and two instructions.
 *
 *     SLICEPATCH_ENTER();                          ask for a longer slice, before the acquiring atomic
 *     while (atomic_exchange(&lock, 1)) ...
 *     critical section: short, no system call, no nesting
 *     atomic_store(&lock, 0);
 *     SLICEPATCH_EXIT();                           strictly after the releasing store
 *
 * and slicepatch_init(NULL, NULL) once, early in main(). See README.md for placement, and examples/LIMITS.md.
 *
 * C11 and C++20. The macros need this header alone; the functions need libslicepatch. Everything here may be used by an
 * executable and by its libraries at the same time: they compose.
 *
 * SLICEPATCH_DISABLE, defined before the include, compiles all marks to nothing and the functions to ones that say so.
 */
#ifndef SLICEPATCH_SLICEPATCH_H
#define SLICEPATCH_SLICEPATCH_H

#include <slicepatch/language.h>
#include <slicepatch/site.h>

#include <stddef.h>
#include <stdint.h>

/* ---- marks ------------------------------------------------------------------------------------------------------ */

/*
 * The two marks of a critical section. ENTER goes before the acquiring atomic; a failed attempt runs EXIT before it
 * waits. EXIT goes strictly after the releasing store: earlier, it might give the CPU away while holding the lock. Both
 * order memory for the compiler, which is enough: the kernel acts at an interrupt on the same CPU. Thread-safe: any
 * thread may run them at any time, before, during and after slicepatch_init(). Async-signal-safe, but a handler that
 * runs a section of its own ends the request of the section that it interrupted.
 *
 * label, a string literal without % { | } " \, names a group of sites: whatever is decided or goes wrong, all sites of
 * a label in an object share it. Sections that ENTER in one function and EXIT in another need a label.
 */
#define SLICEPATCH_ENTER() SLICEPATCH_ENTER_UNLABELLED_()
#define SLICEPATCH_EXIT() SLICEPATCH_EXIT_UNLABELLED_()
#define SLICEPATCH_ENTER_AS(label) SLICEPATCH_ENTER_LABELLED_("", label)
#define SLICEPATCH_EXIT_AS(label) SLICEPATCH_EXIT_LABELLED_("", label)

/*
 * The same for code that cannot know whether it is in a section already: only the outermost pair asks and yields, at
 * the price of a thread-local counter. One label for all of them, because any ENTER may meet any EXIT. Thread-safe and
 * async-signal-safe.
 *
 * An EXIT that has no ENTER in its thread, as where one thread takes a lock and another releases it, counts nothing and
 * yields nothing. The ENTER that it leaves behind in the other thread is found by the next one there: if that thread's
 * request is over, granted and taken back or never made, there is nothing that a nested pair would disturb, and the
 * count starts anew. A nested pair whose outer one was granted and then preempted asks again in the same way.
 */
#define SLICEPATCH_ENTER_OUTERMOST() SLICEPATCH_ENTER_OUTERMOST_AS("slicepatch.outermost")
#define SLICEPATCH_EXIT_OUTERMOST() SLICEPATCH_EXIT_OUTERMOST_AS("slicepatch.outermost")
#define SLICEPATCH_ENTER_OUTERMOST_AS(label) SLICEPATCH_ENTER_DEPTH_(label)
#define SLICEPATCH_EXIT_OUTERMOST_AS(label) SLICEPATCH_EXIT_DEPTH_(label)

/*
 * Whether this process extends slices: true after a slicepatch_init() that reached SLICEPATCH_GUARANTEE_THREAD or more,
 * unless this site was deselected. A patched branch, no load and no test; use it to choose larger code. Thread-safe and
 * async-signal-safe.
 */
#define slicepatch_enabled() SLICEPATCH_ENABLED_UNLABELLED_()
#define slicepatch_enabled_as(label) SLICEPATCH_ENABLED_LABELLED_(label)

/* What these are made of. */
#include <slicepatch/marks.h>

SLICEPATCH_BEGIN_C_

/* ---- start-up --------------------------------------------------------------------------------------------------- */

/* What the process may rely on, from now to its end. Ordered: a greater value promises more. */
enum slicepatch_guarantee {
    SLICEPATCH_GUARANTEE_NONE = 0,   /* no thread can have its slice extended; sites are no-ops */
    SLICEPATCH_GUARANTEE_THREAD = 1, /* stock Linux >= 7.0: enabled thread by thread, any code may revert it */
    SLICEPATCH_GUARANTEE_SEALED = 2, /* the same, and a seccomp filter of ours keeps any code from reverting it */
    SLICEPATCH_GUARANTEE_PROCESS = 3 /* every thread with a full rseq area, never reverts: a kernel with our series */
};

/*
 * "none", "thread", "sealed", "process"; "unknown" for any other value. Static storage. Thread-safe and
 * async-signal-safe.
 */
SLICEPATCH_API const char *slicepatch_guarantee_name(int guarantee);

enum slicepatch_option_flags {
    SLICEPATCH_OPTION_OFF = 1,     /* as SLICEPATCH=off: asks the kernel for nothing, sites become no-ops */
    SLICEPATCH_OPTION_REQUIRE = 2, /* as SLICEPATCH=require: below SLICEPATCH_GUARANTEE_PROCESS, fail with -EPERM */
    SLICEPATCH_OPTION_LOCK = 4,    /* as SLICEPATCH_LOCK=1: lock the state even when the caller is not the executable */
    SLICEPATCH_OPTION_ADOPT = 8,   /* as SLICEPATCH_LOCK=0: never lock the state, use what is found */
    SLICEPATCH_OPTION_LIVE = 16,   /* patch under running threads on CPUs where that is opt-in (examples/LIMITS.md) */
    SLICEPATCH_OPTION_OWN_RSEQ = 32, /* as SLICEPATCH_RSEQ=own: register areas of our own even if libc has its own */
    SLICEPATCH_OPTION_SEAL =
        64, /* as SLICEPATCH_SEAL=1: SLICEPATCH_GUARANTEE_SEALED instead of _THREAD, at its price */
    SLICEPATCH_OPTION_COUNT = 128 /* as SLICEPATCH_COUNT=1: what the kernel did at each site, in slicepatch_site_info */
};

/*
 * Both structs below may grow at their end, and say their size so that a program and a library of different ages
 * understand each other, as with clone3(2) and openat2(2):
 *   options  smaller than the first version: -EINVAL; what is missing counts as zero; what this library does not know
 *            must be zero, or init answers -E2BIG
 *   report   filled as far as it goes, a text that it cuts is terminated; what this library does not know becomes zero;
 *            -EINVAL where not even size and guarantee fit
 * A size above SLICEPATCH_STRUCT_SIZE_MAX was never set: -E2BIG.
 */
#define SLICEPATCH_OPTIONS_SIZE_0 16 /* sizeof(struct slicepatch_options) in its first version */
#define SLICEPATCH_REPORT_SIZE_MIN 8 /* size and guarantee */
#define SLICEPATCH_STRUCT_SIZE_MAX 4096

/* Zero-initialise, then set size. Strings stay the caller's and are only read during the call. */
struct slicepatch_options {
    uint32_t size;     /* sizeof(struct slicepatch_options) */
    uint32_t flags;    /* enum slicepatch_option_flags */
    const char *sites; /* as SLICEPATCH_SITES: "glob,-glob,..." over labels, the last match decides; NULL: all */
};

/* Filled by slicepatch_init() and slicepatch_get_report(). Counts are over all objects loaded at that time. */
struct slicepatch_report {
    uint32_t size;            /* in: sizeof(struct slicepatch_report); stays as it is */
    int32_t guarantee;        /* enum slicepatch_guarantee */
    uint32_t objects;         /* loaded objects that have sites */
    uint32_t sites;           /* = enabled + off + compiled + foreign */
    uint32_t enabled;         /* patched to the enabled form */
    uint32_t off;             /* patched to no-ops */
    uint32_t compiled;        /* left as compiled: correct, slower */
    uint32_t foreign;         /* bytes that nobody here wrote: left alone, together with their label group */
    uint32_t threads_enabled; /* where each thread has to be enabled (see below): how many slicepatch has so far */
    uint32_t threads_missed;  /* ... and how many are not: harmless, their requests are ignored */
    int32_t yield_number;     /* system call that ends a granted slice; not 471 where a sandbox denies that one */
    uint32_t duration_us;     /* of the last slicepatch_init(), microseconds */
    char writer[16];          /* how bytes were written: "procmem", "rwx" (some of them, at least), "live", "none" */
    char verifier[32];        /* what proved the encoded bytes: "Zydis", "assembler" */
    char reason[192];         /* why this guarantee, in words */
    char failure[192];        /* the first thing that went wrong with a site, then other things that were asked for and
                                 are not there (a seal, areas of our own, a selected name); empty if nothing is wrong */
};

/*
 * Where the guarantee is below PROCESS, or areas are slicepatch's own, each thread has to be enabled. slicepatch
 * enables the caller of slicepatch_init() and each thread as it starts, if the program starts threads through
 * libslicepatch (report->failure says if not), and touches no other. So threads_missed are the threads that existed at
 * the first slicepatch_init() besides its caller, also those that have ended since; each that calls
 * slicepatch_thread_init() is one less. It is SLICEPATCH_THREADS_UNKNOWN where nobody can count them: without a /proc
 * that shows this process, or where threads start unseen, or without a pause. The child of a fork() has one thread, and
 * counts from there.
 */
#define SLICEPATCH_THREADS_UNKNOWN UINT32_MAX

/*
 * Asks the kernel, then rewrites the sites of every loaded object in place. Call it early in main(), before threads
 * exist if possible; call it again after dlopen() to patch what came. Idempotent.
 *
 * Both pointers may be NULL. Returns 0 on success, which includes a guarantee of NONE: the program is then as correct
 * and about as fast as without slicepatch. Errors, after which every site that was not patched works as compiled; but
 * for
 * -EIO nothing was changed, neither a site nor libc's rseq area nor the kernel's state:
 *   -EINVAL  options contradict each other, or they or an environment variable cannot be understood (report->reason names
 *            it), or the size of report
 *   -E2BIG   options ask for something that this library is too old for, or a size is absurd
 *   -EPERM   required a guarantee that this process cannot have (report->reason says why)
 *   -ENOMEM  no memory for the list of sites
 *   -EIO     a site reads back differently from what was written (report->failure)
 *   -EDEADLK called from within itself: by a signal handler, or by a visitor of slicepatch_for_each_site()
 *   -EBUSY   called by a process that shares its memory with the one that started it, as the child of a vfork() does,
 *            or of a clone() with CLONE_VM: nothing was asked of the kernel, and nothing changed
 * That sites could not be written at all is not an error: they work as compiled, and report->failure says why. So do
 * sites in memory that is shared with other processes (MAP_SHARED): the guarantee is this process's alone.
 * Preserves errno. Thread-safe: concurrent calls wait for each other. Not async-signal-safe. No cancellation point, and
 * no asynchronous cancellation before it returns. Sends no signal, and costs the same beside any number of threads.
 *
 * Environment, ignored in a set-user-ID or otherwise AT_SECURE program; an empty variable is an unset one:
 *   SLICEPATCH=auto|off|require|compiled       off makes no system call about rseq; compiled does all but change sites
 *   SLICEPATCH_SITES=glob,-glob                as options->sites
 *   SLICEPATCH_RSEQ=auto|libc|own              whose rseq areas
 *   SLICEPATCH_LOCK=0|1, SLICEPATCH_SEAL=0|1, SLICEPATCH_LIVE=0|1
 *   SLICEPATCH_COUNT=0|1|report                1: cold blocks count what the kernel did, for slicepatch_for_each_site(),
 *                                              `slicepatch top` and `slicepatch dump --pid`; report: and the process says
 *                                              at its end on standard error what they counted, as a verbose one does
 *   SLICEPATCH_WRITER=auto|procmem|rwx
 *   SLICEPATCH_VERIFY=auto|decoder             decoder: a decoder proves the bytes, where one can be loaded; else they are
 *                                              those of two assemblers, or a decoder decides where these differ
 *   SLICEPATCH_VERBOSE=1                       the report, each failure and misspelt names on standard error, where
 *                                              otherwise nothing but the report of COUNT is written
 */
static inline int slicepatch_init(const struct slicepatch_options *options, struct slicepatch_report *report);

/*
 * The same for callers that cannot use this header: here is any address in the calling object, of code or of data. What
 * the object is decides who locks the state: the executable does by default, a library adopts what it finds, and so
 * does NULL.
 */
SLICEPATCH_API int slicepatch_init_from(const void *here, const struct slicepatch_options *options,
                                        struct slicepatch_report *report);

/*
 * As slicepatch_init_from(), for an executable: takes an rseq area, 64 bytes of each thread's static TLS, out of
 * libslicepatch.a, so that slicepatch can own the registration where libc has none or SLICEPATCH_RSEQ=own. The other
 * one does without; libslicepatch.so has one anyway.
 */
SLICEPATCH_API int slicepatch_init_from_executable(const void *here, const struct slicepatch_options *options,
                                                   struct slicepatch_report *report);

/*
 * Enables the calling thread where the guarantee is THREAD. Only needed by threads that were not started by
 * pthread_create(), thrd_create() or std::thread, and by those that a report counts as missed. Returns 0, or a negative
 * errno of the kernel's answer: -ENXIO where a vfork() child or a clone() without CLONE_SETTLS has its creator's thread
 * pointer, and with it an area that cannot serve both. The thread's TLS must outlive it. Preserves errno.
 * Async-signal-safe. No cancellation point.
 */
SLICEPATCH_API int slicepatch_thread_init(void);

/*
 * The report of the last slicepatch_init(), or one whose reason says that there was none, with threads counted up to
 * now. Returns 0, -EINVAL or -E2BIG for its size, -EDEADLK in a signal handler that interrupted this thread's
 * slicepatch_init(), or -EBUSY as slicepatch_init() does. Waits for one that runs in another thread. Not
 * async-signal-safe. No cancellation point.
 */
SLICEPATCH_API int slicepatch_get_report(struct slicepatch_report *report);

/*
 * The report as text into buffer, always terminated unless size is 0; returns the length that it needs, without the
 * terminator. Reads report->size bytes of the report at most; what is not there counts as zero or empty. Touches
 * nothing but its arguments: thread-safe. Not async-signal-safe.
 */
SLICEPATCH_API size_t slicepatch_report_text(const struct slicepatch_report *report, char *buffer, size_t size);

enum slicepatch_site_state {
    SLICEPATCH_STATE_COMPILED = 0,
    SLICEPATCH_STATE_ENABLED = 1,
    SLICEPATCH_STATE_OFF = 2,
    SLICEPATCH_STATE_FOREIGN = 3
};

/*
 * "compiled", "enabled", "off", "foreign"; "unknown" for any other value. Static storage. Thread-safe and
 * async-signal-safe.
 */
SLICEPATCH_API const char *slicepatch_state_name(int state);

/* One site, as it is in memory now. The strings belong to the object that holds the site. */
struct slicepatch_site_info {
    const char *object; /* file name of the object; "" for the executable */
    const char *label;  /* NULL: belongs to the function it was compiled into */
    const char *file;
    uint32_t line;
    uint8_t kind;      /* SLICEPATCH_SITE_... */
    uint8_t state;     /* enum slicepatch_site_state */
    uintptr_t address; /* of the first byte */
    /*
     * Of an EXIT, since SLICEPATCH_COUNT=1 or its option, in this process and in those that it has forked since; else 0.
     * How often a slice that was granted to a section that ends here was given back, and how often it was lost before:
     * expired, revoked, or ended by a system call or by the section of a signal handler; an enabled EXIT of arm64 sees only
     * those that were lost as it ran, since it looks at the grant and not at the request. And how often the EXIT was
     * reached while the kernel had done nothing, which only a compiled one can tell: the runs of such a site are the sum.
     * Nothing is counted in what gcc 10 and older compile for x86-64. Other threads count meanwhile, so that numbers of
     * different sites may be a moment apart.
     */
    uint64_t yielded;
    uint64_t lost;
    uint64_t reached;
};

/*
 * Calls visit for each site of every loaded object until it returns something other than 0, and returns that. Holds the
 * loader's lock: visit must not call dlopen(), dlclose() or slicepatch_init(), nor wait for a thread that does, and
 * must return. -EINVAL if an object's table is malformed, -ENOMEM if there is no memory for the list of sites, -EDEADLK
 * in a signal handler that interrupted this thread's slicepatch_init(), -EBUSY as slicepatch_init() does. Preserves
 * errno. Thread-safe: waits for a slicepatch_init() that runs. Not async-signal-safe. No cancellation point; nor is any
 * in visit, which runs with cancellation disabled.
 */
SLICEPATCH_API int slicepatch_for_each_site(int (*visit)(const struct slicepatch_site_info *site, void *data),
                                            void *data);

/*
 * Calls slicepatch_init(NULL, NULL) before main(): write it once at file scope, outside every function. What became of
 * it is in slicepatch_get_report().
 */
#if SLICEPATCH_SUPPORTED
#define SLICEPATCH_INIT_AT_START() \
    __attribute__((__constructor__, __used__)) static void slicepatch_init_at_start_(void) \
    { \
        (void)slicepatch_init(SLICEPATCH_NULL_, SLICEPATCH_NULL_); \
    } \
    SLICEPATCH_STATIC_ASSERT_(1, "takes the semicolon")
#else
#define SLICEPATCH_INIT_AT_START() SLICEPATCH_STATIC_ASSERT_(1, "takes the semicolon")
#include <slicepatch/disabled.h>
#endif

/* ---- how slicepatch_init() knows its caller --------------------------------------------------------------------- */

/* Code for shared objects is compiled with __PIC__ alone. An executable of such code links with -Wl,-u,FUNCTION. */
#if defined(__PIC__) && !defined(__PIE__)
#define SLICEPATCH_INIT_FROM_ slicepatch_init_from
#else
#define SLICEPATCH_INIT_FROM_ slicepatch_init_from_executable
#endif

/* An address in the calling object: a return address would be the caller's caller's after a tail call. */
SLICEPATCH_INLINE_ const void *slicepatch_here_(void)
{
    static const char here = 0;
    return &here;
}

static inline int slicepatch_init(const struct slicepatch_options *options, struct slicepatch_report *report)
{
    return SLICEPATCH_INIT_FROM_(slicepatch_here_(), options, report);
}
#ifndef __cplusplus
/* Also in inline functions with external linkage, which must not call a static one. */
#define slicepatch_init(...) SLICEPATCH_INIT_FROM_(slicepatch_here_(), __VA_ARGS__)
#endif

SLICEPATCH_END_C_

#endif /* SLICEPATCH_SLICEPATCH_H */
