/* SPDX-License-Identifier: MIT */
/*
 * floor LIBRARY touch|populate: the least that whoever patches a text pays. Loads it, makes
 * its text writable, stores to each page what is there, makes it read-only again. populate:
 * has the kernel copy all pages in one call first (madvise(2), MADV_POPULATE_WRITE, Linux
 * 5.14). Prints microseconds of time and of CPU, page faults, pages.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "faults.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct text {
    const char *library;
    uintptr_t begin, end, page;
};

static int find_text(struct dl_phdr_info *info, size_t size, void *data)
{
    struct text *text = data;

    (void)size;
    if (strcmp(info->dlpi_name, text->library) != 0)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD && segment->p_flags & PF_X) {
            text->begin = (info->dlpi_addr + segment->p_vaddr) & ~(text->page - 1);
            text->end = (info->dlpi_addr + segment->p_vaddr + segment->p_memsz + text->page - 1) & ~(text->page - 1);
        }
    }
    return 1;
}

static int write_pages(const struct text *text, int populate)
{
    const int populate_write = 23; /* MADV_POPULATE_WRITE: newer than many <sys/mman.h> */
    void *begin = (void *)text->begin;
    size_t size = text->end - text->begin;

    if (mprotect(begin, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return -1;
    if (populate && madvise(begin, size, populate_write) != 0)
        return -1;
    for (uintptr_t page = text->begin; page < text->end; page += text->page) {
        volatile uint64_t *word = (volatile uint64_t *)page;

        *word = *word;
    }
    return mprotect(begin, size, PROT_READ | PROT_EXEC);
}

int main(int argc, char **argv)
{
    struct text text = {argc == 3 ? argv[1] : "", 0, 0, (uintptr_t)sysconf(_SC_PAGESIZE)};

    if (argc != 3 || !dlopen(argv[1], RTLD_NOW) || !dl_iterate_phdr(find_text, &text)) {
        fprintf(stderr, "floor: %s\n", argc == 3 ? dlerror() : "which library, and how?");
        return 2;
    }
    int counter = start_faults();
    long faults = read_faults(counter);
    double begin = read_us(CLOCK_MONOTONIC), begin_cpu = read_us(CLOCK_THREAD_CPUTIME_ID);
    int error = write_pages(&text, strcmp(argv[2], "populate") == 0);
    double cpu = read_us(CLOCK_THREAD_CPUTIME_ID) - begin_cpu, us = read_us(CLOCK_MONOTONIC) - begin;

    if (error) {
        perror("floor");
        return 1;
    }
    printf("%.3f %.3f %ld %lu\n", us, cpu, counter < 0 ? -1 : read_faults(counter) - faults,
           (unsigned long)((text.end - text.begin) / text.page));
    return 0;
}
