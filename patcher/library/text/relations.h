// SPDX-License-Identifier: MIT
//
// What groups of sites need to know of each other before anything is decided about them. A group with ENTERs and EXITs
// and no label needs to know nothing; one with a label needs to know what others of its label do, since a section may
// begin in one object and end in another. One with ENTERs alone is served by EXITs elsewhere: of its label, of the rest
// of its function, or of another label where a linker has folded the functions and kept one record. Whichever they are,
// an EXIT that is off would leave its requests set.
#ifndef SLICEPATCH_RELATIONS_H
#define SLICEPATCH_RELATIONS_H

#include "plan.h"

namespace slicepatch {

class Relations {
public:
    explicit Relations(const SiteList &list) : list_(list) {}
    /// Room for all that the others need, which then do not fail.
    Status reserve();
    /// Before anything but that, with the states of all sites.
    Status gather();
    /// Whether the group has no label, and some function in its object seems to have ENTERs or EXITs alone: its other
    /// sites may be in what goes for another function.
    [[nodiscard]] bool may_be_scattered(std::uint32_t group) const;
    /// Makes them decide together.
    void unite(std::uint32_t group, std::uint32_t other);
    void deselect(std::uint32_t group);
    /// One action per group. Once.
    Status decide(const PlanInput &input, Array<Action> &actions);

private:
    struct ObjectFacts {
        Exits exits;    // of all its EXITs
        bool scattered; // a group without a label is one-sided
        bool one_sided_ask, any_ask;
    };

    [[nodiscard]] std::uint32_t whole_of(std::uint32_t group) const;
    [[nodiscard]] ObjectFacts &object_of(std::uint32_t group)
    {
        return objects_[list_.groups[group].object];
    }
    void gather_states();
    Status gather_labels();
    template <class Work> void for_each_label(Work work) const;
    void find_exits();
    void spread_one_sided(const PlanInput &input, const Array<Action> &actions);
    void spread_by_label(const PlanInput &input, const Array<Action> &actions);
    template <class Which> void decide_those(Which which, const PlanInput &input, Array<Action> &actions) const;

    const SiteList &list_;
    Array<std::uint32_t> wholes_;
    Array<GroupFacts> facts_; // of each group; then, of each whole
    Array<Exits> exits_;      // of each group's own EXITs
    Array<ObjectFacts> objects_;
    Array<std::uint32_t> by_label_; // groups; none where all with labels do the same
};

} // namespace slicepatch

#endif
