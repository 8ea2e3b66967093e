// SPDX-License-Identifier: MIT
#include "backend.h"

#include <slicepatch/arch.h>

namespace slicepatch {

const char *kind_name(Kind kind)
{
    switch (kind) {
    case Kind::enter:
        return "enter";
    case Kind::exit:
        return "exit";
    case Kind::branch:
        return "branch";
    }
    return "unknown";
}

const char *state_name(State state)
{
    switch (state) {
    case State::compiled:
        return "compiled";
    case State::enabled:
        return "enabled";
    case State::off:
        return "off";
    case State::foreign:
        return "foreign";
    }
    return "unknown";
}

static constexpr const Backend *backends[] = {&x86_64_backend};

const Backend *find_backend(std::uint16_t machine)
{
    for (const Backend *backend : backends)
        if (backend->machine == machine)
            return backend;
    return nullptr;
}

const Backend &host_backend()
{
    return *find_backend(SLICEPATCH_ARCH_MACHINE);
}

} // namespace slicepatch
