/* SPDX-License-Identifier: MIT */
/* An allocator that does in the debug mode what may not be done, so that the library has something to say inside it. */
#include <slicepatch/slicepatch.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size); /* glibc's own, behind its malloc() */

static char text[6000];
static volatile int nested;

void *malloc(size_t size)
{
    if (nested)
        slicepatch_check_failed(text, text, -1); /* what ENTER does there */
    return __libc_malloc(size);
}

static void tell(int number)
{
    (void)number;
    printf("errno=%s\n", errno == ENOTTY ? "kept" : "changed");
    fflush(stdout);
    _Exit(3);
}

int main(void)
{
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    signal(SIGABRT, tell);
    memset(text, 'x', sizeof text - 1);
    errno = ENOTTY;
    nested = 1;
    void *volatile memory = malloc(16);
    free(memory);
    return 0;
}
