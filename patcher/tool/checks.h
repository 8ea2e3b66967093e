// SPDX-License-Identifier: MIT
//
// What `why` finds out: each precondition with its verdict, and what follows from all of them.
#ifndef SLICEPATCH_TOOL_CHECKS_H
#define SLICEPATCH_TOOL_CHECKS_H

#include <string>
#include <sys/types.h>
#include <vector>

namespace slicepatch::tool {

struct Check {
    std::string name;
    std::string verdict; // ok, bad (lowers the guarantee or stops patching), note (costs nothing), unknown
    std::string detail;
};

struct Diagnosis {
    std::string guarantee; // slicepatch_guarantee_name(); of a process from outside also unknown
    std::string reason;
    std::string next; // the one step that would raise it
    std::vector<Check> checks;
};

/// What a program that is started here and now would get. Asks in a child process, so that nothing lasts.
[[nodiscard]] Diagnosis diagnose_here();
/// What can be seen of a running process. Throws Error if it cannot be read.
[[nodiscard]] Diagnosis diagnose_process(pid_t pid);

/// What a guarantee that is given thread by thread leaves out, and the two ways to have it in.
inline constexpr char missed_threads[] =
    "those that exist before the first slicepatch_init() are missed: call it before they start, or "
    "slicepatch_thread_init() in each";

/// The value of a line "NAME:\tVALUE" of /proc/PID/status; empty if there is none.
[[nodiscard]] std::string status_field(const std::string &status, const std::string &name);
/// Of an environment, one "NAME=value" each: what of it is slicepatch's, and names that begin so and are nobody's.
[[nodiscard]] Check check_variables(const std::vector<std::string> &variables);
/// Of the machine, the same for every process.
[[nodiscard]] Check check_kernel_version();
[[nodiscard]] Check check_kernel_command_line();
[[nodiscard]] Check check_kernel_config();
[[nodiscard]] Check check_slice_length();
[[nodiscard]] Check check_live();
/// Whether program text can be written to in this process, by doing it to a page of its own.
[[nodiscard]] Check check_procmem();
[[nodiscard]] Check check_rwx();
/// status: the text of /proc/PID/status.
[[nodiscard]] Check check_seccomp(const std::string &status);
/// AT_RSEQ_FEATURE_SIZE and AT_RSEQ_ALIGN, 0 where the kernel does not tell.
[[nodiscard]] Check check_auxv(unsigned long feature_size, unsigned long alignment);

} // namespace slicepatch::tool

#endif
