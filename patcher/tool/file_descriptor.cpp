// SPDX-License-Identifier: MIT
#include "file_descriptor.h"

#include <cerrno>
#include <fcntl.h>

namespace slicepatch::tool {

std::size_t read_at(const FileDescriptor &file, std::uint64_t offset, std::span<std::uint8_t> bytes)
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        // An offset beyond off_t becomes negative, which the kernel refuses for a file and takes as an address for
        // /proc/PID/mem: what each of them needs.
        const ssize_t count =
            pread(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

bool read_all(const FileDescriptor &file, std::string &text)
{
    text.clear();
    char block[4096];
    for (;;) {
        const ssize_t count = read(file.get(), block, sizeof block);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count == 0;
        text.append(block, static_cast<std::size_t>(count));
    }
}

bool read_all(const std::string &path, std::string &text)
{
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return file && read_all(file, text);
}

} // namespace slicepatch::tool
