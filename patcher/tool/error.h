// SPDX-License-Identifier: MIT
//
// Input that cannot be read: main() prints the one-line message and answers exit_usage.
#ifndef SLICEPATCH_TOOL_ERROR_H
#define SLICEPATCH_TOOL_ERROR_H

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace slicepatch::tool {

class Error : public std::runtime_error {
public:
    template <class... Arguments>
    explicit Error(fmt::format_string<Arguments...> format, Arguments &&...arguments)
        : std::runtime_error(fmt::format(format, std::forward<Arguments>(arguments)...))
    {
    }
};

/// What was read does not hold together, because it changed meanwhile: main() answers exit_changed.
class Changed : public Error {
public:
    using Error::Error;
};

} // namespace slicepatch::tool

#endif
