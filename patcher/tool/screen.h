// SPDX-License-Identifier: MIT
//
// A terminal that shows lines anew, by ncurses. Nothing else here knows of it.
#ifndef SLICEPATCH_TOOL_SCREEN_H
#define SLICEPATCH_TOOL_SCREEN_H

#include <string>
#include <vector>

namespace slicepatch::tool {

class Screen {
public:
    /// Throws Error where the terminal is one that ncurses does not know. One at a time.
    Screen();
    Screen(const Screen &) = delete;
    Screen &operator=(const Screen &) = delete;
    ~Screen();

    [[nodiscard]] std::size_t columns() const;
    /// The first line stands out; what does not fit is left out.
    void show(const std::vector<std::string> &lines);
    /// Waits for a key for so long; 0 where none came, or a signal did.
    [[nodiscard]] char wait_for_key(int milliseconds);
};

/// Whether names and blocks beyond ASCII arrive as such: the locale says so.
[[nodiscard]] bool terminal_has_unicode();

} // namespace slicepatch::tool

#endif
