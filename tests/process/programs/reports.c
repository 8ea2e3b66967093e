/* SPDX-License-Identifier: MIT */
/* What the library says, and what the memory says. */
#include "site_bytes.h"
#include "subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* With room behind them for fields that nobody knows yet. */
static union {
    struct slicepatch_options known;
    unsigned char bytes[8192];
} options;
static int has_options;

static void print_report(const struct slicepatch_report *report)
{
    printf("guarantee=%d\nobjects=%u\nsites=%u\nenabled=%u\noff=%u\ncompiled=%u\nforeign=%u\n", (int)report->guarantee,
           report->objects, report->sites, report->enabled, report->off, report->compiled, report->foreign);
    printf("threads_enabled=%u\n", report->threads_enabled);
    if (report->threads_missed == SLICEPATCH_THREADS_UNKNOWN)
        printf("threads_missed=unknown\n");
    else
        printf("threads_missed=%u\n", report->threads_missed);
    printf("yield_number=%d\n", (int)report->yield_number);
    printf("writer=%s\nverifier=%s\nreason=%s\nfailure=%s\n", report->writer, report->verifier, report->reason,
           report->failure);
}

static void init(const char *argument)
{
    (void)argument;
    struct slicepatch_report report = {.size = sizeof report};
    const int unusual = 4242;
    errno = unusual;
    const int answer = slicepatch_init(has_options ? &options.known : NULL, &report);
    const int after = errno;
    printf("answer=%d\nerrno=%s\n", answer, after == unusual ? "kept" : "changed");
    print_report(&report);
}

static void init_without_report(const char *argument)
{
    (void)argument;
    printf("answer=%d\n", slicepatch_init(has_options ? &options.known : NULL, NULL));
}

/* A report of a program that is older or newer than the library: the room behind it is not the library's. */
static union {
    struct slicepatch_report report;
    unsigned char bytes[8192];
} room;

static const unsigned char unwritten = 0xee;

static struct slicepatch_report *sized_report(const char *size)
{
    memset(&room, unwritten, sizeof room);
    room.report.size = *size ? (uint32_t)strtoul(size, NULL, 10) : sizeof room.report;
    return &room.report;
}

static int are_all(unsigned char value, size_t from, size_t to)
{
    while (from < to && room.bytes[from] == value)
        ++from;
    return from >= to;
}

static void print_sized_report(int answer)
{
    const size_t size = room.report.size, known = size < sizeof room.report ? size : sizeof room.report;
    const size_t end = size < sizeof room.report.size ? sizeof room.report.size : size;
    printf("answer=%d\n", answer);
    printf("behind=%s\n", are_all(unwritten, end, sizeof room) ? "untouched" : "written");
    if (answer)
        return;
    printf("size=%zu\nrest=%s\n", size, are_all(0, known, size) ? "zero" : "left");
    char text[2048];
    slicepatch_report_text(&room.report, text, sizeof text);
    printf("%s", text);
    memset(room.bytes + known, 0, sizeof room - known);
    print_report(&room.report);
}

static void init_with_report(const char *size)
{
    print_sized_report(slicepatch_init(NULL, sized_report(size)));
}

static void get_report(const char *size)
{
    print_sized_report(slicepatch_get_report(sized_report(size)));
}

static void print_text(const char *argument)
{
    (void)argument;
    struct slicepatch_report report = {.size = sizeof report};
    char text[2048], cut[10];
    if (slicepatch_get_report(&report))
        broken("slicepatch_get_report");
    const size_t needed = slicepatch_report_text(&report, text, sizeof text);
    const size_t again = slicepatch_report_text(&report, cut, sizeof cut);
    printf("%slength=%s\ncut=%s\n", text, needed == strlen(text) && again == needed ? "right" : "wrong", cut);
}

/* flags=N, sites=GLOB, size=N, byte=OFFSET: options for the inits behind them. */
static void begin_options(void)
{
    if (!has_options)
        options.known.size = sizeof options.known;
    has_options = 1;
}
static void set_flags(const char *value)
{
    begin_options();
    options.known.flags = (uint32_t)strtoul(value, NULL, 0);
}
static void set_sites(const char *value)
{
    begin_options();
    options.known.sites = value;
}
static void set_size(const char *value)
{
    begin_options();
    options.known.size = (uint32_t)strtoul(value, NULL, 0);
}
static void set_byte(const char *offset)
{
    begin_options();
    options.bytes[strtoul(offset, NULL, 0) % sizeof options] = 1;
}

