// SPDX-License-Identifier: MIT
#include "temporary_folder.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace slicepatch::test {

TemporaryFolder::TemporaryFolder()
{
    std::string pattern = (std::filesystem::temp_directory_path() / "slicepatch-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("mkdtemp failed");
    folder_ = pattern;
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
}

TemporaryFolder::~TemporaryFolder()
{
    std::error_code ignored; // a folder that stays behind is no reason to fail
    std::filesystem::remove_all(folder_, ignored);
}

std::string TemporaryFolder::write(const std::string &name, const std::string &text) const
{
    std::ofstream file(path(name), std::ios::binary);
    file << text;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path(name));
    return path(name);
}

std::string TemporaryFolder::copy(const std::string &file, const std::string &name) const
{
    std::filesystem::copy_file(file, folder_ / name);
    return path(name);
}

} // namespace slicepatch::test
