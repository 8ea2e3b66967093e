// SPDX-License-Identifier: MIT
//
// The functions that this object stands in front of, as the program would have found them without it.
#ifndef SLICEPATCH_SIM_NEXT_H
#define SLICEPATCH_SIM_NEXT_H

#include <dlfcn.h>

namespace slicepatch::sim {

// Another preloaded object may be next, or a library that wraps the same function.
template <typename Pointer> Pointer find_next(const char *name)
{
    return reinterpret_cast<Pointer>(dlsym(RTLD_NEXT, name));
}

} // namespace slicepatch::sim

// At file scope: looks the next definition of a function up when this object is loaded. Later, a signal handler may be
// the first who calls it, and dlsym() is not for signal handlers.
// clang-format off
#define SLICEPATCH_SIM_FIND(name)                                                                                      \
    static decltype(&::name) next_##name = slicepatch::sim::find_next<decltype(&::name)>(#name)

// The next definition. A call that comes before it was looked up comes from no signal handler.
#define SLICEPATCH_SIM_NEXT(name)                                                                                      \
    (next_##name != nullptr ? next_##name : slicepatch::sim::find_next<decltype(&::name)>(#name))
// clang-format on

#define SLICEPATCH_SIM_EXPORT extern "C" __attribute__((visibility("default")))

#endif // SLICEPATCH_SIM_NEXT_H
