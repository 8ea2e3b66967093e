// SPDX-License-Identifier: MIT
//
// Compiled where this is the architecture that the program runs on.
#include "aarch64.h"

namespace slicepatch {

const Backend &host_backend()
{
    return aarch64_backend;
}

/// The architecture itself allows it, of every CPU (step 4 in sync.cpp); what sync_threads() needs, it asks for when it
/// is needed.
bool live_writes_proven()
{
    return true;
}

} // namespace slicepatch
