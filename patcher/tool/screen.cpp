// SPDX-License-Identifier: MIT
#include "screen.h"
#include "error.h"

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <curses.h>
#include <langinfo.h>

namespace slicepatch::tool {

// newterm() and not initscr(), which ends the program where it does not know the terminal.
Screen::Screen()
{
    const char *terminal = std::getenv("TERM");
    if (!newterm(nullptr, stdout, stdin))
        throw Error("this terminal, TERM={}, is not known here; --once and a pipe need none", terminal ? terminal : "");
    cbreak();
    noecho();
    curs_set(0);
}

Screen::~Screen()
{
    endwin();
}

std::size_t Screen::columns() const
{
    return static_cast<std::size_t>(COLS);
}

void Screen::show(const std::vector<std::string> &lines)
{
    erase();
    for (int y = 0; y < LINES && static_cast<std::size_t>(y) < lines.size(); ++y) {
        attrset(y == 0 ? A_REVERSE : A_NORMAL);
        mvaddstr(y, 0, lines[static_cast<std::size_t>(y)].c_str());
    }
    attrset(A_NORMAL);
    refresh();
}

char Screen::wait_for_key(int milliseconds)
{
    timeout(milliseconds);
    const int key = getch();
    return key > 0 && key < 128 ? static_cast<char>(key) : '\0';
}

bool terminal_has_unicode()
{
    return std::setlocale(LC_CTYPE, "") && !std::strcmp(nl_langinfo(CODESET), "UTF-8");
}

} // namespace slicepatch::tool
