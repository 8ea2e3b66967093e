// SPDX-License-Identifier: MIT
//
// The thread-local counters of the marks, in libslicepatch.so alone: where a program and what it opens have them, the
// dynamic linker finds one for all by their names here. A program with libslicepatch.a has those of its own files.
#define SLICEPATCH_DEBUG
#include <slicepatch/slicepatch.h>

__thread unsigned slicepatch_depth_ = 0;
__thread unsigned slicepatch_inside_ = 0;
