/* SPDX-License-Identifier: MIT */
/* A process that is odd in one way, and waits to be looked at until its standard input ends. */
#define _GNU_SOURCE
#include <slicepatch/slicepatch.h>

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

extern const struct slicepatch_site_record first_record __asm__("__start_slicepatch_sites")
    __attribute__((visibility("hidden")));
extern const struct slicepatch_site_record last_record __asm__("__stop_slicepatch_sites")
    __attribute__((visibility("hidden")));

int chooses(void);

/* Counts in the first four letters of a label, so that no two looks see the same. */
static void *count_in_label(void *unused)
{
    (void)unused;
    const struct slicepatch_site_record *record = &first_record;
    while (record < &last_record && !record->label)
        ++record;
    const uintptr_t label = (uintptr_t)&record->label + (uintptr_t)(intptr_t)record->label;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = label & ~(page - 1);
    if (mprotect((void *)begin, label + 4 - begin, PROT_READ | PROT_WRITE) != 0)
        _exit(1);
    unsigned char *const text = (unsigned char *)label;
    for (unsigned count = 0;; ++count)
        for (int i = 0; i < 4; ++i)
            *(volatile unsigned char *)(text + i) = (unsigned char)(count >> 7 * i | 0x80);
    return NULL;
}

static void *wait_for_end(void *unused)
{
    (void)unused;
    printf("%d %d\n", (int)getpid(), chooses());
    fflush(stdout);
    while (getchar() != EOF)
        ;
    _exit(0);
}

static int unmap_end(struct dl_phdr_info *info, size_t size, void *map)
{
    (void)size;
    if (info->dlpi_addr != ((const struct link_map *)map)->l_addr)
        return 0;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const ElfW(Phdr) *last = NULL;
    for (int i = 0; i < info->dlpi_phnum; ++i)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            last = &info->dlpi_phdr[i];
    if (!last)
        return 0;
    const uintptr_t begin = (info->dlpi_addr + last->p_vaddr) & ~(page - 1);
    return munmap((void *)begin, info->dlpi_addr + last->p_vaddr + last->p_memsz - begin) == 0;
}

/* As a dlopen() that has not come to its end: the object's last segment is not there, and the linker says so. */
static bool stop_halfway(const char *library)
{
    void *map = dlopen(library, RTLD_NOW);
    if (!map)
        return false;
    /* _r_debug itself may be a copy in our executable, which the linker never reads. */
    const ElfW(Dyn) *entry = _DYNAMIC;
    while (entry->d_tag != DT_NULL && entry->d_tag != DT_DEBUG)
        ++entry;
    if (entry->d_tag == DT_NULL)
        return false;
    ((struct r_debug *)entry->d_un.d_ptr)->r_state = RT_ADD;
    return dl_iterate_phdr(unmap_end, map) == 1;
}

/*
 * undumpable: only root may look at it; mainless: its main thread has ended; changing: never the same; halfway LIBRARY:
 * as in the middle of a dlopen(); plain: none.
 */
int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "undumpable") == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 1;
    pthread_t thread;
    if (strcmp(argv[1], "changing") == 0 && pthread_create(&thread, NULL, count_in_label, NULL) != 0)
        return 1;
    if (strcmp(argv[1], "halfway") == 0 && !(argc == 3 && stop_halfway(argv[2])))
        return 1;
    if (strcmp(argv[1], "mainless") != 0)
        wait_for_end(NULL);
    if (pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
        return 1;
    pthread_exit(NULL);
}
