// SPDX-License-Identifier: MIT
#include "preload_name.h"

#include <climits>
#include <cstdlib>
#include <initializer_list>
#include <sys/stat.h>
#include <unistd.h>

namespace slicepatch::sim {

namespace {

bool is_plain(const std::string &path)
{
    return path.find_first_of(" :$") == std::string::npos;
}

std::string make_absolute(const std::string &path)
{
    char folder[PATH_MAX];
    if (path.front() == '/' || getcwd(folder, sizeof folder) == nullptr)
        return path;
    return std::string(folder) + "/" + path;
}

// A new folder, which other users can look into: the program may become one of them. Empty if there can be none.
std::string make_folder()
{
    const char *chosen = getenv("TMPDIR");
    for (const char *parent : {chosen != nullptr ? chosen : "", "/tmp", "/var/tmp", "/dev/shm"}) {
        std::string folder = std::string(parent) + "/slicepatch-sim-XXXXXX";
        if (parent[0] != '/' || !is_plain(folder) || mkdtemp(folder.data()) == nullptr)
            continue;
        if (chmod(folder.c_str(), 0755) == 0)
            return folder;
        rmdir(folder.c_str());
    }
    return {};
}

} // namespace

PreloadName::PreloadName(const std::string &path) : name_(make_absolute(path))
{
    if (is_plain(name_))
        return;
    folder_ = make_folder();
    const std::string link = folder_.empty() ? std::string() : folder_ + "/libslicepatch-sim.so";
    name_ = !link.empty() && symlink(name_.c_str(), link.c_str()) == 0 ? link : std::string();
}

PreloadName::~PreloadName()
{
    if (folder_.empty())
        return;
    if (!name_.empty())
        unlink(name_.c_str());
    rmdir(folder_.c_str());
}

} // namespace slicepatch::sim
