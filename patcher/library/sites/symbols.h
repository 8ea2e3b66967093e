// SPDX-License-Identifier: MIT
//
// Names of functions: of those that an object exports from its memory, of all others from the symbol table of its file.
#ifndef SLICEPATCH_SYMBOLS_H
#define SLICEPATCH_SYMBOLS_H

#include "patcher/library/base/maps.h"

#include <link.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace slicepatch {

/// A function whose name is asked for.
struct Function {
    std::uintptr_t address; // in it
    std::uint32_t group;
    bool named;
};

/// What is called for each name.
struct NameVisitor {
    void (*visit)(std::uint32_t group, const char *name, void *data);
    void *data;
};

/// Tells the (mangled) name of each of an object's functions, of any length, in one pass over its symbols. Without what
/// the compiler adds behind a dot when it makes several of one (".part.0", ".cold"): they share every decision.
/// functions are in the order of their addresses. Call it under the loader's lock, and for objects in the order of
/// their addresses, with the same maps.
///
/// False when functions are left that may have a name: the object's file cannot be read, or what is found at its path
/// is another one. A file is the object's if the kernel maps both as the same; nothing but regular files is opened, and
/// nothing of a file is mapped for longer than that question, because a program that cuts the file short meanwhile
/// would end this process.
bool name_functions(const dl_phdr_info &object, Maps &maps, std::span<Function> functions, const NameVisitor &visitor);

} // namespace slicepatch

#endif
