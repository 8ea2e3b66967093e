// SPDX-License-Identifier: MIT
#include "record.h"

#include "image.h"

namespace slicepatch {

namespace {

const char *string_named_by(const std::int32_t &field)
{
    return field ? reinterpret_cast<const char *>(named_by(field)) : nullptr;
}

std::uintptr_t distance(std::uintptr_t a, std::uintptr_t b)
{
    return a < b ? b - a : a - b;
}

} // namespace

const char *site_label(const slicepatch_site_record &record)
{
    return string_named_by(record.label);
}

const char *site_file(const slicepatch_site_record &record)
{
    const char *file = string_named_by(record.file);
    return file ? file : "";
}

Status check_record(const Backend &backend, const Image &image, const Functions &functions,
                    const slicepatch_site_record &record, const slicepatch_site_record *before)
{
    if (record.version != SLICEPATCH_RECORD_VERSION || record.machine != backend.machine ||
        record.kind < SLICEPATCH_SITE_ENTER || record.kind > SLICEPATCH_SITE_BRANCH)
        return Status::record_unknown;
    // First: whatever else is wrong with it, a record is told of by its strings.
    const auto is_safe = [&](const std::int32_t &field, const std::int32_t *field_before) {
        const char *string = string_named_by(field);
        return !string || (field_before && string == string_named_by(*field_before)) || image.contains_string(string);
    };
    if (!is_safe(record.label, before ? &before->label : nullptr) ||
        !is_safe(record.file, before ? &before->file : nullptr))
        return Status::string_outside_object;
    const auto kind = static_cast<Kind>(record.kind);
    const Place place = site_place(record);
    if (!image.contains(place.head, backend.site_size(kind), PF_R | PF_X))
        return Status::site_outside_text;
    if (place.head & (backend.site_alignment - 1u))
        return Status::site_misaligned;
    if (!image.contains(place.cold, 1, PF_X) || (kind == Kind::branch && !image.contains(place.taken, 1, PF_X)))
        return Status::target_outside_text;
    // Known now, so that no site fails when others are written already.
    if (distance(place.head, place.cold) > backend.reach ||
        (kind == Kind::branch && distance(place.head, place.taken) > backend.reach))
        return Status::target_out_of_range;
    return functions.leave_behind(place.head) ? Status::code_moved : Status::ok;
}

} // namespace slicepatch
