// SPDX-License-Identifier: MIT
//
// Why a process cannot be read, in words that say who could.
#ifndef SLICEPATCH_TOOL_PROCESS_REFUSAL_H
#define SLICEPATCH_TOOL_PROCESS_REFUSAL_H

#include "file_descriptor.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace slicepatch::tool {

/// From /proc/PID/stat, which everybody may read unless /proc is mounted with hidepid.
struct ProcessStat {
    char state; // Z and X: ended
    bool kernel_thread;
    unsigned long threads;
    [[nodiscard]] bool ended() const
    {
        return state == 'Z' || state == 'X';
    }
};

/// Of a process or thread, by its folder of /proc. Nothing: errno says why.
[[nodiscard]] std::optional<ProcessStat> read_stat(const FileDescriptor &directory);

/// Whether the numbers in /proc are those of another PID namespace than this program's.
[[nodiscard]] bool is_proc_foreign();

/// "no such process", ...: there is no /proc/PID to be opened, for this errno.
[[nodiscard]] std::string absence_text(pid_t pid, int error);
/// The folder is open, but a file in it could not be read, for this errno.
[[nodiscard]] std::string refusal_text(pid_t pid, const FileDescriptor &directory, const char *file, int error);

} // namespace slicepatch::tool

#endif
