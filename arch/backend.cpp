// SPDX-License-Identifier: MIT
#include "backend.h"

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

} // namespace slicepatch
