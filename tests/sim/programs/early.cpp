// SPDX-License-Identifier: MIT
//
// A shared library whose constructor already uses the extension; early_main.cpp is the program.
#include "section.h"

static long early_answer = -1;

__attribute__((constructor)) static void enable_early()
{
    early_answer = slice_prctl(OPERATION_SET, BIT_ENABLE);
}

extern "C" __attribute__((visibility("default"))) long early_result()
{
    return early_answer;
}
