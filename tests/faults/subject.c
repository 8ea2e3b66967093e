// SPDX-License-Identifier: MIT
//
// Calls slicepatch_init() where a tracer lets one system call fail, then looks at what it left: says one line for each
// thing that is not as it was, or that does not work, and ends with status 1 if there is one. With the argument
// "threads", another thread runs sections all the while.
#include "region.h"

#include <slicepatch/slicepatch.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool failed;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    failed = true;
}

// ---- sections: a pair in one function, a pair by label in two, and a branch ----

#define NOINLINE __attribute__((noinline))

NOINLINE static void enter(void)
{
    SLICEPATCH_ENTER_AS("faults.labelled");
}
NOINLINE static void leave(void)
{
    SLICEPATCH_EXIT_AS("faults.labelled");
}
NOINLINE static void both(void)
{
    SLICEPATCH_ENTER();
    __asm__ volatile("" : : : "memory");
    SLICEPATCH_EXIT();
}
static volatile int answers[2];

NOINLINE static void branch(void)
{
    if (slicepatch_enabled())
        ++answers[1];
    else
        ++answers[0];
}

/* The calling thread's request byte, where the sites of this program have it; null where they have none. */
extern const ptrdiff_t libc_offset __asm__("__rseq_offset") __attribute__((weak));

static const volatile uint8_t *request_byte(void)
{
    int64_t offset = slicepatch_object.rseq_offset;
    if (offset == SLICEPATCH_RSEQ_OFFSET_LIBC)
        offset = &libc_offset ? libc_offset : SLICEPATCH_RSEQ_OFFSET_NONE;
    if (offset == SLICEPATCH_RSEQ_OFFSET_NONE)
        return NULL;
    return (const volatile uint8_t *)(SLICEPATCH_ARCH_THREAD_POINTER() + (unsigned long)offset +
                                      offsetof(struct slicepatch_rseq, slice_request));
}

static void run_sections(void)
{
    const volatile uint8_t *request = request_byte();
    both();
    if (request && *request)
        complain("a request is left behind a section of one function");
    enter();
    leave();
    if (request && *request)
        complain("a request is left behind a section of two functions");
    branch();
}

static atomic_bool stop;
static atomic_int started;

static void *run_until_stopped(void *data)
{
    (void)data;
    atomic_store(&started, 1);
    while (!atomic_load(&stop)) {
        both();
        enter();
        leave();
    }
    return NULL;
}

// ---- what must not change ----

enum { most_files = 64, most_mappings = 512 };

struct mapping {
    uintptr_t begin, end;
    char permissions[5];
};

struct surroundings {
    sigset_t mask;
    int cancel_state, cancel_type;
    bool files[most_files];
    size_t mapping_count;
    struct mapping mappings[most_mappings]; /* those that are executable */
};

static void read_mappings(struct surroundings *now)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t size = 0;
    now->mapping_count = 0;
    while (maps && getline(&line, &size, maps) > 0 && now->mapping_count < most_mappings) {
        struct mapping *mapping = &now->mappings[now->mapping_count];
        if (sscanf(line, "%lx-%lx %4s", &mapping->begin, &mapping->end, mapping->permissions) == 3 &&
            (mapping->permissions[2] == 'x'))
            ++now->mapping_count;
    }
    free(line);
    if (!maps || fclose(maps) != 0)
        complain("the mappings cannot be read");
}

static void look_around(struct surroundings *now)
{
    memset(now, 0, sizeof *now);
    sigprocmask(SIG_SETMASK, NULL, &now->mask);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &now->cancel_state);
    pthread_setcancelstate(now->cancel_state, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &now->cancel_type);
    pthread_setcanceltype(now->cancel_type, NULL);
    for (int file = 0; file < most_files; ++file)
        now->files[file] = fcntl(file, F_GETFD) >= 0;
    read_mappings(now);
}

/* Whether [begin, end) has these permissions now, in however many mappings. */
static bool has_permissions(const struct surroundings *now, uintptr_t begin, uintptr_t end, const char *permissions)
{
    for (size_t i = 0; i < now->mapping_count; ++i) {
        const struct mapping *mapping = &now->mappings[i];
        if (begin < mapping->begin || begin >= mapping->end)
            continue;
        if (memcmp(mapping->permissions, permissions, 3) != 0)
            return false;
        begin = mapping->end;
        if (begin >= end)
            return true;
    }
    return false;
}

static void compare(const struct surroundings *before, const struct surroundings *after, bool protection_may_be_lost)
{
    for (int signal = 1; signal < NSIG; ++signal)
        if (sigismember(&before->mask, signal) != sigismember(&after->mask, signal)) {
            complain("the mask of signals has changed, first for signal %d", signal);
            break;
        }
    if (before->cancel_state != after->cancel_state || before->cancel_type != after->cancel_type)
        complain("the cancellation state has changed");
    for (int file = 0; file < most_files; ++file)
        if (before->files[file] != after->files[file])
            complain("descriptor %d is %s", file, after->files[file] ? "left open" : "closed");
    for (size_t i = 0; i < before->mapping_count; ++i) {
        const struct mapping *mapping = &before->mappings[i];
        if (!has_permissions(after, mapping->begin, mapping->end, mapping->permissions) && !protection_may_be_lost)
            complain("text at %#lx is no longer %s", mapping->begin, mapping->permissions);
    }
}

// ---- the states of the sites ----

