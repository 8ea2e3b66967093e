// SPDX-License-Identifier: MIT
#include "settings.h"

#include "context.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slicepatch::sim {

constinit Settings settings;

namespace {

// Standard error at the start; an inode of 0: it was closed.
constinit dev_t error_device = 0;
constinit ino_t error_inode = 0;

// Where the counters are when there is no launcher, or when its file is out of reach (another uid, a chroot).
constinit SharedCounters private_counters;

const char *find_variable(char **environment, const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environment; entry != nullptr && *entry != nullptr; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return nullptr;
}

// The position of the variable's value among `words`; 0 when it is not set.
int read_word(char **environment, const char *name, const char *const *words, int words_count)
{
    const char *value = find_variable(environment, name);
    if (value == nullptr)
        return 0;
    for (int i = 0; i < words_count; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    fail("a SLICEPATCH_SIM_ variable has a value that is not one of its words");
}

uint64_t read_microseconds(char **environment, const char *name, uint64_t otherwise_ns)
{
    const char *value = find_variable(environment, name);
    if (value == nullptr)
        return otherwise_ns;
    char *end = nullptr;
    unsigned long long microseconds = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || microseconds == 0 || microseconds > 1000000000ULL)
        fail("a SLICEPATCH_SIM_ time is not a number of microseconds");
    return microseconds * 1000;
}

SharedCounters *map_counters(const char *path)
{
    if (path == nullptr)
        return &private_counters;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return &private_counters;
    void *page = mmap(nullptr, sizeof(SharedCounters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return page == MAP_FAILED ? &private_counters : static_cast<SharedCounters *>(page);
}

} // namespace

void read_settings(char **environment)
{
    struct stat error = {};
    if (fstat(STDERR_FILENO, &error) == 0) {
        error_device = error.st_dev;
        error_inode = error.st_ino;
    }
    static const char *const kernels[] = {"patched", "stock", "off", "none"};
    static constexpr Kernel kernel_of_word[] = {Kernel::patched, Kernel::stock, Kernel::off, Kernel::none};
    static const char *const policies[] = {"auto", "on", "off"};
    static constexpr FlagsPolicy policy_of_word[] = {FlagsPolicy::automatic, FlagsPolicy::on, FlagsPolicy::off};
    static const char *const switches[] = {"0", "1"};

    settings.kernel = kernel_of_word[read_word(environment, kernel_variable, kernels, 4)];
    settings.flags = policy_of_word[read_word(environment, flags_variable, policies, 3)];
    settings.strict = read_word(environment, strict_variable, switches, 2) == 1;
    settings.tick_ns = read_microseconds(environment, tick_variable, settings.tick_ns);
    settings.slice_ns = read_microseconds(environment, slice_variable, settings.slice_ns);
    settings.counters = map_counters(find_variable(environment, counters_variable));
}

void write_error(const char *text, size_t length)
{
    struct stat now = {};
    if (error_inode != 0 && kernel_call(SYS_fstat, STDERR_FILENO, reinterpret_cast<uintptr_t>(&now)) == 0 &&
        now.st_dev == error_device && now.st_ino == error_inode)
        kernel_call(SYS_write, STDERR_FILENO, reinterpret_cast<uintptr_t>(text),
                    length); // there is nobody else to tell
}

void fail(const char *message)
{
    char line[256] = "slicepatch sim: ";
    size_t start = strlen(line);
    size_t length = strnlen(message, sizeof line - start - 1);
    memcpy(line + start, message, length);
    line[start + length] = '\n';
    write_error(line, start + length + 1);
    _exit(exit_failure);
}

} // namespace slicepatch::sim
