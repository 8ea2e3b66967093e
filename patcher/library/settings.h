// SPDX-License-Identifier: MIT
//
// What the environment and the caller's options ask of init.
#ifndef SLICEPATCH_SETTINGS_H
#define SLICEPATCH_SETTINGS_H

#include "patcher/library/guarantee/request.h"
#include "patcher/library/text/text.h"

#include <slicepatch/slicepatch.h>

namespace slicepatch {

struct Settings {
    GuaranteeRequest request;
    slicepatch_guarantee required = SLICEPATCH_GUARANTEE_NONE; // below this nothing is written
    const char *selection = nullptr;                           // as SLICEPATCH_SITES
    Writer writer = Writer::automatic;
    bool live_opt_in = false;
    bool compiled = false; // everything but writing to sites
    bool verbose = false;
    bool count = false;
    bool tell_counts = false; // at the end of the process
    char complaint[192] = ""; // which variable or option cannot be understood
};

/// The caller's options, then the environment over them: the user of a program has the last word. An empty variable is
/// an unset one. caller_is_executable decides whether the process-wide state may be locked by default. The environment
/// is ignored when AT_SECURE is set.
Status read_settings(const slicepatch_options *options, bool caller_is_executable, Settings &settings);

/// Whether the environment asks for a decoder to prove the sequences.
bool wants_decoder();

/// The name of the environment at that index among those that begin as ours do and are none of ours, printable and cut
/// to fit. False where there is none, and in a set-user-ID program.
bool unknown_variable(unsigned index, char (&name)[64]);

/// Whether an entry "NAME=value" has such a name.
bool is_unknown_variable(const char *entry);

} // namespace slicepatch

#endif
