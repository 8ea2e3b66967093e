/* SPDX-License-Identifier: MIT */
/* What becomes of the executable's text: sealed, or shared with other processes, as tools for huge pages leave it. */
#include "subject.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PROCMAP_QUERY of <linux/fs.h>, whose structure begins with its own size, flags, and an address. */
static int kernel_tells_of_sharing(void)
{
    uint64_t query[13] = {sizeof query, 0, (uintptr_t)&kernel_tells_of_sharing};
    const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    const int told = maps >= 0 && ioctl(maps, _IOWR('f', 17, query), query) == 0;
    close(maps);
    return told;
}

/* Puts a copy in place of a segment's pages; one call, since what runs may be on them. */
static void share_pages(char *begin, size_t size, int protection)
{
    const int file = memfd_create("text", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)size))
        broken("memfd");
    char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (copy == MAP_FAILED)
        broken("mmap");
    memcpy(copy, begin, size);
    if (mprotect(copy, size, protection))
        unsupported("shared memory cannot be executable here");
    if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, begin) != begin)
        broken("mremap");
    close(file);
}

static void seal_pages(char *begin, size_t size, int unused)
{
    (void)unused;
    const long mseal = 462;
    if (syscall(mseal, begin, size, 0))
        unsupported("this kernel has no mseal");
}

struct text_work {
    void (*work)(char *begin, size_t size, int protection);
    int protection;
};

static int visit_text(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const struct text_work *work = data;
    const uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        const uintptr_t begin = (info->dlpi_addr + segment->p_vaddr) / page_size * page_size;
        const uintptr_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        work->work((char *)begin, (end - begin + page_size - 1) / page_size * page_size, work->protection);
    }
    return 1; /* the executable comes first, and is all that has sites */
}

static void seal(const char *argument)
{
    (void)argument;
    struct text_work work = {seal_pages, 0};
    dl_iterate_phdr(visit_text, &work);
}

/* share=r-x|rwx: the text of the executable, with that protection. */
static void share(const char *how)
{
    if (!kernel_tells_of_sharing())
        unsupported("the kernel does not tell what memory is shared (Linux 6.11)");
    struct text_work work = {share_pages, PROT_READ | PROT_EXEC | (strcmp(how, "rwx") ? 0 : PROT_WRITE)};
    dl_iterate_phdr(visit_text, &work);
}

const struct verb text_verbs[] = {
    {"seal", seal},
    {"share", share},
    {NULL, NULL},
};
