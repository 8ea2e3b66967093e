/* SPDX-License-Identifier: MIT */
/* Linked to the subject, which is then patched before its main(). */
#include <slicepatch/slicepatch.h>

SLICEPATCH_INIT_AT_START();
