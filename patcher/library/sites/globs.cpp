// SPDX-License-Identifier: MIT
#include "globs.h"

#include <cstring>
#include <fnmatch.h>

namespace slicepatch {

namespace {

struct Item {
    const char *glob;
    std::size_t length;
    bool excludes;
};

/// The item that begins at rest, which moves to the next one; false at the end.
bool take_item(const char *&rest, Item &item)
{
    if (!*rest)
        return false;
    const std::size_t length = std::strcspn(rest, ",");
    const bool excludes = *rest == '-';
    item = {rest + excludes, length - excludes, excludes};
    rest += length + (rest[length] == ',');
    return true;
}

} // namespace

bool is_selection(const char *selection)
{
    Item item;
    while (selection && take_item(selection, item))
        if (item.length > longest_glob)
            return false;
    return true;
}

bool selects(const char *selection, const char *name, bool *matched)
{
    if (!selection || !*selection)
        return true;
    bool selected = *selection == '-';
    Item item;
    std::size_t index = 0;
    for (const char *rest = selection; take_item(rest, item); ++index) {
        char glob[longest_glob + 1];
        if (item.length >= sizeof glob)
            continue; // is_selection() refused it
        std::memcpy(glob, item.glob, item.length);
        glob[item.length] = 0;
        if (fnmatch(glob, name, 0))
            continue;
        selected = !item.excludes;
        if (matched)
            matched[index] = true;
    }
    return selected;
}

std::size_t count_globs(const char *selection)
{
    std::size_t count = 0;
    Item item;
    while (selection && take_item(selection, item))
        ++count;
    return count;
}

Unmatched find_unmatched(const char *selection, std::span<const bool> matched)
{
    Unmatched unmatched{};
    Item item;
    for (bool known : matched) {
        if (!take_item(selection, item) || known || !item.length)
            continue;
        if (!unmatched.count++) {
            unmatched.first = item.glob - item.excludes;
            unmatched.length = item.length + item.excludes;
        }
    }
    return unmatched;
}

} // namespace slicepatch
