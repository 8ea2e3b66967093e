/* SPDX-License-Identifier: MIT */
/*
 * init LIBRARY [stop]: loads it, calls slicepatch_init() once, prints: microseconds of time
 * and of CPU, page faults, sites, sites patched, pages with sites. stop: stops itself before
 * the call and behind it, so that a tracer can step through it.
 */
#define _GNU_SOURCE
#include <slicepatch/slicepatch.h>

#include "clock.h"
#include "faults.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>

struct pages {
    uintptr_t last;
    unsigned count;
};

/* Sites come in the order of their addresses: the library has one text section. */
static int count_page(const struct slicepatch_site_info *site, void *data)
{
    struct pages *pages = data;
    uintptr_t page = site->address / 4096;
    pages->count += page != pages->last;
    pages->last = page;
    return 0;
}

int main(int argc, char **argv)
{
    struct slicepatch_report report = {.size = sizeof report};
    struct pages pages = {0, 0};

    if (argc < 2 || !dlopen(argv[1], RTLD_NOW)) {
        fprintf(stderr, "init: %s\n", argc > 1 ? dlerror() : "which library?");
        return 2;
    }
    int counter = start_faults();
    long faults = read_faults(counter);
    if (argc > 2)
        raise(SIGSTOP);
    double begin = read_us(CLOCK_MONOTONIC), begin_cpu = read_us(CLOCK_THREAD_CPUTIME_ID);
    int error = slicepatch_init(NULL, &report);
    double cpu = read_us(CLOCK_THREAD_CPUTIME_ID) - begin_cpu, us = read_us(CLOCK_MONOTONIC) - begin;
    faults = counter < 0 ? -1 : read_faults(counter) - faults;
    if (argc > 2)
        raise(SIGSTOP);
    if (error || slicepatch_for_each_site(count_page, &pages)) {
        fprintf(stderr, "init: %d %s\n", error, report.failure);
        return 1;
    }
    printf("%.3f %.3f %ld %u %u %u\n", us, cpu, faults, report.sites, report.enabled + report.off, pages.count);
    return 0;
}
