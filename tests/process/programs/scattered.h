/* SPDX-License-Identifier: MIT */
#ifndef SLICEPATCH_TESTS_SCATTERED_H
#define SLICEPATCH_TESTS_SCATTERED_H

#include <slicepatch/slicepatch.h>

extern volatile unsigned long counter;

/* A function whose sites are all on one line, by which they are known. */
#define SECTION(name, between) \
    const struct section name##_section = {#name, __FILE__, __LINE__}; \
    __attribute__((noinline)) void name(void) \
    { \
        SLICEPATCH_ENTER(); \
        ++counter; \
        between; \
        ++counter; \
        SLICEPATCH_EXIT(); \
    }

struct section {
    const char *name, *file;
    unsigned line;
};
extern const struct section four_section, five_section, covered_section;
void four(void);
void five(void);
void covered(void);

#endif
