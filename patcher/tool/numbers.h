// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_NUMBERS_H
#define SLICEPATCH_TOOL_NUMBERS_H

#include <CLI/CLI.hpp>

#include <cstdint>

namespace slicepatch::tool {

/// Checks an option that takes a whole number. With a sign, whatever type the option has: of an unsigned one the
/// parser takes -18446744073709551615 for 1.
inline CLI::Range numbers(std::int64_t least, std::int64_t most)
{
    return {least, most};
}

} // namespace slicepatch::tool

#endif
