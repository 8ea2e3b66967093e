/* SPDX-License-Identifier: MIT */
/* What the tests know of this architecture's sites without asking the library. */
#ifndef SLICEPATCH_TESTS_SITE_BYTES_H
#define SLICEPATCH_TESTS_SITE_BYTES_H

#include <slicepatch/site.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t site_size(uint8_t kind)
{
    return kind == SLICEPATCH_SITE_ENTER ? 9 : kind == SLICEPATCH_SITE_EXIT ? 14 : 8;
}

/* int3 over the first byte, as a debugger writes it. Returns the number of bytes. */
static inline size_t make_breakpoint(uint8_t *bytes)
{
    bytes[0] = 0xcc;
    return 1;
}

/* A jump over the head to where the head jumps itself, as a hook that calls the original in the end would have it. */
static inline size_t make_hook(uint8_t *bytes, const uint8_t *site)
{
    int32_t distance;
    memcpy(&distance, site + 1, sizeof distance);
    bytes[0] = 0xe9;
    memcpy(bytes + 1, &distance, sizeof distance);
    bytes[5] = bytes[6] = bytes[7] = 0x90; /* where the compiled form has one instruction */
    return 8;
}

/* How many words a site that is enabled near the thread pointer differs in from a compiled one. */
static inline size_t words_to_enable(uint8_t kind)
{
    (void)kind;
    return 1;
}

#endif
