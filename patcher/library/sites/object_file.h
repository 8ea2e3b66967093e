// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_OBJECT_FILE_H
#define SLICEPATCH_OBJECT_FILE_H

#include "patcher/library/base/maps.h"

#include <link.h>

namespace slicepatch {

/// The file that an object was loaded from, wherever it is by now, open for reading; -1 if it is nowhere. It is the file
/// that the kernel maps as the object, and a regular one; nothing else is opened. Objects in the order of their
/// addresses, with the same maps.
int open_object(const dl_phdr_info &object, Maps &maps);

} // namespace slicepatch

#endif
