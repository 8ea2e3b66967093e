// SPDX-License-Identifier: MIT
//
// Files, the chunks that threads take from them, and the words in a chunk.
#ifndef WORDCOUNT_TEXT_H
#define WORDCOUNT_TEXT_H

#include <string>
#include <string_view>
#include <vector>

namespace wordcount {

/// A word is a run of these, whatever the locale says.
constexpr bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The whole file. Read, not mapped: a mapped file that somebody truncates is a SIGBUS, and a pipe cannot be mapped.
/// Throws std::system_error whose what() names the path.
std::string read_file(const std::string &path);

/// Appends text in chunks of about `size` bytes, each ending where no word continues. The chunks refer to text.
void split_at_word_borders(std::string_view text, size_t size, std::vector<std::string_view> &chunks);

/// Calls visit(std::string_view) for each word.
template <class Visit> void for_each_word(std::string_view chunk, Visit &&visit)
{
    const char *at = chunk.data();
    const char *const end = at + chunk.size();
    while (at != end) {
        while (at != end && !is_letter(*at))
            ++at;
        const char *const word = at;
        while (at != end && is_letter(*at))
            ++at;
        if (at != word)
            visit(std::string_view(word, static_cast<size_t>(at - word)));
    }
}

} // namespace wordcount

#endif // WORDCOUNT_TEXT_H
