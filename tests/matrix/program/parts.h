/* SPDX-License-Identifier: MIT */
/* What main() calls, in C and in C++, in the executable or in a shared object. */
#ifndef SLICEPATCH_TESTS_MATRIX_PARTS_H
#define SLICEPATCH_TESTS_MATRIX_PARTS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Each runs its sections so many times and returns how often it counted. */
unsigned long run_c_part(unsigned long times);
unsigned long run_cpp_part(unsigned long times);
unsigned long run_other_cpp_part(unsigned long times);

/* Never called: what a linker may drop. */
__attribute__((visibility("hidden"))) void never_called_in_c(void);
__attribute__((visibility("hidden"))) void never_called_in_cpp(void);

#ifdef __cplusplus
}
#endif

#endif
