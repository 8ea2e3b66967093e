// SPDX-License-Identifier: MIT
//
// Compiled where this is the architecture that the program runs on.
#include "x86_64.h"

namespace slicepatch {

const Backend &host_backend()
{
    return x86_64_backend;
}

} // namespace slicepatch
