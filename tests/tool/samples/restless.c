/* SPDX-License-Identifier: MIT */
/*
 * Never holds still: "load" loads, patches and unloads a library for ever, "exec" becomes itself again and again,
 * "both" does both. Until its standard input ends.
 */
#include <slicepatch/slicepatch.h>

#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_wanted(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) == 0;
}

static bool load(const char *library)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle || slicepatch_init(NULL, NULL) != 0)
        return false;
    return dlclose(handle) == 0;
}

/* restless MODE LIBRARY [again] */
int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const bool loads = strcmp(argv[1], "exec") != 0, execs = strcmp(argv[1], "load") != 0;
    if (argc == 3)
        printf("%d 0\n", (int)getpid());
    fflush(stdout);
    for (int i = 0; is_wanted(); ++i) {
        if (loads && !load(argv[2]))
            return 1;
        if (execs && (!loads || i == 20))
            execl("/proc/self/exe", argv[0], argv[1], argv[2], "again", (char *)NULL);
    }
    return 0;
}
