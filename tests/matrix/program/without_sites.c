/* SPDX-License-Identifier: MIT */
/* Includes the header and has no site. Compiled as C and as C++. */
#include <slicepatch/slicepatch.h>

int main(void)
{
    return slicepatch_init(NULL, NULL);
}
