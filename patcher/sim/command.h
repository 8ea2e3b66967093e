// SPDX-License-Identifier: MIT
//
// Which file a command is, and whether an object can be preloaded into it. Internal to the launcher.
#ifndef SLICEPATCH_SIM_COMMAND_H
#define SLICEPATCH_SIM_COMMAND_H

#include <string>

namespace slicepatch::sim {

struct CommandCheck {
    int exit_code = 0;   // 0: can be simulated
    std::string path;    // what execvp(3) would execute
    std::string message; // why not, for people
};

// Looks `command` up as execvp(3) does, and reads its ELF headers; those of the interpreter if it is a script.
[[nodiscard]] CommandCheck check_command(const std::string &command);

} // namespace slicepatch::sim

#endif // SLICEPATCH_SIM_COMMAND_H