/* A record that is not trusted has no file name, and its address may be anything. */
static int is_trusted(const struct slicepatch_site_info *site)
{
    return *site->file != 0;
}

static const char *site_name(const struct slicepatch_site_info *site)
{
    if (!is_trusted(site))
        return "untrusted";
    return site->label ? site->label : function_at(site->address);
}

static int print_site(const struct slicepatch_site_info *site, void *data)
{
    static const char *const kinds[] = {"?", "enter", "exit", "branch"};
    static const char *const states[] = {"compiled", "enabled", "off", "foreign"};
    unsigned *count = data;
    ++*count;
    printf("site=%s %s %s ", site_name(site), kinds[is_trusted(site) ? site->kind : 0], states[site->state]);
    for (size_t i = 0; is_trusted(site) && i < site_size(site->kind); ++i)
        printf("%02x", ((const uint8_t *)site->address)[i]);
    printf("\n");
    return 0;
}

static void print_states(const char *argument)
{
    (void)argument;
    unsigned count = 0;
    const int answer = slicepatch_for_each_site(print_site, &count);
    if (&slicepatch_libc_rseq_offset_)
        printf("slice_ctrl=%ld\n", (long)slicepatch_libc_rseq_offset_ + 28);
    printf("visited=%d\nvisited_sites=%u\n", answer, count);
}

struct wanted {
    const char *name;
    uint8_t kind;
    uintptr_t address;
};

static int match_site(const struct slicepatch_site_info *site, void *data)
{
    struct wanted *wanted = data;
    if (site->kind != wanted->kind || strcmp(site_name(site), wanted->name))
        return 0;
    wanted->address = site->address;
    return 1;
}

uintptr_t find_site(const char *name, uint8_t kind)
{
    struct wanted wanted = {name, kind, 0};
    if (slicepatch_for_each_site(match_site, &wanted) != 1)
        broken(name);
    return wanted.address;
}

static int stop_at_third(const struct slicepatch_site_info *site, void *data)
{
    (void)site;
    return ++*(int *)data == 3 ? 99 : 0;
}

static void stop_early(const char *argument)
{
    (void)argument;
    int count = 0;
    printf("stopped=%d\n", slicepatch_for_each_site(stop_at_third, &count));
    printf("stopped_after=%d\n", count);
}

/* The request byte itself, whatever the library says about touching it. */
static volatile uint8_t *request_byte(void)
{
    if (!&slicepatch_libc_rseq_offset_)
        unsupported("this libc registers no rseq area");
    const unsigned long area = SLICEPATCH_ARCH_THREAD_POINTER() + (unsigned long)slicepatch_libc_rseq_offset_;
    return (volatile uint8_t *)(area + offsetof(struct slicepatch_rseq, slice_request));
}

/* mark: leaves a request that no section made; marked: whether it is still there. */
static void mark(const char *argument)
{
    (void)argument;
    *request_byte() = 1;
}

static void print_mark(const char *argument)
{
    (void)argument;
    printf("marked=%s\n", *request_byte() ? "yes" : "no");
}

extern const unsigned libc_rseq_size __asm__("__rseq_size") __attribute__((weak));

static void print_legacy(const char *argument)
{
    (void)argument;
    printf("legacy=%s\n", &libc_rseq_size && libc_rseq_size && libc_rseq_size <= 32 ? "yes" : "no");
}

static void print_secure(const char *argument)
{
    (void)argument;
    printf("secure=%lu\n", getauxval(AT_SECURE));
}

const struct verb report_verbs[] = {
    {"init", init},
    {"init-without-report", init_without_report},
    {"init-with-report", init_with_report},
    {"report", get_report},
    {"text", print_text},
    {"flags", set_flags},
    {"sites", set_sites},
    {"size", set_size},
    {"byte", set_byte},
    {"states", print_states},
    {"stop-early", stop_early},
    {"mark", mark},
    {"marked", print_mark},
    {"legacy", print_legacy},
    {"secure", print_secure},
    {NULL, NULL},
};
