// SPDX-License-Identifier: MIT
//
// The functions that this object stands in front of, as the program would have found them without it.
#ifndef SLICEPATCH_SIM_NEXT_H
#define SLICEPATCH_SIM_NEXT_H

#include <dlfcn.h>

namespace slicepatch::sim {

// Looked up at the first call, and once more if two threads are first. Another preloaded object may be next, or a
// library that wraps the same function.
template <typename Function> Function *find_next(Function *&cache, const char *name)
{
    Function *found = __atomic_load_n(&cache, __ATOMIC_RELAXED);
    if (found == nullptr) {
        found = reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
        __atomic_store_n(&cache, found, __ATOMIC_RELAXED);
    }
    return found;
}

} // namespace slicepatch::sim

// The next definition of the function whose name this is.
#define SLICEPATCH_SIM_NEXT(name)                                                                                      \
    ([]() -> decltype(&::name) {                                                                                       \
        static decltype(&::name) cache;                                                                                \
        return slicepatch::sim::find_next(cache, #name);                                                               \
    }())

#define SLICEPATCH_SIM_EXPORT extern "C" __attribute__((visibility("default")))

#endif // SLICEPATCH_SIM_NEXT_H
