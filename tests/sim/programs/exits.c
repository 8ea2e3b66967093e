/* SPDX-License-Identifier: MIT */
/* exits STATUS, or exits kill SIGNAL */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "kill") == 0)
        raise(atoi(argv[2]));
    return argc == 2 ? atoi(argv[1]) : 2;
}
