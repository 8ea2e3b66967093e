// SPDX-License-Identifier: MIT
#include "edits.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

namespace slicepatch {

namespace {

/// What one call of next() may make; more than a page of sites as compilers lay them out.
constexpr std::size_t max_edits = 2048;

State goal(Action action)
{
    return action == Action::enable ? State::enabled : State::off;
}

template <class Word> Word read_word(const void *bytes)
{
    Word word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

/// The words of one site that differ between the two forms: tail first, head last.
template <class Word>
Status add_site_edits(const FormTable &forms, const Site &site, State to, Part part, Array<Edit> &edits)
{
    const Place place = site_place(*site.record);
    const std::size_t size = forms.backend->site_size(site.kind);
    std::uint8_t before[max_site_size], after[max_site_size];
    if (Status status = forms.backend->place(forms.form(site.kind, State::compiled), place, before);
        status != Status::ok)
        return status;
    if (Status status = forms.backend->place(forms.form(site.kind, to), place, after); status != Status::ok)
        return status;
    const std::size_t words = part == Part::heads ? 1 : (size + sizeof(Word) - 1) / sizeof(Word);
    for (std::size_t word = words; word-- > (part == Part::tails ? 1u : 0u);) {
        const std::size_t offset = word * sizeof(Word), left = size - offset;
        // The last word may reach beyond the site: aligned, it never leaves the page, and what is there stays.
        const Word site_bytes = left >= sizeof(Word) ? ~Word{0} : ~(~Word{0} << left * 8);
        const Word change = (read_word<Word>(before + offset) ^ read_word<Word>(after + offset)) & site_bytes;
        if (!change)
            continue;
        const Word beyond = read_word<Word>(reinterpret_cast<const void *>(place.head + offset)) & ~site_bytes;
        const Word was = (read_word<Word>(before + offset) & site_bytes) | beyond, will_be = was ^ change;
        if (Status status = edits.push({place.head + offset, was, will_be, sizeof(Word)}); status != Status::ok)
            return status;
    }
    return Status::ok;
}

} // namespace

inline bool EditWalk::is_edited(const Site &site) const
{
    return !site.repeated && site.state == State::compiled &&
           action_for(site.kind, actions_[site.group]) != Action::leave;
}

inline bool EditWalk::switches_exit_off(const Site &site) const
{
    return site.kind == Kind::exit && actions_[site.group] == Action::off;
}

inline bool EditWalk::belongs(const Site &site) const
{
    return is_edited(site) && (pass_ == Pass::everything || switches_exit_off(site) == (pass_ == Pass::exits_off));
}

EditWalk::EditWalk(const FormTable &forms, const SiteList &list, const Array<Action> &actions, bool ordered, Part part)
    : forms_(forms), list_(list), actions_(actions), part_(part),
      page_size_(static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE)))
{
    for (const Object &object : list.objects)
        if (trouble_ == Status::ok)
            trouble_ = add_object(object);
    if (ordered && exits_off_)
        pass_ = Pass::all_but_exits_off;
    std::sort(stretches_.begin(), stretches_.end(),
              [](const Stretch &a, const Stretch &b) { return a.span.first < b.span.first; });
    for (Stretch &stretch : stretches_) {
        stretch.span.runs = runs_.span().subspan(stretch.first_run, stretch.runs);
        if (trouble_ == Status::ok)
            trouble_ = spans_.push(stretch.span);
    }
    if (!stretches_.empty())
        site_ = stretches_[0].begin;
}

Status EditWalk::add_object(const Object &object)
{
    Stretch stretch{.begin = object.first_site,
                    .end = object.first_site + std::size_t{object.site_count},
                    .span = {UINTPTR_MAX, 0, 0, {}},
                    .first_run = runs_.size(),
                    .runs = 0};
    TextSpan &span = stretch.span;
    PageRun run{0, 0}; // of the sites so far: most are on the last of its pages
    for (std::size_t i = stretch.begin; i < stretch.end; ++i) {
        const Site &site = list_.sites[i];
        if (!is_edited(site))
            continue;
        const std::uintptr_t first = named_by(site.record->head);
        const std::uintptr_t last = first + forms_.backend->site_size(site.kind) - 1;
        span.last = std::max(span.last, last);
        span.first = std::min(span.first, first);
        ++span.edits;
        exits_off_ |= switches_exit_off(site);
        if (first >= run.begin && last < run.end)
            continue;
        const PageRun pages{first & ~(page_size_ - 1), (last | (page_size_ - 1)) + 1};
        if (pages.begin <= run.end && run.end) {
            run.end = pages.end;
            continue;
        }
        if (Status status = add_run(run, stretch); status != Status::ok)
            return status;
        run = pages;
    }
    if (Status status = add_run(run, stretch); status != Status::ok)
        return status;
    return span.edits ? stretches_.push(stretch) : Status::ok;
}

Status EditWalk::add_run(const PageRun &run, Stretch &stretch)
{
    if (!run.end)
        return Status::ok;
    ++stretch.runs;
    return runs_.push(run);
}

/// To the next object, or pass.
void EditWalk::next_stretch()
{
    if (++stretch_ >= stretches_.size()) {
        stretch_ = 0;
        pass_ = pass_ == Pass::all_but_exits_off ? Pass::exits_off : Pass::done;
    }
    site_ = stretches_[stretch_].begin;
}

Status EditWalk::next(Array<Edit> &edits)
{
    edits.clear();
    if (trouble_ != Status::ok || stretches_.empty())
        return trouble_;
    if (Status status = reserve_edits(edits); status != Status::ok)
        return status;
    const std::size_t site_edits = max_site_size / forms_.backend->head_size;
    while (pass_ != Pass::done && edits.size() + site_edits <= max_edits) {
        if (site_ == stretches_[stretch_].end) {
            next_stretch();
            continue;
        }
        const Site &site = list_.sites[site_++];
        if (!belongs(site))
            continue;
        const State to = goal(actions_[site.group]);
        const Status status = forms_.backend->head_size == sizeof(std::uint64_t)
                                  ? add_site_edits<std::uint64_t>(forms_, site, to, part_, edits)
                                  : add_site_edits<std::uint32_t>(forms_, site, to, part_, edits);
        if (status != Status::ok)
            return status;
    }
    return Status::ok;
}

Status reserve_edits(Array<Edit> &edits)
{
    return edits.reserve(max_edits);
}

Status write_edits(EditWalk &walk, TextWriter &writer)
{
    Array<Edit> edits;
    return write_edits(walk, writer, edits);
}

Status write_edits(EditWalk &walk, TextWriter &writer, Array<Edit> &edits)
{
    do {
        if (Status status = walk.next(edits); status != Status::ok)
            return status;
        writer.write(edits.span());
    } while (!edits.empty() && writer.result().status == Status::ok);
    return Status::ok;
}

} // namespace slicepatch
