// SPDX-License-Identifier: MIT
//
// Compiled where this is the architecture that the program runs on.
#include "aarch64.h"

namespace slicepatch {

const Backend &host_backend()
{
    return aarch64_backend;
}

} // namespace slicepatch
