/* SPDX-License-Identifier: MIT */
/* The smallest program that uses the library: five critical sections, ten sites. */
#include <slicepatch/slicepatch.h>

static volatile int data;

#define SECTION() (SLICEPATCH_ENTER(), (void)(data = data + 1), SLICEPATCH_EXIT())

int main(void)
{
    int error = slicepatch_init(NULL, NULL);
    SECTION();
    SECTION();
    SECTION();
    SECTION();
    SECTION();
    return error != 0;
}
