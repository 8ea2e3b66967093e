// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_NUMBERS_H
#define SLICEPATCH_TOOL_NUMBERS_H

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdint>
#include <string>

namespace slicepatch::tool {

/// Checks an option that takes a whole number. With a sign, whatever type the option has: of an unsigned one the
/// parser takes -18446744073709551615 for 1. In words of our own: those of CLI::Range differ from version to version.
inline CLI::Validator numbers(std::int64_t least, std::int64_t most)
{
    const std::string range = std::to_string(least) + " to " + std::to_string(most);
    const auto check = [=](const std::string &text) -> std::string {
        std::int64_t number = 0;
        const char *end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, number);
        if (error == std::errc{} && rest == end && number >= least && number <= most)
            return {};
        return "Value " + text + " not in range " + range;
    };
    return {check, "INT in [" + std::to_string(least) + " - " + std::to_string(most) + "]"};
}

} // namespace slicepatch::tool

#endif
