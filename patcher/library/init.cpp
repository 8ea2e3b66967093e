// SPDX-License-Identifier: MIT
//
// The whole story. Class Init has a step of it in each member, in the order in which init() at the end calls them.
#include "init.h"

#include "patcher/library/base/executable.h"
#include "patcher/library/guarantee/kernel.h"
#include "patcher/library/guarantee/seal.h"
#include "patcher/library/guarantee/threads.h"
#include "patcher/library/outcomes/outcomes.h"
#include "patcher/library/text/relations.h"
#include "patcher/library/text/sharing.h"
#include "patcher/library/text/write.h"
#include "report.h"
#include "settings.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <time.h>
#include <unistd.h>

namespace slicepatch {

namespace {

/// The areas of a copy of the library that does not see our slicepatch_registration, as that of a program with
/// libslicepatch.a: it told the objects whose sites it patched. 0 if there are none.
std::int64_t find_told_offset(const SiteList &list, std::int64_t libc_offset)
{
    for (const Object &object : list.objects) {
        const std::int64_t told = object.state->rseq_offset;
        if (told != SLICEPATCH_RSEQ_OFFSET_LIBC && told != SLICEPATCH_RSEQ_OFFSET_NONE && told != libc_offset)
            return told;
    }
    return 0;
}

class Init {
public:
    Init(const Settings &settings, InitResult &result) : settings_(settings), result_(result), relations_(result.list)
    {
    }

    /// Every site of every loaded object, and those of them that the user has chosen: files are read for that, which
    /// may take its time. Reserves the memory for all later steps: they ask the kernel for what it keeps.
    bool find()
    {
        return ok(find_sites(host_backend(), result_.list)) &&
               ok(select_groups(result_.list, settings_.selection, result_.selection)) &&
               ok(actions_.reserve(result_.list.groups.size())) && ok(relations_.reserve()) &&
               ok(reserve_edits(edits_));
    }

    /// Where what the kernel does is to be counted. Not to be able to is no reason to do without all the rest.
    bool make_counters()
    {
        if (settings_.count)
            result_.uncounted = make_outcome_tables(result_.list);
        return true;
    }

    /// The rseq area that sites use. False where the required guarantee is out of reach whatever the area.
    bool choose_area()
    {
        const GuaranteeRequest &request = settings_.request;
        facts_ = request.off ? look_without_asking() : ask_kernel();
        if (facts_.tcmalloc)
            keep_out_of_area();
        const bool wants_process = settings_.required == SLICEPATCH_GUARANTEE_PROCESS;
        if (const char *obstacle = wants_process ? process_obstacle(facts_, request) : nullptr)
            return refuse(no_guarantee(obstacle));
        const std::int64_t told = facts_.tcmalloc ? 0 : find_told_offset(result_.list, facts_.rseq_offset);
        area_.emplace(facts_, told, request);
        return true;
    }

    /// What the kernel gives, from here on for good; and what the dynamic paths of objects need to know of it.
    bool obtain_guarantee()
    {
        const GuaranteeRequest &request = settings_.request;
        const unsigned long wanted = state_to_set(facts_, area_->area(), request);
        const long answer = wanted ? set_state(wanted) : 0;
        result_.guarantee = decide_guarantee(facts_, area_->area(), request, answer);
        if (result_.guarantee.level < settings_.required)
            return refuse(no_guarantee(result_.guarantee.reason));
        if (result_.guarantee.level == SLICEPATCH_GUARANTEE_NONE)
            area_->give_back();
        else
            result_.yield_number = find_yield_number();
        area_->keep();
        result_.area = area_->area();
        result_.threads_hooked = threads_are_hooked();
        tell_objects();
        return true;
    }

    /// Each sequence that the sites need, encoded once and proven.
    bool make_forms()
    {
        // Where there is no area, no enabled form is ever written, and any place does.
        const std::int64_t area = result_.area.offset == SLICEPATCH_RSEQ_OFFSET_NONE ? 0 : result_.area.offset;
        const std::int64_t slice_ctrl = area + std::int64_t{offsetof(slicepatch_rseq, slice_request)};
        return ok(slicepatch::make_forms(host_backend(), slice_ctrl, forms_, result_.list.kinds));
    }

    /// What is to become of each group. All sites are verified before any byte is written: what is not as compiled, or
    /// as we would leave it, stays. From here on no signal handler of this thread starts a thread or runs a
    /// half-written site.
    bool plan()
    {
        read_states(forms_, result_.list);
        find_shared_text(result_.list);
        blocked_.emplace();
        result_.other_threads = !single_threaded();
        // GET speaks for the calling thread; the guarantee for others too, whose areas may be younger. Without a
        // request to the kernel, the area itself tells.
        kernel_may_grant_ = settings_.request.off
                                ? may_be_granted(result_.area)
                                : result_.area.state >= 0 || result_.guarantee.level != SLICEPATCH_GUARANTEE_NONE;
        const PlanInput input{.guarantee = result_.guarantee.level,
                              .threads_hooked = result_.threads_hooked,
                              .other_threads = result_.other_threads,
                              .kernel_may_grant = kernel_may_grant_};
        return ok(slicepatch::plan(result_.selection, input, relations_, actions_)) &&
               (!settings_.compiled || ok(actions_.fill(actions_.size(), Action::leave)));
    }

