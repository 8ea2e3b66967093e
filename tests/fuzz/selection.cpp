// SPDX-License-Identifier: MIT
//
// Any text as SLICEPATCH_SITES.
#include "patcher/library/sites/globs.h"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char *>(data), size);
    const std::size_t half = size / 2;
    (void)slicepatch::selects(text.substr(0, half).c_str(), text.substr(half).c_str());
    return 0;
}
