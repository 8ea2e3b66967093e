// SPDX-License-Identifier: MIT
//
// What the sites of a process have counted (SLICEPATCH_COUNT), read from outside.
#ifndef SLICEPATCH_TOOL_COUNTED_H
#define SLICEPATCH_TOOL_COUNTED_H

#include "process.h"
#include "site_view.h"

namespace slicepatch::tool {

/// Fills in what the sites of an object have counted, if it counts at all. What cannot be read, or is no table of this
/// version, leaves them without: the process may write there what it wants.
void read_counts(const Process &process, ObjectView &object);

} // namespace slicepatch::tool

#endif
