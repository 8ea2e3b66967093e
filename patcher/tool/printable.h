// SPDX-License-Identifier: MIT
//
// What strangers wrote, made fit to be shown: labels, names of files and functions, values of the environment.
#ifndef SLICEPATCH_TOOL_PRINTABLE_H
#define SLICEPATCH_TOOL_PRINTABLE_H

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace slicepatch::tool {

/// One line of UTF-8 that neither controls a terminal nor changes how what is beside it reads: controls and format
/// characters as \n, \t, \x1b or \u202e, bytes that are no UTF-8 as \xff. Applied twice, it changes nothing more.
[[nodiscard]] std::string printable(const std::string &text);

/// At most that many characters of what printable() made, "..." included: the beginning of a name, the end of a path.
[[nodiscard]] std::string first_of(const std::string &text, std::size_t characters);
[[nodiscard]] std::string last_of(const std::string &text, std::size_t characters);

/// As text with two spaces of indentation, in ASCII: what is not is escaped, bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json &json);

} // namespace slicepatch::tool

#endif
