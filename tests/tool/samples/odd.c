/* SPDX-License-Identifier: MIT */
/* A process that is odd in one way, and waits to be looked at until its standard input ends. */
#include <slicepatch/slicepatch.h>

#include <pthread.h>
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

/* undumpable: only root may look at it; mainless: its main thread has ended; changing: never the same; plain: none. */
int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (strcmp(argv[1], "undumpable") == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 1;
    pthread_t thread;
    if (strcmp(argv[1], "changing") == 0 && pthread_create(&thread, NULL, count_in_label, NULL) != 0)
        return 1;
    if (strcmp(argv[1], "mainless") != 0)
        wait_for_end(NULL);
    if (pthread_create(&thread, NULL, wait_for_end, NULL) != 0)
        return 1;
    pthread_exit(NULL);
}
