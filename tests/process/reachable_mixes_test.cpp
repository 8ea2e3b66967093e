// SPDX-License-Identifier: MIT
//
// Every text that any sequence of inits can leave behind: with every input of the planner, every point at which a write
// can fail, and breakpoints that come and go in between. In none of them is an EXIT off while an ENTER of its label may
// ask. Real plan(), EditWalk and read_state(), on a text that nobody runs.
#include "patcher/edits.h"
#include "patcher/forms.h"
#include "patcher/plan.h"
#include "patcher/selection.h"
#include "site_bytes.h"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <set>
#include <string>
#include <vector>

using namespace slicepatch;

namespace {

constexpr std::size_t most_sites = 4, stride = 32;
constexpr std::int64_t slice_ctrl = 2364;

/// The text of one label: sites at equal distances, and what they jump to.
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
    Explorer(const std::vector<Kind> &kinds, bool kernel_may_grant, bool keep_order)
        : kinds_(kinds), may_grant_(kernel_may_grant), keep_order_(keep_order)
    {
        REQUIRE(make_forms(host_backend(), slice_ctrl, forms_) == Status::ok);
        std::memset(text.bytes, 0x90, sizeof text.bytes);
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            slicepatch_site_record &record = text.records[i];
            record = {};
            record.head = distance(record.head, text.bytes + i * stride);
            record.cold = distance(record.cold, text.bytes + most_sites * stride);
            record.taken = distance(record.taken, text.bytes + most_sites * stride + 8);
            record.kind = static_cast<std::uint8_t>(kinds_[i]);
            REQUIRE(host_backend().place(forms_.form(kinds_[i], State::compiled), site_place(record),
                                         text.bytes + i * stride) == Status::ok);
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
                for (const char *selection : {static_cast<const char *>(nullptr), "-*"})
                    init(situation, input, selection);
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

    /// By the heads alone: they are what runs first, whatever a failed write left behind them.
    [[nodiscard]] bool is_bad(const Situation &situation) const
    {
        bool asks = false, does_not_clear = false;
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            const auto head_is = [&](State state) {
                std::uint8_t expected[max_site_size];
                return host_backend().place(forms_.form(kinds_[i], state), site_place(text.records[i]), expected) ==
                           Status::ok &&
                       !std::memcmp(expected, situation.bytes.data() + i * stride, host_backend().head_size);
            };
            REQUIRE((head_is(State::compiled) || head_is(State::enabled) || head_is(State::off)));
            asks |= kinds_[i] == Kind::enter && (head_is(State::enabled) || (head_is(State::compiled) && may_grant_));
            does_not_clear |= kinds_[i] == Kind::exit && head_is(State::off);
        }
        return asks && does_not_clear;
    }

    /// The text as the library finds it, breakpoints included.
    void load(const Situation &situation) const
    {
        std::memcpy(text.bytes, situation.bytes.data(), sizeof text.bytes);
        for (std::size_t i = 0; i < kinds_.size(); ++i)
            if (situation.breakpoints >> i & 1)
                text.bytes[i * stride] ^= 0xff; // no form of a site begins so
    }

    void init(const Situation &situation, const PlanInput &input, const char *selection)
    {
        load(situation);
        SiteList list;
        Group group{"label", 0, 0, false, false, Status::ok};
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            group.has_enter |= kinds_[i] == Kind::enter;
            group.has_exit |= kinds_[i] == Kind::exit;
            REQUIRE(list.sites.push({&text.records[i], 0, kinds_[i], State::foreign, Status::ok}) == Status::ok);
        }
        REQUIRE(list.groups.push(group) == Status::ok);
        read_states(forms_, list);
        Array<Action> actions;
        Array<Edit> edits;
        Selection selected;
        REQUIRE(list.objects.push({"", 0, nullptr, 0, static_cast<std::uint32_t>(kinds_.size())}) == Status::ok);
        REQUIRE(select_groups(list, selection, selected) == Status::ok);
        REQUIRE(plan(list, input, selected.groups, actions) == Status::ok);
        EditWalk walk(forms_, list, actions, keep_order_ && input.kernel_may_grant);
        REQUIRE(walk.next(edits) == Status::ok);
        // A write may fail before each edit; what was written before it stays.
        for (const Edit &edit : edits) {
            std::memcpy(reinterpret_cast<void *>(edit.address), &edit.after, edit.size);
            Situation next = situation;
            for (std::size_t at = 0; at < sizeof text.bytes; ++at)
                if (at % stride || !(situation.breakpoints >> at / stride & 1))
                    next.bytes[at] = static_cast<char>(text.bytes[at]);
            reach(next);
        }
        REQUIRE(walk.next(edits) == Status::ok);
        REQUIRE(edits.empty()); // so few sites are one batch
    }

    std::vector<Kind> kinds_;
    bool may_grant_, keep_order_;
    FormTable forms_;
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

} // namespace

TEST_CASE("no sequence of inits switches an EXIT off while an ENTER of its label may ask")
{
    std::size_t situations = 0;
    for (const std::vector<Kind> &kinds : make_labels())
        for (bool may_grant : {false, true}) {
            Explorer explorer(kinds, may_grant, true);
            situations += explorer.explore();
            CHECK(explorer.bad() == 0);
        }
    MESSAGE(situations << " situations");
    CHECK(situations > make_labels().size() * 2);
}

TEST_CASE("without the order of writes there is such a sequence")
{
    Explorer explorer({Kind::exit, Kind::enter}, true, false);
    explorer.explore();
    CHECK(explorer.bad() > 0);
}

TEST_CASE("a label with only one side of a section is never switched off")
{
    for (Kind kind : {Kind::enter, Kind::exit}) {
        Explorer explorer({kind, kind}, true, true);
        // Some of the words of both enabled, as writes go tails first and by address; with a breakpoint or not on each.
        CHECK(explorer.explore() == (2 * words_to_enable(static_cast<std::uint8_t>(kind)) + 1) * 4);
    }
}
