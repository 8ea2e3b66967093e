// SPDX-License-Identifier: MIT
//
// Every text that any sequence of inits can leave behind: with every input of the planner, every point at which a write
// can fail, and breakpoints that come and go in between. In none of them is an EXIT off while an ENTER that it may
// serve may ask. Real Relations, EditWalk and read_state(), on a text that nobody runs.
#include "patcher/library/text/edits.h"
#include "patcher/library/text/forms.h"
#include "patcher/library/text/relations.h"
#include "site_bytes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>
#include <string>
#include <vector>

using namespace slicepatch;

namespace {

/// Asked 70 million times: as many assertions would take a minute of an emulated machine.
void must(Status status)
{
    if (status != Status::ok)
        FAIL(status_text(status));
}

constexpr std::size_t most_sites = 4, stride = 32;
constexpr std::int64_t slice_ctrl = 2364;

/// What two groups of sites are to each other.
enum class Two { functions, labels, objects }; // of one object; of one object; of one label

/// Sites by the order of their addresses.
struct Layout {
    std::vector<Kind> kinds;
    std::vector<std::uint32_t> groups = {}; // of each site, 0 or 1; none: all are one group
    Two two = Two::labels;
};

/// The text of them: sites at equal distances, and what they jump to.
struct Text {
    alignas(64) std::uint8_t bytes[most_sites * stride + stride];
    slicepatch_site_record records[most_sites];
};
Text text; // static, so that distances of 32 bits reach everything

/// What is remembered of a text: its bytes without the breakpoints, and where those are.
struct Situation {
    std::string bytes;
    unsigned breakpoints = 0;
    bool operator<(const Situation &other) const
    {
        return bytes != other.bytes ? bytes < other.bytes : breakpoints < other.breakpoints;
    }
};

std::int32_t distance(const std::int32_t &field, const void *target)
{
    return static_cast<std::int32_t>(reinterpret_cast<std::intptr_t>(target) - reinterpret_cast<std::intptr_t>(&field));
}

class Explorer {
public:
    /// keep_order: false leaves out the order of writes that the library asks for.
    Explorer(const Layout &layout, bool kernel_may_grant, bool keep_order)
        : kinds_(layout.kinds), groups_(layout.groups), two_(layout.two), may_grant_(kernel_may_grant),
          keep_order_(keep_order)
    {
        groups_.resize(kinds_.size());
        REQUIRE(make_forms(host_backend(), slice_ctrl, forms_) == Status::ok);
        std::memset(text.bytes, 0x90, sizeof text.bytes);
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            slicepatch_site_record &record = text.records[i];
            record = {};
            record.head = distance(record.head, text.bytes + i * stride);
            record.cold = distance(record.cold, text.bytes + most_sites * stride);
            record.taken = distance(record.taken, text.bytes + most_sites * stride + 8);
            record.kind = static_cast<std::uint8_t>(kinds_[i]);
            std::uint8_t bytes[max_site_size];
            for (State state : {State::enabled, State::off, State::compiled}) {
                REQUIRE(host_backend().place(forms_.form(kinds_[i], state), site_place(record), bytes) == Status::ok);
                heads_[i][static_cast<unsigned>(state)].assign(bytes, bytes + host_backend().head_size);
            }
            std::memcpy(text.bytes + i * stride, bytes, host_backend().site_size(kinds_[i]));
        }
    }

    /// How many situations there are; bad() of them are what must not be.
    std::size_t explore()
    {
        reach({std::string(reinterpret_cast<const char *>(text.bytes), sizeof text.bytes), 0});
        while (!waiting_.empty()) {
            const Situation situation = waiting_.front();
            waiting_.pop_front();
            for (std::size_t i = 0; i < kinds_.size(); ++i)
                reach({situation.bytes, situation.breakpoints ^ 1U << i});
            for (const PlanInput &input : inputs())
                for (unsigned deselected = 0; deselected < 1U << count_groups(); ++deselected)
                    init(situation, input, deselected);
        }
        return seen_.size();
    }