struct counts {
    unsigned states[4];                   /* by enum slicepatch_site_state */
    unsigned labelled[3][4], plain[3][4]; /* by kind - 1 and state */
};

static int count_site(const struct slicepatch_site_info *site, void *data)
{
    struct counts *counts = data;
    ++counts->states[site->state];
    ++(site->label ? counts->labelled : counts->plain)[site->kind - 1][site->state];
    return 0;
}

/* An EXIT that does nothing while an ENTER of its group may ask leaves the request set. */
static void check_group(unsigned counts[3][4], const char *name)
{
    const unsigned *enters = counts[SLICEPATCH_SITE_ENTER - 1], *exits = counts[SLICEPATCH_SITE_EXIT - 1];
    if (exits[SLICEPATCH_STATE_OFF] && (enters[SLICEPATCH_STATE_ENABLED] || enters[SLICEPATCH_STATE_COMPILED]))
        complain("an EXIT of the %s group is off and an ENTER is not", name);
}

static struct counts count_states(void)
{
    struct counts counts = {{0}, {{0}}, {{0}}};
    const int answer = slicepatch_for_each_site(count_site, &counts);
    if (answer)
        complain("slicepatch_for_each_site() answers %d", answer);
    if (counts.states[SLICEPATCH_STATE_FOREIGN])
        complain("%u sites are foreign", counts.states[SLICEPATCH_STATE_FOREIGN]);
    check_group(counts.labelled, "labelled");
    check_group(counts.plain, "plain");
    return counts;
}

static bool all_are(const struct counts *counts, const char *expected)
{
    const unsigned sites = counts->states[0] + counts->states[1] + counts->states[2] + counts->states[3];
    const unsigned found = counts->states[!strcmp(expected, "enabled") ? SLICEPATCH_STATE_ENABLED
                                          : !strcmp(expected, "off")   ? SLICEPATCH_STATE_OFF
                                                                       : SLICEPATCH_STATE_COMPILED];
    return sites == 5 && found == sites;
}

// ---- the run ----

static void mark(long which)
{
    (void)syscall(REGION_CALL, which);
}

static int init(struct slicepatch_report *report)
{
    const int marker = 12345;
    memset(report, 0, sizeof *report);
    report->size = sizeof *report;
    mark(REGION_BEGIN);
    errno = marker;
    const int answer = slicepatch_init(NULL, report);
    const int left = errno;
    mark(REGION_END);
    if (left != marker)
        complain("errno is %d behind init", left);
    return answer;
}

/* A child can be made, and what it inherits works there. */
static void check_fork(void)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        failed = false; // of its own
        run_sections();
        _exit(failed);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        complain("a child ends with status %#x", status);
}

static void *run_once(void *data)
{
    run_sections();
    return data;
}

/* What the report says is what is there; and that something failed is said. */
static void check_report(const struct slicepatch_report *report, const struct counts *counts, int answer,
                         bool as_expected, int expected_guarantee)
{
    if (report->compiled != counts->states[SLICEPATCH_STATE_COMPILED] ||
        report->enabled != counts->states[SLICEPATCH_STATE_ENABLED] ||
        report->off != counts->states[SLICEPATCH_STATE_OFF])
        if (report->sites) /* 0: init did not get that far */
            complain("the report counts %u compiled, %u enabled, %u off", report->compiled, report->enabled,
                     report->off);
    if (!*report->reason)
        complain("the report has no reason");
    const bool told = answer < 0 || *report->failure || report->guarantee != expected_guarantee;
    if (!as_expected && !told)
        complain("it is not as expected, and the report does not say why");
}

/*
 * subject alone|threads STATE ANSWER GUARANTEE: the state of all sites, init's answer and the guarantee when nothing
 * fails.
 */
int main(int argc, char **argv)
{
    static struct surroundings before, after;
    static struct slicepatch_report report;
    const bool with_thread = argc > 1 && !strcmp(argv[1], "threads");
    const char *expected = argc > 2 ? argv[2] : "off";
    const int expected_answer = argc > 3 ? atoi(argv[3]) : 0;
    pthread_t thread;
    if (with_thread) {
        if (pthread_create(&thread, NULL, run_until_stopped, NULL) != 0)
            return 2;
        while (!atomic_load(&started))
            usleep(100);
    }
    run_sections();
    look_around(&before);
    const int answer = init(&report);
    look_around(&after);
    const struct counts counts = count_states();
    const bool as_expected = all_are(&counts, expected) && answer == expected_answer;
    const int expected_guarantee = argc > 4 ? atoi(argv[4]) : 0;
    check_report(&report, &counts, answer, as_expected, expected_guarantee);
    compare(&before, &after, strstr(report.failure, "writable") != NULL);
    run_sections();
    check_fork();
    if (with_thread) {
        atomic_store(&stop, true);
        pthread_join(thread, NULL);
    } else if (pthread_create(&thread, NULL, run_once, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        complain("no thread starts");
    }
    /* And again, where nothing fails. */
    static struct slicepatch_report second;
    const int again = init(&second);
    const struct counts later = count_states();
    run_sections();
    if (again != expected_answer || (!all_are(&later, expected) && as_expected))
        complain("it cannot be done again");
    printf("answer %d, states %u %u %u, guarantee %d, reason \"%s\", failure \"%s\"; again %d, states %u %u %u\n",
           answer, counts.states[0], counts.states[1], counts.states[2], report.guarantee, report.reason,
           report.failure, again, later.states[0], later.states[1], later.states[2]);
    return failed;
}
