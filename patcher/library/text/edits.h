// SPDX-License-Identifier: MIT
//
// Turns a plan into edits of the text.
#ifndef SLICEPATCH_EDITS_H
#define SLICEPATCH_EDITS_H

#include "forms.h"
#include "plan.h"
#include "text.h"

namespace slicepatch {

/// What of each site a walk edits. Where other threads run, all tails are there before the first head leads to one.
enum class Part : std::uint8_t { whole, tails, heads };

/// Walks the edits that take each site to what the action of its group says, in an order that is right at every step:
/// tails before heads and, if ordered, no EXIT is switched off while an ENTER of the process may still ask. Object by
/// object in the order of their addresses, which is the order of the mappings that a writer looks up. Edits are made as
/// they are written, a page at a time: those of a large program would be megabytes.
class EditWalk {
public:
    EditWalk(const FormTable &forms, const SiteList &list, const Array<Action> &actions, bool ordered,
             Part part = Part::whole);

    /// All that will be edited, for each object, in the order of addresses. For this object's lifetime.
    [[nodiscard]] std::span<const TextSpan> span() const
    {
        return spans_.span();
    }
    /// Replaces edits by those of the next sites; by none when there are no more. Only the first call allocates.
    Status next(Array<Edit> &edits);

private:
    /// Everything that can be off must be off before the first EXIT is: that is the last pass.
    enum class Pass : std::uint8_t { everything, all_but_exits_off, exits_off, done };

    /// The sites of one object.
    struct Stretch {
        std::size_t begin, end;
        TextSpan span;
        std::size_t first_run, runs; // its part of runs_
    };

    Status add_object(const Object &object);
    Status add_run(const PageRun &run, Stretch &stretch);
    [[nodiscard]] bool is_edited(const Site &site) const;
    [[nodiscard]] bool belongs(const Site &site) const;
    [[nodiscard]] bool switches_exit_off(const Site &site) const;
    void next_stretch();

    const FormTable &forms_;
    const SiteList &list_;
    const Array<Action> &actions_;
    Part part_;
    Pass pass_ = Pass::everything;
    Status trouble_ = Status::ok;
    Array<Stretch> stretches_;
    bool exits_off_ = false; // some EXIT goes off
    Array<PageRun> runs_;
    Array<TextSpan> spans_; // of the stretches
    std::uintptr_t page_size_;
    std::size_t stretch_ = 0, site_ = 0;
};

/// Room for all that write_edits() needs.
Status reserve_edits(Array<Edit> &edits);

/// Writes what is left of the walk; what was written, and why no more, is writer.result(). Fails itself only when an
/// edit cannot be made, which with reserved edits never means that there is no memory.
Status write_edits(EditWalk &walk, TextWriter &writer, Array<Edit> &edits);
Status write_edits(EditWalk &walk, TextWriter &writer);

} // namespace slicepatch

#endif