    [[nodiscard]] std::size_t bad() const
    {
        return bad_;
    }

private:
    [[nodiscard]] std::vector<PlanInput> inputs() const
    {
        std::vector<PlanInput> all;
        for (int guarantee = SLICEPATCH_GUARANTEE_NONE; guarantee <= SLICEPATCH_GUARANTEE_PROCESS; ++guarantee)
            for (bool hooked : {false, true})
                for (bool other_threads : {false, true})
                    if (guarantee == SLICEPATCH_GUARANTEE_NONE || may_grant_)
                        all.push_back(
                            {static_cast<slicepatch_guarantee>(guarantee), hooked, other_threads, may_grant_});
        return all;
    }

    void reach(const Situation &situation)
    {
        if (!seen_.insert(situation).second)
            return;
        waiting_.push_back(situation);
        bad_ += is_bad(situation);
    }

    [[nodiscard]] std::uint32_t count_groups() const
    {
        return *std::max_element(groups_.begin(), groups_.end()) + 1;
    }

    [[nodiscard]] bool has(std::uint32_t group, Kind kind) const
    {
        for (std::size_t i = 0; i < kinds_.size(); ++i)
            if (groups_[i] == group && kinds_[i] == kind)
                return true;
        return false;
    }

    /// Whether an EXIT may end what an ENTER began: a label's sections may begin in one object and end in another; a
    /// group without EXITs has them in the other one, whatever that is called; and EXITs alone without a label may be
    /// what a compiler made of any function.
    [[nodiscard]] bool may_serve(std::size_t exit, std::size_t enter) const
    {
        return groups_[exit] == groups_[enter] || two_ == Two::objects || !has(groups_[enter], Kind::exit) ||
               (two_ == Two::functions && !has(groups_[exit], Kind::enter));
    }

    /// By the heads alone: they are what runs first, whatever a failed write left behind them.
    [[nodiscard]] bool is_bad(const Situation &situation) const
    {
        const auto head_is = [&](std::size_t i, State state) {
            const std::string &head = heads_[i][static_cast<unsigned>(state)];
            return !situation.bytes.compare(i * stride, head.size(), head);
        };
        bool bad = false;
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            if (!head_is(i, State::compiled) && !head_is(i, State::enabled) && !head_is(i, State::off))
                FAIL("a head that is in no state");
            const bool asks = head_is(i, State::enabled) || (head_is(i, State::compiled) && may_grant_);
            for (std::size_t exit = 0; kinds_[i] == Kind::enter && asks && exit < kinds_.size(); ++exit)
                bad |= kinds_[exit] == Kind::exit && may_serve(exit, i) && head_is(exit, State::off);
        }
        return bad;
    }

    /// The text as the library finds it, breakpoints included.
    void load(const Situation &situation) const
    {
        std::memcpy(text.bytes, situation.bytes.data(), sizeof text.bytes);
        for (std::size_t i = 0; i < kinds_.size(); ++i)
            if (situation.breakpoints >> i & 1)
                text.bytes[i * stride] ^= 0xff; // no form of a site begins so
    }

    void find(SiteList &list) const
    {
        for (std::uint32_t i = 0; i < count_groups(); ++i) {
            const std::uint32_t object = two_ == Two::objects ? i : 0;
            if (object == list.objects.size())
                must(list.objects.push({"", 0, nullptr, 0, 0}));
            const char *label = two_ == Two::functions ? nullptr : two_ == Two::objects || i == 0 ? "label" : "other";
            must(list.groups.push({label, i + 1, object, has(i, Kind::enter), has(i, Kind::exit), Status::ok, i}));
        }
        for (std::uint32_t object = 0; object < list.objects.size(); ++object) {
            list.objects[object].first_site = static_cast<std::uint32_t>(list.sites.size());
            for (std::size_t i = 0; i < kinds_.size(); ++i)
                if (list.groups[groups_[i]].object == object)
                    must(list.sites.push({&text.records[i], groups_[i], kinds_[i], State::foreign, Status::ok}));
            list.objects[object].site_count =
                static_cast<std::uint32_t>(list.sites.size()) - list.objects[object].first_site;
        }
    }

    void init(const Situation &situation, const PlanInput &input, unsigned deselected)
    {
        load(situation);
        SiteList list;
        find(list);
        read_states(forms_, list);
        Array<Action> actions;
        Array<Edit> edits;
        Relations relations(list);
        must(relations.reserve());
        must(relations.gather());
        for (std::uint32_t i = 0; i < count_groups(); ++i)
            if (deselected >> i & 1)
                relations.deselect(i);
        must(relations.decide(input, actions));
        EditWalk walk(forms_, list, actions, keep_order_ && input.kernel_may_grant);
        must(walk.next(edits));
        // A write may fail before each edit; what was written before it stays.
        for (const Edit &edit : edits) {
            std::memcpy(reinterpret_cast<void *>(edit.address), &edit.after, edit.size);
            Situation next = situation;
            for (std::size_t at = 0; at < sizeof text.bytes; ++at)
                if (at % stride || !(situation.breakpoints >> at / stride & 1))
                    next.bytes[at] = static_cast<char>(text.bytes[at]);
            reach(next);
        }
        must(walk.next(edits));
        if (!edits.empty())
            FAIL("so few sites are one batch");
    }

    std::vector<Kind> kinds_;
    std::vector<std::uint32_t> groups_;
    Two two_;
    bool may_grant_, keep_order_;
    FormTable forms_;
    std::string heads_[most_sites][3]; // by State
    std::set<Situation> seen_;
    std::deque<Situation> waiting_;
    std::size_t bad_ = 0;
};

