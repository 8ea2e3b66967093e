// SPDX-License-Identifier: MIT
#include "site_view.h"
#include "disassemble.h"
#include "error.h"
#include "object_copy.h"

#include "patcher/library/sites/image.h"
#include "patcher/library/sites/sites.h"

#include <algorithm>
#include <elf.h>
#include <fmt/format.h>
#include <fmt/ranges.h> // join(), from version 11 on
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace slicepatch::tool {

namespace {

constexpr std::size_t most_records = 1 << 20;  // of one object; more than any program has
constexpr std::size_t most_strings = 64 << 20; // bytes of all labels and names of files

/// For machines of which this build knows records and no sequence: every address is as good as any other.
Backend make_unknown_backend(std::uint16_t machine)
{
    Backend backend{};
    backend.name = "unknown";
    backend.machine = machine;
    backend.site_alignment = 1;
    backend.reach = UINT32_MAX;
    backend.site_sizes = {1, 1, 1};
    backend.decode = [](Kind, const Place &, std::span<const std::uint8_t>, Decoded &) {
        return Status::decoder_missing;
    };
    return backend;
}

class Viewer {
public:
    Viewer(const ElfImage &image, const ElfFile *file, bool compare)
        : image_(image), file_(file), compare_(compare), backend_(find_backend(image.machine())),
          unknown_(make_unknown_backend(image.machine())), copy_(image), functions_(copy_.info())
    {
    }

    void view(ObjectView &object)
    {
        if (!check_size(object))
            return;
        SiteList list;
        if (find_sites_in(backend_ ? *backend_ : unknown_, copy_.info(), list) != Status::ok)
            throw Error("{}: no memory for the list of its sites", image_.name());
        if (list.bad_objects) {
            object.trouble = list.bad_object_trouble;
            object.problems.push_back(status_text(list.bad_object_trouble));
        }
        if (!list.objects.empty())
            object.counters = reinterpret_cast<std::uint64_t>(list.objects[0].state->counters);
        object.sites.reserve(list.sites.size());
        for (const Site &site : list.sites) {
            object.sites.push_back(view_site(list, site));
            if (site.repeated)
                repeat(object.sites[object.sites.size() - 2], object.sites.back());
        }
        std::stable_sort(object.sites.begin(), object.sites.end(),
                         [](const SiteView &a, const SiteView &b) { return a.address < b.address; });
    }

private:
    /// A file may claim any number of records, and all of them would be listed.
    bool check_size(ObjectView &object) const
    {
        const Image image(copy_.info());
        Image::Cursor cursor;
        SiteTable table;
        bool found = true;
        while (image.find_table(cursor, table, found) == Status::ok && found)
            if (const auto count = static_cast<std::size_t>(table.end - table.begin); count > most_records) {
                object.problems.push_back(
                    fmt::format("the table claims {} sites, more than {}: not read", count, most_records));
                return false;
            }
        return true;
    }

    [[nodiscard]] std::uint64_t shown(std::uint64_t address) const
    {
        return image_.bias() + copy_.link_address(address);
    }

    SiteView view_site(const SiteList &list, const Site &found)
    {
        const slicepatch_site_record &record = *found.record;
        const Place place = site_place(record);
        const std::uintptr_t function = functions_.find(place.head);
        SiteView site{};
        site.object = image_.name();
        site.kind = record.kind;
        site.line = record.line;
        site.link_address = copy_.link_address(place.head);
        site.address = shown(place.head);
        site.cold = shown(place.cold);
        site.taken = shown(place.taken);
        site.function_start = function ? copy_.link_address(function) : 0;
        site.group = list.groups[found.group].whole;
        name_site(found, site);
        if (found.trouble != Status::ok)
            trouble(site, found.trouble, detail(found, place));
        site.now.state = backend_ ? std::optional(State::foreign) : std::nullopt;
        if (backend_ && found.trouble != Status::record_unknown) {
            site.now = read_bytes(image_, site.link_address, site);
            if (compare_ && file_)
                site.on_disk = read_bytes(*file_, site.link_address, site);
            if (site.trouble.empty() && site.now.state == State::foreign)
                trouble(site, Status::bytes_foreign, fmt::format("found {}", bytes_text(site.now.bytes)));
        }
        return site;
    }

    /// Strings of a record that is not trusted are not read. They are shared by many records, and none may make this
    /// program larger than all of them are.
    std::string read_string(const char *string)
    {
        const auto [known, added] = strings_.try_emplace(string);
        if (added) {
            known->second = string;
            if ((string_bytes_ += known->second.size()) > most_strings)
                throw Error("{}: the strings of its records have more than {} bytes", image_.name(), most_strings);
        }
        return known->second;
    }

    void name_site(const Site &found, SiteView &site)
    {
        if (found.trouble != Status::string_outside_object && found.trouble != Status::record_unknown) {
            const char *label = site_label(*found.record);
            site.label = label ? read_string(label) : "";
            site.file = read_string(site_file(*found.record));
        }
        if (!file_)
            return;
        if (const auto known = names_.find(site.function_start); site.function_start && known != names_.end())
            site.function = known->second;
        else
            names_[site.function_start] = site.function = file_->function_at(site.link_address);
        if (site.file.empty())
            if (const auto source = file_->source_at(site.link_address)) {
                site.file = source->file;
                site.line = source->line;
            }
    }

    /// What the words of a status leave open.
    [[nodiscard]] std::string detail(const Site &found, const Place &place) const
    {
        const slicepatch_site_record &record = *found.record;
        switch (found.trouble) {
        case Status::record_unknown:
            return fmt::format("kind {}, version {}, machine {}", record.kind, record.version, record.machine);
        case Status::site_misaligned:
            return fmt::format("by {} of {} bytes", place.head % backend_->site_alignment, backend_->site_alignment);
        case Status::target_outside_text:
        case Status::target_out_of_range:
            return fmt::format("cold block at {:#x}{}", shown(place.cold),
                               found.kind == Kind::branch ? fmt::format(", taken block at {:#x}", shown(place.taken))
                                                          : "");
        default:
            return "";
        }
    }

    static void trouble(SiteView &site, Status status, const std::string &detail)
    {
        site.trouble = detail.empty() ? status_text(status) : fmt::format("{}: {}", status_text(status), detail);
    }

    Reading read_bytes(const ElfImage &from, std::uint64_t head, const SiteView &site) const
    {
        const auto kind = static_cast<Kind>(site.kind);
        const Place place{site.address, site.cold, site.taken};
        Reading reading;
        reading.state = State::foreign;
        reading.bytes.resize(backend_->site_size(kind));
        if (!from.read(head, reading.bytes)) {
            reading.bytes.clear();
            return reading;
        }
        Decoded decoded{};
        const Status status = backend_->decode(kind, place, reading.bytes, decoded);
        if (status == Status::ok) {
            reading.state = decoded.state;
            reading.slice_ctrl = decoded.slice_ctrl;
        } else {
            reading.state.reset();
        }
        reading.disassembly = disassemble(backend_->machine, site.address, reading.bytes);
        return reading;
    }

    /// One record too many for a site: the one before tells what is there.
    static void repeat(const SiteView &before, SiteView &site)
    {
        if (!site.trouble.empty() && !site.trouble.starts_with(status_text(Status::bytes_foreign)))
            return;
        site.now = before.now;
        site.on_disk = before.on_disk;
        site.trouble = before.trouble;
    }

    const ElfImage &image_;
    const ElfFile *file_;
    bool compare_;
    const Backend *backend_;
    const Backend unknown_;
    const ObjectCopy copy_;
    Functions functions_;
    std::unordered_map<std::uint64_t, std::string> names_;  // by the function's first byte
    std::unordered_map<const char *, std::string> strings_; // by their place in the copy
    std::size_t string_bytes_ = 0;
};

} // namespace

ObjectView view_object(const ElfImage &image, const ElfFile *file, bool compare)
{
    ObjectView object{image.name(), image.machine(), find_backend(image.machine()) != nullptr, Status::ok, {}, {}, 0};
    if (has_note(image))
        Viewer(image, file, compare).view(object);
    return object;
}

std::string kind_text(std::uint8_t kind)
{
    if (kind >= SLICEPATCH_SITE_ENTER && kind <= SLICEPATCH_SITE_BRANCH)
        return kind_name(static_cast<Kind>(kind));
    return fmt::format("kind {}", kind);
}

std::string state_text(const std::optional<State> &state)
{
    return state ? state_name(*state) : "unknown";
}

std::string bytes_text(const std::vector<std::uint8_t> &bytes)
{
    return fmt::format("{:02x}", fmt::join(bytes, " "));
}

std::string describe(const SiteView &site)
{
    std::string text = fmt::format("{} at {:#x}", kind_text(site.kind), site.address);
    if (!site.label.empty())
        text += fmt::format(", label \"{}\"", printable(site.label));
    if (!site.function.empty())
        text += fmt::format(", in {}", printable(site.function));
    if (!site.file.empty())
        text += fmt::format(", {}:{}", printable(site.file), site.line);
    return text;
}

nlohmann::ordered_json to_json(const SiteView &site)
{
    nlohmann::ordered_json json{
        {"object", site.object},
        {"address", fmt::format("{:#x}", site.address)},
        {"kind", kind_text(site.kind)},
        {"label", site.label},
        {"function", site.function},
        {"file", site.file},
        {"line", site.line},
        {"state", site.now.state ? nlohmann::ordered_json(state_text(site.now.state)) : nullptr},
        {"bytes", bytes_text(site.now.bytes)},
        {"disassembly", site.now.disassembly},
    };
    if (site.on_disk) {
        json["file_state"] = state_text(site.on_disk->state);
        json["file_bytes"] = bytes_text(site.on_disk->bytes);
        json["file_disassembly"] = site.on_disk->disassembly;
    }
    if (site.counted) {
        json["yielded"] = site.counted->yielded;
        json["lost"] = site.counted->lost;
        json["reached"] = site.counted->reached;
    }
    if (!site.trouble.empty())
        json["trouble"] = site.trouble;
    return json;
}

} // namespace slicepatch::tool
