// SPDX-License-Identifier: MIT
#include "site_view.h"
#include "disassemble.h"
#include "site_table.h"

#include <algorithm>
#include <elf.h>
#include <fmt/format.h>
#include <fmt/ranges.h> // join(), from version 11 on
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace slicepatch::tool {

namespace {

/// Strings are shared by many records. All of them together are bounded, whatever a table of a million records says.
class Strings {
public:
    explicit Strings(const ElfImage &image) : image_(image) {}

    /// False: not a string inside the object.
    bool read(std::uint64_t address, std::string &text)
    {
        const auto known = known_.find(address);
        if (known != known_.end()) {
            text = known->second;
            return true;
        }
        const auto found = size_ < most_bytes ? image_.read_string(address) : std::nullopt;
        if (!found)
            return false;
        size_ += found->size();
        text = known_.emplace(address, *found).first->second;
        return true;
    }

private:
    static constexpr std::size_t most_bytes = 64 << 20;
    const ElfImage &image_;
    std::unordered_map<std::uint64_t, std::string> known_;
    std::size_t size_ = 0;
};

class Viewer {
public:
    Viewer(const ElfImage &image, const ElfFile *file, bool compare)
        : image_(image), file_(file), compare_(compare), backend_(find_backend(image.machine())), strings_(image),
          functions_(image)
    {
    }

    ObjectView view()
    {
        SiteTable table = read_site_table(image_);
        ObjectView object{image_.name(), image_.machine(), backend_ != nullptr, {}, std::move(table.problems)};
        object.sites.reserve(table.records.size());
        for (const Record &record : table.records)
            object.sites.push_back(view_site(record));
        std::stable_sort(object.sites.begin(), object.sites.end(),
                         [](const SiteView &a, const SiteView &b) { return a.address < b.address; });
        mark_overlaps(object.sites);
        return object;
    }

private:
    SiteView view_site(const Record &record)
    {
        const std::uint64_t head = record.named_by(&slicepatch_site_record::head);
        SiteView site{};
        site.object = image_.name();
        site.kind = record.fields.kind;
        site.line = record.fields.line;
        site.link_address = head;
        site.address = image_.bias() + head;
        site.cold = image_.bias() + record.named_by(&slicepatch_site_record::cold);
        site.taken = image_.bias() + record.named_by(&slicepatch_site_record::taken);
        site.function_start = functions_.find(head);
        name_site(record, head, site);
        check_record(record, head, site);
        site.now.state = backend_ ? std::optional(State::foreign) : std::nullopt;
        if (backend_ && known_kind(record)) {
            site.now = read_bytes(image_, head, site);
            if (compare_ && file_)
                site.on_disk = read_bytes(*file_, head, site);
            if (site.trouble.empty() && site.now.state == State::foreign)
                trouble(site, Status::bytes_foreign, fmt::format("found {}", bytes_text(site.now.bytes)));
        }
        return site;
    }

    static bool known_kind(const Record &record)
    {
        return record.fields.kind >= SLICEPATCH_SITE_ENTER && record.fields.kind <= SLICEPATCH_SITE_BRANCH;
    }

    void name_site(const Record &record, std::uint64_t head, SiteView &site)
    {
        for (const auto &[field, text] : {std::pair{&slicepatch_site_record::label, &site.label},
                                          std::pair{&slicepatch_site_record::file, &site.file}}) {
            const std::uint64_t address = record.named_by(field);
            if (record.fields.*field && !strings_.read(address, *text))
                trouble(site, Status::string_outside_object, fmt::format("at {:#x}", image_.bias() + address));
        }
        if (!file_)
            return;
        if (const auto known = names_.find(site.function_start); site.function_start && known != names_.end())
            site.function = known->second;
        else
            names_[site.function_start] = site.function = file_->function_at(head);
        if (site.file.empty())
            if (const auto source = file_->source_at(head)) {
                site.file = source->file;
                site.line = source->line;
            }
    }

    void check_record(const Record &record, std::uint64_t head, SiteView &site) const
    {
        const slicepatch_site_record &fields = record.fields;
        if (fields.version != SLICEPATCH_RECORD_VERSION || fields.machine != image_.machine() || !known_kind(record))
            return trouble(site, Status::record_unknown,
                           fmt::format("kind {}, version {}, machine {}", fields.kind, fields.version, fields.machine));
        if (!backend_)
            return;
        const auto kind = static_cast<Kind>(fields.kind);
        if (!image_.contains(head, backend_->site_size(kind), PF_R | PF_X))
            return trouble(site, Status::site_outside_text, "");
        if (head % backend_->site_alignment)
            return trouble(site, Status::site_misaligned,
                           fmt::format("by {} of {} bytes", head % backend_->site_alignment, backend_->site_alignment));
        if (!image_.contains(record.named_by(&slicepatch_site_record::cold), 1, PF_X))
            return trouble(site, Status::target_outside_text, fmt::format("cold block at {:#x}", site.cold));
        if (kind == Kind::branch && !image_.contains(record.named_by(&slicepatch_site_record::taken), 1, PF_X))
            trouble(site, Status::target_outside_text, fmt::format("taken block at {:#x}", site.taken));
        else if (functions_.leave_behind(image_, head))
            trouble(site, Status::code_moved, "");
    }

    /// The first trouble is the one to look at.
    static void trouble(SiteView &site, Status status, const std::string &detail)
    {
        if (site.trouble.empty())
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

    /// A linker that folds functions may keep the records of all of them, though but one may name the cold block that the
    /// site jumps to. The patcher follows that one.
    static bool repeats(SiteView &before, SiteView &site)
    {
        if (site.address != before.address || site.kind != before.kind)
            return false;
        SiteView &truth = before.now.state == State::foreign ? site : before, &other = &truth == &site ? before : site;
        if (truth.trouble.empty() && other.trouble.starts_with(status_text(Status::bytes_foreign))) {
            other.now = truth.now;
            other.on_disk = truth.on_disk;
            other.trouble.clear();
        }
        return true;
    }

    void mark_overlaps(std::vector<SiteView> &sites) const
    {
        for (std::size_t i = 1; backend_ && i < sites.size(); ++i) {
            SiteView &before = sites[i - 1], &site = sites[i];
            if (before.kind < SLICEPATCH_SITE_ENTER || before.kind > SLICEPATCH_SITE_BRANCH ||
                site.address - before.address >= backend_->site_size(static_cast<Kind>(before.kind)) ||
                repeats(before, site))
                continue;
            trouble(before, Status::site_overlaps, fmt::format("with the one at {:#x}", site.address));
            trouble(site, Status::site_overlaps, fmt::format("with the one at {:#x}", before.address));
        }
    }

    const ElfImage &image_;
    const ElfFile *file_;
    bool compare_;
    const Backend *backend_;
    Strings strings_;
    FunctionStarts functions_;
    std::unordered_map<std::uint64_t, std::string> names_; // by the function's first byte
};

} // namespace

ObjectView view_object(const ElfImage &image, const ElfFile *file, bool compare)
{
    return Viewer(image, file, compare).view();
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
    if (!site.trouble.empty())
        json["trouble"] = site.trouble;
    return json;
}

} // namespace slicepatch::tool
