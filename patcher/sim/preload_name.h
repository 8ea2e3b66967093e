// SPDX-License-Identifier: MIT
//
// A name of the preloaded object that LD_PRELOAD can hold. Internal to the launcher.
#ifndef SLICEPATCH_SIM_PRELOAD_NAME_H
#define SLICEPATCH_SIM_PRELOAD_NAME_H

#include <string>

namespace slicepatch::sim {

// The dynamic linker splits LD_PRELOAD at spaces and colons, and replaces $ORIGIN and its like. A path with one of
// those gets another name for as long as this lives: a symbolic link in a folder of its own.
class PreloadName {
public:
    // Of the file at `path`, absolute or not.
    explicit PreloadName(const std::string &path);
    ~PreloadName();
    PreloadName(const PreloadName &) = delete;
    PreloadName &operator=(const PreloadName &) = delete;

    // Absolute. Empty: there is no folder for temporary files that has a plain name and can be written.
    [[nodiscard]] const std::string &name() const
    {
        return name_;
    }

private:
    std::string folder_; // empty: the path was plain
    std::string name_;
};

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_PRELOAD_NAME_H
