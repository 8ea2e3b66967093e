/* SPDX-License-Identifier: MIT */
/* The other translation unit of the debugged program. */
#ifndef SLICEPATCH_TESTS_DEBUGGED_H
#define SLICEPATCH_TESTS_DEBUGGED_H

#ifdef __cplusplus
extern "C" {
#endif

void leave_elsewhere(void);
void leave_outermost_elsewhere(void);

#ifdef __cplusplus
}
#endif

#endif