    bool write()
    {
        const WriteOrder order{kernel_may_grant_, result_.other_threads, settings_.live_opt_in, settings_.writer};
        const bool done = ok(write_plan(forms_, actions_, order, edits_, result_.list, result_.written));
        blocked_.reset();
        return done;
    }

private:
    bool ok(Status status)
    {
        result_.status = status;
        return status == Status::ok;
    }

    /// Nothing is written, and nothing stays set or registered; the guarantee says why not.
    bool refuse(const Guarantee &guarantee)
    {
        if (area_)
            result_.area.own_refusal = area_->area().own_refusal;
        result_.guarantee = guarantee;
        return ok(Status::required_guarantee);
    }

    /// Whatever else happens: the bytes of slice_ctrl are tcmalloc's.
    void keep_out_of_area()
    {
        for (const Object &object : result_.list.objects)
            object.state->rseq_offset = SLICEPATCH_RSEQ_OFFSET_NONE;
    }

    /// Before any site changes. Where libc's area is too: an object's own reference to __rseq_offset is nothing to rely
    /// on, since linkers may have made it 0 (facts.cpp).
    void tell_objects()
    {
        for (const Object &object : result_.list.objects) {
            object.state->rseq_offset = result_.area.offset;
            object.state->yield_number = result_.yield_number;
            object.state->enabled = result_.guarantee.level != SLICEPATCH_GUARANTEE_NONE;
        }
        if (settings_.count)
            tell_of_outcomes(result_.list);
    }

    const Settings &settings_;
    InitResult &result_;
    KernelFacts facts_{};
    std::optional<AreaChoice> area_;
    FormTable forms_;
    Relations relations_;
    Array<Action> actions_;
    Array<Edit> edits_;
    bool kernel_may_grant_ = false;
    std::optional<SignalsBlocked> blocked_;
};

int error_of(const InitResult &result)
{
    switch (result.status) {
    case Status::no_memory:
        return -ENOMEM;
    case Status::required_guarantee:
        return -EPERM;
    case Status::options_too_new:
        return -E2BIG;
    case Status::bad_options:
    case Status::bad_environment:
        return -EINVAL;
    default:
        return result.status == Status::write_failed || result.written.status == Status::write_failed ? -EIO : 0;
    }
}

std::uint64_t now_us()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

/// Whether each thread has to be enabled by itself, since its requests are ignored until then.
bool goes_by_threads(slicepatch_guarantee level)
{
    return level == SLICEPATCH_GUARANTEE_THREAD || (level != SLICEPATCH_GUARANTEE_NONE && owns_areas());
}

/// Once, at the end of the process that asked for words: its children end too.
void print_outcomes_at_exit()
{
    static pid_t asked = 0;
    if (!asked)
        (void)std::atexit([] { // where there is no room for one more, there are no words
            if (getpid() == asked)
                print_outcomes();
        });
    asked = getpid();
}

/// No object comes or goes while its sites are written, nor before the report has its name.
void patch(const Settings &settings, InitResult &result, slicepatch_report &report)
{
    with_loader_lock([&] {
        Init init(settings, result);
        (void)(init.find() && init.make_counters() && init.choose_area() && init.obtain_guarantee() &&
               init.make_forms() && init.plan() && init.write()); // the result has the status of the last step
        fill_report(result, report);
        if (settings.verbose)
            print_failures(result);
    });
}

} // namespace

InitAnswer init(const slicepatch_options *options, std::uintptr_t caller_address, slicepatch_report &report)
{
    const std::uint64_t begin = now_us();
    report = empty_report();
    InitResult result;
    Settings settings;
    result.status = read_settings(options, is_in_executable(caller_address), settings);
    if (result.status != Status::ok) {
        report_guarantee(no_guarantee(settings.complaint), report);
    } else {
        patch(settings, result, report);
        if (goes_by_threads(result.guarantee.level))
            enable_threads();
        if (settings.request.seal && result.guarantee.level == SLICEPATCH_GUARANTEE_THREAD) {
            if (const char *obstacle = seal_process())
                add_failure(report, "not sealed: ", obstacle);
            else
                report_guarantee(sealed_guarantee(), report);
        }
        report_threads(report);
        report.duration_us = static_cast<std::uint32_t>(now_us() - begin);
    }
    if (settings.verbose)
        print_report(report);
    if (settings.count && (settings.verbose || settings.tell_counts))
        print_outcomes_at_exit();
    return {error_of(result), result.status == Status::verify_failed};
}

} // namespace slicepatch
