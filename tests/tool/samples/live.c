/* SPDX-License-Identifier: MIT */
/* Patches itself, says how its sites are, and waits to be looked at until its standard input ends. */
#include <slicepatch/slicepatch.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void without_label(void);
void with_label(void);
int chooses(void);

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--unpatched") != 0)
        if (slicepatch_init(NULL, NULL) != 0)
            return 1;
    without_label();
    with_label();
    printf("%d %d\n", (int)getpid(), chooses());
    fflush(stdout);
    return getchar() != EOF;
}
