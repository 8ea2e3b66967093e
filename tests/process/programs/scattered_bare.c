/* SPDX-License-Identifier: MIT */
/* Compiled without unwind tables, as assembly and some kernels of libraries are. */
#include "scattered.h"

SECTION(four, (void)0)
SECTION(five, (void)0)
