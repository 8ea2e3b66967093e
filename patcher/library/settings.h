// SPDX-License-Identifier: MIT
//
// What the environment and the caller's options ask of init.
#ifndef SLICEPATCH_SETTINGS_H
#define SLICEPATCH_SETTINGS_H

#include "init.h"

#include <slicepatch/slicepatch.h>

namespace slicepatch {

struct Settings {
    PatchOptions patch;
    bool verbose = false;
    char complaint[192] = ""; // which variable or option cannot be understood
};

/// The caller's options, then the environment over them: the user of a program has the last word. An empty variable is an
/// unset one. caller_is_executable decides whether the process-wide state may be locked by default. The environment is
/// ignored when AT_SECURE is set.
Status read_settings(const slicepatch_options *options, bool caller_is_executable, Settings &settings);

/// The name of the environment at that index among those that begin as ours do and are none of ours, printable and cut to
/// fit. False where there is none, and in a set-user-ID program.
bool unknown_variable(unsigned index, char (&name)[64]);

/// Whether an entry "NAME=value" has such a name.
bool is_unknown_variable(const char *entry);

} // namespace slicepatch

#endif
