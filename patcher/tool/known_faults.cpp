// SPDX-License-Identifier: MIT
#include "known_faults.h"

#include <cstdio>

namespace slicepatch::tool {

std::string known_fault(const std::string &release)
{
    unsigned major = 0, minor = 0;
    char behind[4] = "";
    if (std::sscanf(release.c_str(), "%u.%u.0-%3[rc]", &major, &minor, behind) < 2 || major != 7)
        return "";
    const bool candidate = behind == std::string("rc"); // of 7.2, whose release has the fix
    std::string fault;
    if (minor < 2 || (minor == 2 && candidate))
        fault = "without a fix of August 2026, a CPU can lock up on a granted slice";
    if (minor == 0)
        fault += "; without one of May 2026, areas of 32 bytes are granted slices too, which breaks tcmalloc";
    return fault;
}

} // namespace slicepatch::tool
