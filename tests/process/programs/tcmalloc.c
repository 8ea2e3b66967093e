/* SPDX-License-Identifier: MIT */
/* Linked to the subject, which then looks like a program with tcmalloc's per-CPU caches. */
#include <stdbool.h>

__attribute__((visibility("default"))) bool MallocExtension_Internal_GetPerCpuCachesActive(void);
bool MallocExtension_Internal_GetPerCpuCachesActive(void)
{
    return true;
}
