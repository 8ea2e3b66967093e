/* SPDX-License-Identifier: MIT */
/*
 * init LIBRARY: loads it, calls slicepatch_init() once, prints: microseconds of time
 * and of CPU, sites, sites patched, pages with sites.
 */
#define _GNU_SOURCE
#include <slicepatch/slicepatch.h>

#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

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

static double read_us(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    struct slicepatch_report report = {.size = sizeof report};
    struct pages pages = {0, 0};

    if (argc != 2 || !dlopen(argv[1], RTLD_NOW)) {
        fprintf(stderr, "init: %s\n", argc == 2 ? dlerror() : "which library?");
        return 2;
    }
    double begin = read_us(CLOCK_MONOTONIC), begin_cpu = read_us(CLOCK_THREAD_CPUTIME_ID);
    int error = slicepatch_init(NULL, &report);
    double cpu = read_us(CLOCK_THREAD_CPUTIME_ID) - begin_cpu, us = read_us(CLOCK_MONOTONIC) - begin;
    if (error || slicepatch_for_each_site(count_page, &pages)) {
        fprintf(stderr, "init: %d %s\n", error, report.failure);
        return 1;
    }
    printf("%.3f %.3f %u %u %u\n", us, cpu, report.sites, report.enabled + report.off, pages.count);
    return 0;
}
