// SPDX-License-Identifier: MIT
//
// What is true of this machine for every process.
#include "checks.h"
#include "error.h"
#include "file_descriptor.h"
#include "known_faults.h"

#include "../../arch/backend.h"
#include "patcher/library/settings.h"

#include <slicepatch/abi.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <zlib.h>

#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66 // Linux 6.3, include/uapi/linux/prctl.h
#endif

namespace slicepatch::tool {

std::string status_field(const std::string &status, const std::string &name)
{
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + ":")) {
            const std::size_t value = line.find_first_not_of(" \t", name.size() + 1);
            return value == std::string::npos ? "" : line.substr(value);
        }
    return "";
}

Check check_variables(const std::vector<std::string> &variables)
{
    std::string values, unknown;
    for (const std::string &variable : variables) {
        if (variable.starts_with("SLICEPATCH"))
            values += (values.empty() ? "" : " ") + variable;
        if (is_unknown_variable(variable.c_str()))
            unknown += (unknown.empty() ? "" : ", ") + variable.substr(0, variable.find('='));
    }
    if (!unknown.empty())
        return {"environment", "note", fmt::format("{}; no part of slicepatch reads {}", values, unknown)};
    return {"environment", values.empty() ? "ok" : "note", values.empty() ? "no SLICEPATCH variables" : values};
}

Check check_kernel_version()
{
    utsname name;
    uname(&name);
    const bool enough = std::atoi(name.release) >= 7;
    if (!enough)
        return {"kernel-version", "bad",
                fmt::format("{} {}: time slice extensions came with 7.0", name.sysname, name.release)};
    const std::string fault = known_fault(name.release);
    return {"kernel-version", fault.empty() ? "ok" : "note",
            fmt::format("{} {}{}{}", name.sysname, name.release, fault.empty() ? "" : ": ", fault)};
}

Check check_kernel_command_line()
{
    std::string text;
    if (!read_all("/proc/cmdline", text))
        return {"kernel-command-line", "unknown", "/proc/cmdline cannot be read"};
    std::istringstream words(text);
    for (std::string word; words >> word;)
        if (word.starts_with("rseq_slice_ext=")) {
            const std::string value = word.substr(word.find('=') + 1);
            const bool off = value == "0" || value == "off" || value == "n" || value == "N";
            return {"kernel-command-line", off ? "bad" : "ok", word};
        }
    return {"kernel-command-line", "ok", "rseq_slice_ext is not set: on where the kernel has it"};
}

/// The whole of a file, compressed or not, or as much as a configuration can have. False if it cannot be opened.
bool read_gzipped(const std::string &path, std::string &text)
{
    constexpr std::size_t enough = 16 << 20;
    const gzFile file = gzopen(path.c_str(), "rbe");
    if (!file)
        return false;
    std::array<char, 1 << 16> block;
    text.clear();
    for (int count; text.size() < enough && (count = gzread(file, block.data(), block.size())) > 0;)
        text.append(block.data(), static_cast<std::size_t>(count));
    gzclose(file);
    return true;
}

Check check_kernel_config()
{
    utsname name;
    uname(&name);
    for (const std::string &path : {std::string("/proc/config.gz"), fmt::format("/boot/config-{}", name.release)}) {
        std::string text;
        if (!read_gzipped(path, text))
            continue;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
            if (line == "CONFIG_RSEQ_SLICE_EXTENSION=y" || line == "# CONFIG_RSEQ_SLICE_EXTENSION is not set")
                return {"kernel-config", line.front() == '#' ? "bad" : "ok", fmt::format("{}: {}", path, line)};
        return {"kernel-config", "bad", fmt::format("{}: no RSEQ_SLICE_EXTENSION", path)};
    }
    return {"kernel-config", "unknown", "neither /proc/config.gz nor /boot/config-RELEASE can be read"};
}

/// The first of them that the kernel has: the name has moved between versions.
Check check_slice_length()
{
    for (const char *path : {"/sys/kernel/debug/rseq/slice_ext_nsec", "/proc/sys/kernel/rseq_slice_extension_nsec"}) {
        std::string text;
        if (read_all(path, text))
            return {"slice-length", "ok", fmt::format("{}: {} ns", path, text.substr(0, text.find('\n')))};
    }
    return {"slice-length", "unknown", "the kernel has no slice_ext_nsec, or debugfs is not mounted or not readable"};
}

Check check_seccomp(const std::string &status)
{
    const std::string mode = status_field(status, "Seccomp");
    if (mode.empty())
        return {"seccomp", "unknown", "/proc/PID/status does not tell"};
    if (mode == "0")
        return {"seccomp", "ok", "no sandbox"};
    return {"seccomp", "note",
            fmt::format("mode {}{}: a filter decides about prctl and system call {}", mode,
                        mode == "1" ? " (strict)" : "", SLICEPATCH_NR_RSEQ_SLICE_YIELD)};
}

Check check_auxv(unsigned long feature_size, unsigned long alignment)
{
    if (!feature_size)
        return {"rseq-auxv", "bad", "no AT_RSEQ_FEATURE_SIZE: a kernel before 6.3"};
    // slice_ctrl ends where the legacy area does.
    return {"rseq-auxv", feature_size >= sizeof(slicepatch_rseq) ? "ok" : "bad",
            fmt::format("AT_RSEQ_FEATURE_SIZE {}, AT_RSEQ_ALIGN {}; slice_ctrl needs {}", feature_size, alignment,
                        sizeof(slicepatch_rseq))};
}

/// By doing it to a page that may only be read and executed, as program text is.
Check check_procmem()
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void *memory = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return {"writer-procmem", "unknown", fmt::format("no page to try it on: {}", std::strerror(errno))};
    const FileDescriptor file(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
    const char byte = 1;
    const bool written =
        file && pwrite(file.get(), &byte, 1, static_cast<off_t>(reinterpret_cast<std::uintptr_t>(memory))) == 1;
    const int error = errno;
    munmap(memory, page);
    if (written)
        return {"writer-procmem", "ok", "/proc/self/mem writes to program text"};
    return {"writer-procmem", "note", fmt::format("/proc/self/mem: {}", std::strerror(error))};
}

Check check_rwx()
{
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const int mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0);
    void *memory = mmap(nullptr, page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const int error = errno;
    const char *policy = mdwe > 0 ? "memory-deny-write-execute (PR_SET_MDWE) is set" : "PR_SET_MDWE is not set";
    if (memory == MAP_FAILED)
        return {"writer-rwx", "note",
                fmt::format("writable and executable memory: {} ({}); running threads cannot be patched under",
                            std::strerror(error), policy)};
    munmap(memory, page);
    return {"writer-rwx", "ok", fmt::format("writable and executable memory is allowed; {}", policy)};
}

Check check_live()
{
    const bool proven = live_writes_proven();
    return {"live-patching", proven ? "ok" : "note",
            proven ? "this CPU is known to tolerate writing under running threads"
                   : "writing under running threads is opt-in on this CPU: `slicepatch selftest --flips 1000000`, then "
                     "SLICEPATCH_LIVE=1"};
}

} // namespace slicepatch::tool
