// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TESTS_TEMPORARY_FOLDER_H
#define SLICEPATCH_TESTS_TEMPORARY_FOLDER_H

#include <filesystem>
#include <string>

namespace slicepatch::test {

/// A folder that is gone at the end. Others may look into it. What fails here throws.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder &) = delete;
    TemporaryFolder &operator=(const TemporaryFolder &) = delete;

    [[nodiscard]] std::string path() const
    {
        return folder_.string();
    }
    [[nodiscard]] std::string path(const std::string &name) const
    {
        return (folder_ / name).string();
    }

    /// The path of a new file.
    [[nodiscard]] std::string write(const std::string &name, const std::string &text) const;
    [[nodiscard]] std::string copy(const std::string &file, const std::string &name) const;

private:
    std::filesystem::path folder_;
};

} // namespace slicepatch::test

#endif
