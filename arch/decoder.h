// SPDX-License-Identifier: MIT
//
// A decoder that the program is not linked with: its shared object, loaded when it is asked for. It stays loaded.
#ifndef SLICEPATCH_DECODER_H
#define SLICEPATCH_DECODER_H

namespace slicepatch {

class DecoderLibrary {
public:
    /// By its name for the dynamic linker. Waits for the loader's locks.
    explicit DecoderLibrary(const char *name);

    /// False where there is no such library or function, as in every fully static program.
    template <class Function> bool find(const char *name, Function *&function) const
    {
        function = reinterpret_cast<Function *>(address_of(name));
        return function != nullptr;
    }

private:
    [[nodiscard]] void *address_of(const char *name) const;
    void *library_; // null: there is none
};

} // namespace slicepatch

#endif
