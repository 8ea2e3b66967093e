// SPDX-License-Identifier: MIT
#include "printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

namespace slicepatch::tool {

namespace {

struct Range {
    char32_t first, last;
};

/// General categories Cc (control), Cf (format; every bidirectional control is one), Zl and Zp (line and paragraph
/// separators) of the Unicode Character Database, UnicodeData.txt of version 15.0.
constexpr std::array<Range, 23> unprintable{{
    {0x0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},     {0x180e, 0x180e},
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x2064},   {0x2066, 0x206f},   {0xfeff, 0xfeff},
    {0xfff9, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0001, 0xe0001}, {0xe0020, 0xe007f},
}};

bool is_unprintable(char32_t character)
{
    return std::any_of(unprintable.begin(), unprintable.end(),
                       [character](const Range &range) { return character >= range.first && character <= range.last; });
}

bool continues(char byte)
{
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// Length of the character that text begins with (The Unicode Standard 15.0, table 3-7), or 0: no well-formed UTF-8.
std::size_t decode(std::string_view text, char32_t &character)
{
    struct Form {
        unsigned char mask, lead;
        char32_t least; // or a shorter form would do
    };
    constexpr std::array<Form, 4> forms{{{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}}};
    const auto byte = static_cast<unsigned char>(text.front());
    for (std::size_t length = 1; length <= forms.size(); ++length) {
        const Form &form = forms[length - 1];
        if ((byte & form.mask) != form.lead)
            continue;
        const std::string_view rest = text.substr(1, length - 1);
        if (rest.size() + 1 < length || !std::all_of(rest.begin(), rest.end(), continues))
            return 0;
        character = byte & static_cast<unsigned char>(~form.mask);
        for (char c : rest)
            character = character << 6 | (static_cast<unsigned char>(c) & 0x3f);
        const bool surrogate = character >= 0xd800 && character <= 0xdfff;
        return character < form.least || surrogate || character > 0x10ffff ? 0 : length;
    }
    return 0;
}

std::string escape(char32_t character)
{
    switch (character) {
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    case '\r':
        return "\\r";
    default:
        break;
    }
    const auto number = static_cast<std::uint32_t>(character);
    return number < 0x80      ? fmt::format("\\x{:02x}", number)
           : number < 0x10000 ? fmt::format("\\u{:04x}", number)
                              : fmt::format("\\U{:08x}", number);
}

} // namespace

std::string printable(const std::string &text)
{
    std::string clean;
    for (std::string_view rest = text; !rest.empty();) {
        char32_t character = 0;
        const std::size_t length = decode(rest, character);
        if (length == 0)
            clean += fmt::format("\\x{:02x}", static_cast<unsigned char>(rest.front()));
        else if (is_unprintable(character))
            clean += escape(character);
        else
            clean += rest.substr(0, length);
        rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return clean;
}

std::string first_of(const std::string &text, std::size_t characters)
{
    std::size_t seen = 0, cut = text.size();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (continues(text[i]))
            continue;
        if (seen++ == characters - 3)
            cut = i;
        if (seen > characters)
            return text.substr(0, cut) + "...";
    }
    return text;
}

std::string last_of(const std::string &text, std::size_t characters)
{
    std::size_t seen = 0, cut = 0;
    for (std::size_t i = text.size(); i-- > 0;) {
        if (continues(text[i]))
            continue;
        if (++seen == characters - 3)
            cut = i;
        if (seen > characters)
            return "..." + text.substr(cut);
    }
    return text;
}

std::string json_text(const nlohmann::ordered_json &json)
{
    return json.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace slicepatch::tool
