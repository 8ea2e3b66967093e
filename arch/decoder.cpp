// SPDX-License-Identifier: MIT
#include "decoder.h"

#include <dlfcn.h>

// A fully static program that does not load anything itself is not to get a loader from us.
#pragma weak dlopen
#pragma weak dlsym

namespace slicepatch {

DecoderLibrary::DecoderLibrary(const char *name)
    : library_(dlopen && dlsym ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : nullptr)
{
}

void *DecoderLibrary::address_of(const char *name) const
{
    return library_ ? dlsym(library_, name) : nullptr;
}

} // namespace slicepatch
