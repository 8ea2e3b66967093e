/* SPDX-License-Identifier: MIT */
/*
 * The program that most tests patch: a list of verbs, done in the order of the command line, that say what happened as
 * lines of key=value on standard output. What a verb cannot do here ends the program with status 77 and the reason.
 */
#ifndef SLICEPATCH_TESTS_SUBJECT_H
#define SLICEPATCH_TESTS_SUBJECT_H

#include <slicepatch/slicepatch.h>

#define UNSUPPORTED 77

struct verb {
    const char *name;
    void (*run)(const char *argument); /* what follows "=", "" if nothing does */
};

/* Each ends with a verb without a name. */
extern const struct verb section_verbs[];
extern const struct verb report_verbs[];
extern const struct verb obstacle_verbs[];
extern const struct verb thread_verbs[];
extern const struct verb object_verbs[];
extern const struct verb state_verbs[];
extern const struct verb life_verbs[];
extern const struct verb counting_verbs[];
extern const struct verb cancelled_verbs[];
extern const struct verb guest_verbs[];
extern const struct verb text_verbs[];

_Noreturn void unsupported(const char *reason);
_Noreturn void broken(const char *what);

void run_every_section(unsigned long times);

/* Waits for a child of fork(), and ends as it ended. */
_Noreturn void end_as(int child);

/* The function that holds an unlabelled site. */
const char *function_at(uintptr_t address);

/* The first site of that kind of a label or function. */
uintptr_t find_site(const char *name, uint8_t kind);

#endif
