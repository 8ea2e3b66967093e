// SPDX-License-Identifier: MIT
#include "settings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch::sim {

constinit Settings settings;

namespace {

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

void fail(const char *message)
{
    char line[256] = "slicepatch sim: ";
    size_t start = strlen(line);
    size_t length = strnlen(message, sizeof line - start - 1);
    memcpy(line + start, message, length);
    line[start + length] = '\n';
    ssize_t written = write(STDERR_FILENO, line, start + length + 1);
    (void)written; // there is nobody else to tell
    _exit(exit_failure);
}

} // namespace slicepatch::sim
