// SPDX-License-Identifier: MIT
#include "text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace wordcount {

std::string read_file(const std::string &path)
{
    const auto fail = [&path] { throw std::system_error(errno, std::generic_category(), path); };
    const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "re"), std::fclose);
    if (!file)
        fail();

    constexpr size_t step = 1 << 20;
    std::string text;
    for (;;) {
        const size_t size = text.size();
        text.resize(size + step);
        const size_t got = std::fread(text.data() + size, 1, step, file.get());
        text.resize(size + got);
        if (got == step)
            continue;
        if (std::ferror(file.get()))
            fail();
        return text;
    }
}

void split_at_word_borders(std::string_view text, size_t size, std::vector<std::string_view> &chunks)
{
    while (!text.empty()) {
        const auto nominal = text.begin() + static_cast<std::ptrdiff_t>(std::min(size, text.size()));
        const auto end = std::find_if_not(nominal, text.end(), is_letter);
        const auto length = static_cast<size_t>(end - text.begin());
        chunks.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

} // namespace wordcount
