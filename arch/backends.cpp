// SPDX-License-Identifier: MIT
//
// Every architecture, for those who read files and for tests. The library has its host's alone.
#include "backend.h"

namespace slicepatch {

static constexpr const Backend *backends[] = {&x86_64_backend, &aarch64_backend};

const Backend *find_backend(std::uint16_t machine)
{
    for (const Backend *backend : backends)
        if (backend->machine == machine)
            return backend;
    return nullptr;
}

} // namespace slicepatch
