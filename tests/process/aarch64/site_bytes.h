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
    return kind == SLICEPATCH_SITE_ENTER ? 20 : kind == SLICEPATCH_SITE_EXIT ? 28 : 4;
}

/* brk #0 over the head, as a debugger writes it. Returns the number of bytes. */
static inline size_t make_breakpoint(uint8_t *bytes)
{
    const uint32_t breakpoint = 0xd4200000;
    memcpy(bytes, &breakpoint, sizeof breakpoint);
    return sizeof breakpoint;
}

/* cbz xzr, which always jumps, to where the head jumps, as a hook that calls the original in the end would have it. */
static inline size_t make_hook(uint8_t *bytes, const uint8_t *site)
{
    uint32_t jump;
    memcpy(&jump, site, sizeof jump);
    jump = 0xb400001f | (jump & 0x7ffff) << 5; /* up to 1 MiB away */
    memcpy(bytes, &jump, sizeof jump);
    return sizeof jump;
}

/* How many words a site that is enabled near the thread pointer differs in from a compiled one. */
static inline size_t words_to_enable(uint8_t kind)
{
    return kind == SLICEPATCH_SITE_ENTER ? 2 : kind == SLICEPATCH_SITE_EXIT ? 3 : 1;
}

#endif
