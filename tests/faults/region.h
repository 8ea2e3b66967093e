/* SPDX-License-Identifier: MIT */
/*
 * What the subject tells the tracer: calls of a number that no kernel has. Between begin and end, calls may fail.
 */
#ifndef SLICEPATCH_TESTS_FAULTS_REGION_H
#define SLICEPATCH_TESTS_FAULTS_REGION_H

#define REGION_CALL 0x534c50 /* far above every architecture's numbers */
#define REGION_BEGIN 1
#define REGION_END 2

#endif
