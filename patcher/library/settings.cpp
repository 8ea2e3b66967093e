// SPDX-License-Identifier: MIT
#include "settings.h"

#include "patcher/library/sites/globs.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <sys/auxv.h>
#include <unistd.h>

namespace slicepatch {

namespace {

constexpr std::uint32_t known_flags = SLICEPATCH_OPTION_OFF | SLICEPATCH_OPTION_REQUIRE | SLICEPATCH_OPTION_LOCK |
                                      SLICEPATCH_OPTION_ADOPT | SLICEPATCH_OPTION_LIVE | SLICEPATCH_OPTION_OWN_RSEQ |
                                      SLICEPATCH_OPTION_SEAL | SLICEPATCH_OPTION_COUNT;

// Of the library; of the simulator (sim/protocol.h), and of this project's own scripts and tests.
constexpr const char *known_names[] = {
    "SLICEPATCH",
    "SLICEPATCH_COUNT",
    "SLICEPATCH_LIVE",
    "SLICEPATCH_LOCK",
    "SLICEPATCH_RSEQ",
    "SLICEPATCH_SEAL",
    "SLICEPATCH_SITES",
    "SLICEPATCH_VERBOSE",
    "SLICEPATCH_VERIFY",
    "SLICEPATCH_WRITER",
    "SLICEPATCH_SIM_KERNEL",
    "SLICEPATCH_SIM_TICK_US",
    "SLICEPATCH_SIM_SLICE_US",
    "SLICEPATCH_SIM_RSEQ_FLAGS",
    "SLICEPATCH_SIM_STRICT",
    "SLICEPATCH_SIM_COUNTERS",
    "SLICEPATCH_KERNEL_BUILD",
    "SLICEPATCH_KERNEL_SOURCE",
    "SLICEPATCH_EMULATOR",
    "SLICEPATCH_FLIPS",
    "SLICEPATCH_VM_KERNELS",
};

/// Whether the environment has a name of ours at all. Most have none, and each name that is looked up takes a walk.
bool names_us()
{
    constexpr char prefix[] = "SLICEPATCH";
    for (char **entry = environ; entry && *entry; ++entry)
        if (!std::strncmp(*entry, prefix, sizeof prefix - 1))
            return true;
    return false;
}

/// Null where it is not set, or empty.
const char *variable(const char *name)
{
    const char *value = std::getenv(name);
    return value && *value ? value : nullptr;
}

/// As much as there is room for, with a question mark for what a terminal might obey.
template <std::size_t size> void copy_printable(const char *from, std::size_t length, char (&to)[size])
{
    const std::size_t copied = std::min(length, size - 1);
    std::transform(from, from + copied, to, [](char byte) { return byte >= ' ' && byte <= '~' ? byte : '?'; });
    to[copied] = 0;
}

Status complain(Settings &settings, Status status, const char *name, const char *value, const char *known)
{
    char printable[64 + 1];
    copy_printable(value, std::strlen(value), printable);
    std::snprintf(settings.complaint, sizeof settings.complaint, "%s=%s is not one of %s", name, printable, known);
    return status;
}

Status apply_selection(const char *value, const char *name, Status status, Settings &settings)
{
    settings.selection = value;
    if (is_selection(value))
        return Status::ok;
    std::snprintf(settings.complaint, sizeof settings.complaint, "%s has an item of more than %zu bytes", name,
                  longest_glob);
    return status;
}

/// The caller's options as this library knows them; only the bytes that the caller has are read.
Status copy_options(const slicepatch_options &given, slicepatch_options &options)
{
    const std::size_t size = given.size;
    if (size < SLICEPATCH_OPTIONS_SIZE_0)
        return Status::bad_options;
    if (size > SLICEPATCH_STRUCT_SIZE_MAX)
        return Status::options_too_new;
    const auto *bytes = reinterpret_cast<const char *>(&given);
    if (std::any_of(bytes + std::min(size, sizeof options), bytes + size, [](char byte) { return byte != 0; }))
        return Status::options_too_new;
    options = {};
    std::memcpy(&options, bytes, std::min(size, sizeof options));
    return options.flags & ~known_flags ? Status::bad_options : Status::ok;
}

/// Null, or which two flags of the options cannot both be meant.
const char *contradiction(std::uint32_t flags)
{
    constexpr std::uint32_t lock = SLICEPATCH_OPTION_LOCK | SLICEPATCH_OPTION_ADOPT,
                            off = SLICEPATCH_OPTION_OFF | SLICEPATCH_OPTION_REQUIRE;
    if ((flags & lock) == lock)
        return "the options ask for LOCK and for ADOPT";
    return (flags & off) == off ? "the options ask for OFF and for REQUIRE" : nullptr;
}

Status apply_options(const slicepatch_options &given, Settings &settings)
{
    slicepatch_options options;
    if (Status status = copy_options(given, options); status != Status::ok) {
        std::snprintf(settings.complaint, sizeof settings.complaint, "%s", status_text(status));
        return status;
    }
    if (const char *words = contradiction(options.flags)) {
        std::snprintf(settings.complaint, sizeof settings.complaint, "%s", words);
        return Status::bad_options;
    }
    settings.request.off = options.flags & SLICEPATCH_OPTION_OFF;
    settings.request.seal = options.flags & SLICEPATCH_OPTION_SEAL;
    if (options.flags & SLICEPATCH_OPTION_OWN_RSEQ)
        settings.request.registration = Registration::own;
    if (options.flags & SLICEPATCH_OPTION_REQUIRE)
        settings.required = SLICEPATCH_GUARANTEE_PROCESS;
    if (options.flags & (SLICEPATCH_OPTION_LOCK | SLICEPATCH_OPTION_ADOPT))
        settings.request.lock = options.flags & SLICEPATCH_OPTION_LOCK;
    settings.live_opt_in = options.flags & SLICEPATCH_OPTION_LIVE;
    settings.count = options.flags & SLICEPATCH_OPTION_COUNT;
    return apply_selection(options.sites, "the options' list of sites", Status::bad_options, settings);
}

Status apply_mode(const char *value, Settings &settings)
{
    const bool off = !std::strcmp(value, "off"), require = !std::strcmp(value, "require"),
               compiled = !std::strcmp(value, "compiled");
    if (!off && !require && !compiled && std::strcmp(value, "auto") != 0)
        return complain(settings, Status::bad_environment, "SLICEPATCH", value, "auto, off, require, compiled");
    settings.request.off = off;
    settings.required = require ? SLICEPATCH_GUARANTEE_PROCESS : SLICEPATCH_GUARANTEE_NONE;
    settings.compiled = compiled;
    return Status::ok;
}

Status apply_writer(const char *value, Settings &settings)
{
    if (!std::strcmp(value, "auto"))
        settings.writer = Writer::automatic;
    else if (!std::strcmp(value, "procmem"))
        settings.writer = Writer::procmem;
    else if (!std::strcmp(value, "rwx"))
        settings.writer = Writer::rwx;
    else
        return complain(settings, Status::bad_environment, "SLICEPATCH_WRITER", value, "auto, procmem, rwx");
    return Status::ok;
}

Status apply_registration(const char *value, Settings &settings)
{
    Registration &registration = settings.request.registration;
    if (!std::strcmp(value, "auto"))
        registration = Registration::automatic;
    else if (!std::strcmp(value, "libc"))
        registration = Registration::libc;
    else if (!std::strcmp(value, "own"))
        registration = Registration::own;
    else
        return complain(settings, Status::bad_environment, "SLICEPATCH_RSEQ", value, "auto, libc, own");
    return Status::ok;
}

Status check_verifier(const char *value, Settings &settings)
{
    if (std::strcmp(value, "decoder") != 0 && std::strcmp(value, "auto") != 0)
        return complain(settings, Status::bad_environment, "SLICEPATCH_VERIFY", value, "auto, decoder");
    return Status::ok;
}

Status apply_count(const char *value, Settings &settings)
{
    settings.tell_counts = !std::strcmp(value, "report");
    settings.count = settings.tell_counts || !std::strcmp(value, "1");
    if (!settings.count && std::strcmp(value, "0") != 0)
        return complain(settings, Status::bad_environment, "SLICEPATCH_COUNT", value, "0, 1, report");
    return Status::ok;
}

Status read_switch(const char *name, bool &value, Settings &settings)
{
    const char *text = variable(name);
    if (!text)
        return Status::ok;
    if (std::strcmp(text, "0") && std::strcmp(text, "1"))
        return complain(settings, Status::bad_environment, name, text, "0, 1");
    value = *text == '1';
    return Status::ok;
}

Status apply_environment(Settings &settings)
{
    if (const char *mode = variable("SLICEPATCH"))
        if (Status status = apply_mode(mode, settings); status != Status::ok)
            return status;
    if (const char *writer = variable("SLICEPATCH_WRITER"))
        if (Status status = apply_writer(writer, settings); status != Status::ok)
            return status;
    if (const char *registration = variable("SLICEPATCH_RSEQ"))
        if (Status status = apply_registration(registration, settings); status != Status::ok)
            return status;
    if (const char *verifier = variable("SLICEPATCH_VERIFY"))
        if (Status status = check_verifier(verifier, settings); status != Status::ok)
            return status;
    if (const char *count = variable("SLICEPATCH_COUNT"))
        if (Status status = apply_count(count, settings); status != Status::ok)
            return status;
    GuaranteeRequest &request = settings.request;
    const struct {
        const char *name;
        bool &value;
    } switches[] = {{"SLICEPATCH_SEAL", request.seal},
                    {"SLICEPATCH_LOCK", request.lock},
                    {"SLICEPATCH_LIVE", settings.live_opt_in}};
    for (const auto &[name, value] : switches)
        if (Status status = read_switch(name, value, settings); status != Status::ok)
            return status;
    if (const char *sites = variable("SLICEPATCH_SITES"))
        if (Status status = apply_selection(sites, "SLICEPATCH_SITES", Status::bad_environment, settings);
            status != Status::ok)
            return status;
    return Status::ok;
}

} // namespace

bool wants_decoder()
{
    const char *verifier = getauxval(AT_SECURE) ? nullptr : variable("SLICEPATCH_VERIFY");
    return verifier && !std::strcmp(verifier, "decoder");
}

Status read_settings(const slicepatch_options *options, bool caller_is_executable, Settings &settings)
{
    settings.request.lock = caller_is_executable;
    const bool has_environment = !getauxval(AT_SECURE) && names_us();
    // First, so that the complaints about others are printed.
    if (has_environment)
        if (Status status = read_switch("SLICEPATCH_VERBOSE", settings.verbose, settings); status != Status::ok)
            return status;
    if (options)
        if (Status status = apply_options(*options, settings); status != Status::ok)
            return status;
    if (has_environment)
        if (Status status = apply_environment(settings); status != Status::ok)
            return status;
    // Only what registers threads itself has them enabled from their first instruction on.
    GuaranteeRequest &request = settings.request;
    if (request.seal && request.registration == Registration::automatic)
        request.registration = Registration::own;
    return Status::ok;
}

bool is_unknown_variable(const char *entry)
{
    const std::size_t length = std::strcspn(entry, "=");
    const auto is_this = [&](const char *name) {
        return std::strlen(name) == length && !std::memcmp(name, entry, length);
    };
    return !std::strncmp(entry, known_names[0], std::strlen(known_names[0])) &&
           std::none_of(std::begin(known_names), std::end(known_names), is_this);
}

bool unknown_variable(unsigned index, char (&name)[64])
{
    if (getauxval(AT_SECURE))
        return false;
    for (char **entry = environ; entry && *entry; ++entry)
        if (is_unknown_variable(*entry) && !index--) {
            copy_printable(*entry, std::strcspn(*entry, "="), name);
            return true;
        }
    return false;
}

} // namespace slicepatch
