// SPDX-License-Identifier: MIT
#include "environment.h"

#include "plan.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/auxv.h>

namespace slicepatch {

namespace {

constexpr std::uint32_t known_flags = SLICEPATCH_OPTION_OFF | SLICEPATCH_OPTION_REQUIRE | SLICEPATCH_OPTION_LOCK |
                                      SLICEPATCH_OPTION_ADOPT | SLICEPATCH_OPTION_LIVE | SLICEPATCH_OPTION_OWN_RSEQ |
                                      SLICEPATCH_OPTION_SEAL;

Status complain(Settings &settings, Status status, const char *name, const char *value, const char *known)
{
    std::snprintf(settings.complaint, sizeof settings.complaint, "%s=%.64s is not one of %s", name, value, known);
    return status;
}

Status apply_selection(const char *value, const char *name, Status status, Settings &settings)
{
    settings.patch.selection = value;
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
    const bool contradicting = options.flags & SLICEPATCH_OPTION_LOCK && options.flags & SLICEPATCH_OPTION_ADOPT;
    return options.flags & ~known_flags || contradicting ? Status::bad_options : Status::ok;
}

Status apply_options(const slicepatch_options &given, Settings &settings)
{
    slicepatch_options options;
    if (Status status = copy_options(given, options); status != Status::ok) {
        std::snprintf(settings.complaint, sizeof settings.complaint, "%s", status_text(status));
        return status;
    }
    PatchOptions &patch = settings.patch;
    patch.request.off = options.flags & SLICEPATCH_OPTION_OFF;
    patch.request.seal = options.flags & SLICEPATCH_OPTION_SEAL;
    if (options.flags & SLICEPATCH_OPTION_OWN_RSEQ)
        patch.request.registration = Registration::own;
    if (options.flags & SLICEPATCH_OPTION_REQUIRE)
        patch.required = SLICEPATCH_GUARANTEE_PROCESS;
    if (options.flags & (SLICEPATCH_OPTION_LOCK | SLICEPATCH_OPTION_ADOPT))
        patch.request.lock = options.flags & SLICEPATCH_OPTION_LOCK;
    patch.live_opt_in = options.flags & SLICEPATCH_OPTION_LIVE;
    return apply_selection(options.sites, "the options' list of sites", Status::bad_options, settings);
}

Status apply_mode(const char *value, Settings &settings)
{
    PatchOptions &patch = settings.patch;
    if (!std::strcmp(value, "off")) {
        patch.request.off = true;
        patch.required = SLICEPATCH_GUARANTEE_NONE;
    } else if (!std::strcmp(value, "require")) {
        patch.request.off = false;
        patch.required = SLICEPATCH_GUARANTEE_PROCESS;
    } else if (!std::strcmp(value, "auto")) {
        patch.request.off = false;
        patch.required = SLICEPATCH_GUARANTEE_NONE;
    } else {
        return complain(settings, Status::bad_environment, "SLICEPATCH", value, "auto, off, require");
    }
    return Status::ok;
}

Status apply_writer(const char *value, Settings &settings)
{
    if (!std::strcmp(value, "auto"))
        settings.patch.writer = Writer::automatic;
    else if (!std::strcmp(value, "procmem"))
        settings.patch.writer = Writer::procmem;
    else if (!std::strcmp(value, "rwx"))
        settings.patch.writer = Writer::rwx;
    else
        return complain(settings, Status::bad_environment, "SLICEPATCH_WRITER", value, "auto, procmem, rwx");
    return Status::ok;
}

Status apply_registration(const char *value, Settings &settings)
{
    Registration &registration = settings.patch.request.registration;
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

Status read_switch(const char *name, bool &value, Settings &settings)
{
    const char *text = std::getenv(name);
    if (!text)
        return Status::ok;
    if (std::strcmp(text, "0") && std::strcmp(text, "1"))
        return complain(settings, Status::bad_environment, name, text, "0, 1");
    value = *text == '1';
    return Status::ok;
}

Status apply_environment(Settings &settings)
{
    if (const char *mode = std::getenv("SLICEPATCH"))
        if (Status status = apply_mode(mode, settings); status != Status::ok)
            return status;
    if (const char *writer = std::getenv("SLICEPATCH_WRITER"))
        if (Status status = apply_writer(writer, settings); status != Status::ok)
            return status;
    if (const char *registration = std::getenv("SLICEPATCH_RSEQ"))
        if (Status status = apply_registration(registration, settings); status != Status::ok)
            return status;
    if (Status status = read_switch("SLICEPATCH_SEAL", settings.patch.request.seal, settings); status != Status::ok)
        return status;
    if (const char *sites = std::getenv("SLICEPATCH_SITES"))
        if (Status status = apply_selection(sites, "SLICEPATCH_SITES", Status::bad_environment, settings);
            status != Status::ok)
            return status;
    if (Status status = read_switch("SLICEPATCH_LIVE", settings.patch.live_opt_in, settings); status != Status::ok)
        return status;
    return read_switch("SLICEPATCH_VERBOSE", settings.verbose, settings);
}

} // namespace

Status read_settings(const slicepatch_options *options, bool caller_is_executable, Settings &settings)
{
    settings.patch.request.lock = caller_is_executable;
    if (options)
        if (Status status = apply_options(*options, settings); status != Status::ok)
            return status;
    if (!getauxval(AT_SECURE))
        if (Status status = apply_environment(settings); status != Status::ok)
            return status;
    // Only what registers threads itself has them enabled from their first instruction on.
    GuaranteeRequest &request = settings.patch.request;
    if (request.seal && request.registration == Registration::automatic)
        request.registration = Registration::own;
    return Status::ok;
}

} // namespace slicepatch
