// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_EXPORTS_H
#define SLICEPATCH_EXPORTS_H

#include "naming.h"

namespace slicepatch {

/// Names functions by the symbols that an object exports, from its memory. What its dynamic section says is checked
/// against its segments.
void name_by_exports(const dl_phdr_info &object, Naming &naming);

} // namespace slicepatch

#endif
