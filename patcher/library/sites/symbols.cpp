// SPDX-License-Identifier: MIT
#include "symbols.h"

#include "exports.h"
#include "file_symbols.h"
#include "object_file.h"

#include <unistd.h>

namespace slicepatch {

bool name_functions(const dl_phdr_info &object, Maps &maps, std::span<Function> functions, const NameVisitor &visitor)
{
    Naming naming(functions, visitor);
    name_by_exports(object, naming);
    if (naming.done())
        return true;
    const int file = open_object(object, maps);
    if (file < 0)
        return false;
    const bool read = name_by_file(file, object.dlpi_addr, naming);
    close(file);
    return read;
}

} // namespace slicepatch
