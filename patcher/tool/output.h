// SPDX-License-Identifier: MIT
//
// Results go to standard output, everything else to standard error. Each of them may be closed, on a full disk, or a
// pipe that nobody reads: that is an exit status, and never an exception on the way out or a message in somebody's
// file.
#ifndef SLICEPATCH_TOOL_OUTPUT_H
#define SLICEPATCH_TOOL_OUTPUT_H

#include <fmt/format.h>

#include <string>
#include <utility>

namespace slicepatch::tool {

/// Once, before anything is opened or printed.
void prepare_output();

/// To standard output, as it is: names in it have passed printable(). Throws Error if it cannot be written.
void write_output(const std::string &text);
template <class... Arguments> void print(fmt::format_string<Arguments...> format, Arguments &&...arguments)
{
    write_output(fmt::format(format, std::forward<Arguments>(arguments)...));
}
/// What was printed must have arrived: a full disk is not success. Throws Error.
void flush_output();

/// One printable line on standard error, once, however often it comes up. That it could not be written is seen by
/// complaints_lost() alone.
void complain(const std::string &text);
[[nodiscard]] bool complaints_lost();

} // namespace slicepatch::tool

#endif