/// Every order of up to most_sites kinds, by the order of their addresses.
std::vector<std::vector<Kind>> make_labels()
{
    std::vector<std::vector<Kind>> labels, last = {{}};
    for (std::size_t size = 1; size <= most_sites; ++size) {
        std::vector<std::vector<Kind>> next;
        for (const std::vector<Kind> &shorter : last)
            for (Kind kind : all_kinds) {
                if (kind == Kind::branch && size == most_sites)
                    continue; // a branch asks for nothing: three sites show how it mixes
                next.push_back(shorter);
                next.back().push_back(kind);
            }
        labels.insert(labels.end(), next.begin(), next.end());
        last = next;
    }
    return labels;
}

/// Two groups of every form: ENTERs and EXITs in every order, divided in every way. Of four sites, labels show all that
/// functions do.
std::vector<Layout> make_pairs()
{
    std::vector<Layout> pairs;
    for (std::uint32_t size = 2; size <= most_sites; ++size)
        for (std::uint32_t exits = 0; exits < 1U << size; ++exits)
            for (std::uint32_t others = 2; others < 1U << size; others += 2) // the first site is of the first group
                for (Two two : {Two::functions, Two::labels, Two::objects}) {
                    if (size == most_sites && two == Two::functions)
                        continue;
                    Layout layout{{}, {}, two};
                    for (std::uint32_t i = 0; i < size; ++i) {
                        layout.kinds.push_back(exits >> i & 1 ? Kind::exit : Kind::enter);
                        layout.groups.push_back(others >> i & 1);
                    }
                    pairs.push_back(layout);
                }
    return pairs;
}

} // namespace

TEST_CASE("no sequence of inits switches an EXIT off while an ENTER of its label may ask")
{
    std::size_t situations = 0;
    for (const std::vector<Kind> &kinds : make_labels())
        for (bool may_grant : {false, true}) {
            Explorer explorer({kinds}, may_grant, true);
            situations += explorer.explore();
            CHECK(explorer.bad() == 0);
        }
    MESSAGE(situations << " situations");
    CHECK(situations > make_labels().size() * 2);
}

TEST_CASE("no sequence of inits switches an EXIT off while an ENTER of another group, which it may serve, may ask")
{
    std::size_t situations = 0;
    for (const Layout &layout : make_pairs())
        for (bool may_grant : {false, true}) {
            Explorer explorer(layout, may_grant, true);
            situations += explorer.explore();
            CHECK(explorer.bad() == 0);
        }
    MESSAGE(situations << " situations");
    CHECK(situations > make_pairs().size() * 2);
}

TEST_CASE("without the order of writes there is such a sequence")
{
    Explorer explorer({{Kind::exit, Kind::enter}}, true, false);
    explorer.explore();
    CHECK(explorer.bad() > 0);
}

TEST_CASE("EXITs alone with a label are never switched off, and ENTERs alone are never enabled")
{
    // Some of the words of both in the other state, as writes go tails first and by address; with a breakpoint or not
    // on each.
    Explorer exits({{Kind::exit, Kind::exit}}, true, true);
    CHECK(exits.explore() == (2 * words_to_enable(SLICEPATCH_SITE_EXIT) + 1) * 4);
    Explorer enters({{Kind::enter, Kind::enter}}, true, true);
    CHECK(enters.explore() == (2 * 1 + 1) * 4); // the head alone
}
