/* SPDX-License-Identifier: MIT */
/*
 * Functions that the unwind table does not show as they are. Prints what init did with a selection, for each of them,
 * and whether a request is left.
 *   SCATTERED_BLOCKS  parts of a function have entries of their own, as clang's -fbasic-block-sections has it
 * Otherwise those of scattered_bare.c have none.
 */
#include "scattered.h"

#include <stdio.h>
#include <string.h>

volatile unsigned long counter;

SECTION(covered, (void)0)
#ifdef SCATTERED_BLOCKS
#define NEXT_PART() __asm__ volatile(".cfi_endproc\n.cfi_startproc" : : : "memory")
SECTION(four, NEXT_PART())
SECTION(five, NEXT_PART())
#endif

static int visit(const struct slicepatch_site_info *site, void *data)
{
    static const char *const kinds[] = {"", "enter", "exit", "branch"};
    static const char *const states[] = {"compiled", "enabled", "off", "foreign"};
    const struct section *const all[] = {&four_section, &five_section, &covered_section};

    (void)data;
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
        if (site->line == all[i]->line && !strcmp(site->file, all[i]->file))
            printf("%s_%s=%s\n", kinds[site->kind], all[i]->name, states[site->state]);
    return 0;
}

int main(int count, char **words)
{
    struct slicepatch_options options = {.size = sizeof options, .sites = count > 1 ? words[1] : NULL};
    struct slicepatch_report report = {.size = sizeof report};

    printf("answer=%d\n", slicepatch_init(&options, &report));
    four();
    five();
    covered();
    slicepatch_for_each_site(visit, NULL);
    printf("guarantee=%d\nsites=%u\nenabled=%u\noff=%u\ncompiled=%u\nfailure=%s\nrequest=%d\n", (int)report.guarantee,
           report.sites, report.enabled, report.off, report.compiled, report.failure,
           slicepatch_rseq_() ? slicepatch_rseq_()->slice_request : 0);
    return counter == 6 ? 0 : 1;
}
