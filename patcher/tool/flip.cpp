// SPDX-License-Identifier: MIT
#include "flip.h"

#include "patcher/library/text/forms.h"

#include <slicepatch/arch.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch::tool {

namespace {

// What the enabled forms write to: one byte of each thread at one distance from its thread pointer, as the request byte
// is, but without meaning for the kernel.
__thread volatile std::uint8_t request __attribute__((tls_model("initial-exec")));

std::int64_t request_offset()
{
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(&request) - SLICEPATCH_ARCH_THREAD_POINTER());
}

// In the program's own image, so that a jump from here reaches land(). Whole pages of it become writable and
// executable.
constexpr std::size_t largest_page = 1 << 16, stride = 64;
std::uint8_t arena[2 * largest_page];

/// Behind the last site: returns to the caller of the first one.
[[gnu::noinline]] void land()
{
    __asm__ volatile("" ::: "memory"); // a function of its own, not folded with another empty one
}

struct FlippedSite {
    std::uint8_t *head;
    std::array<std::array<std::uint8_t, 8>, encoded_states.size()> words; // first bytes of each form
    unsigned state;
};

/// The sites one after the other, each followed by a jump to the next one, all made of the backend's own forms: a
/// compiled head jumps to the end of its site, and the jump between sites is a branch as compiled.
class Track {
public:
    explicit Track(const FlipOptions &options) : backend_(host_backend()), misaligned_(options.misaligned) {}

    Status lay()
    {
        FormTable forms;
        if (Status status = make_forms(backend_, request_offset(), forms); status != Status::ok)
            return status;
        const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        base_ = reinterpret_cast<std::uint8_t *>((reinterpret_cast<std::uintptr_t>(arena) + page - 1) / page * page);
        for (unsigned i = 0; i < flipped_sites; ++i)
            if (Status status = lay_site(forms, i); status != Status::ok)
                return status;
        return backend_.sync_text(reinterpret_cast<std::uintptr_t>(base_),
                                  reinterpret_cast<std::uintptr_t>(base_) + largest_page);
    }

    /// 0 or an errno.
    int make_executable() const
    {
        return mprotect(base_, largest_page, PROT_READ | PROT_WRITE | PROT_EXEC) ? errno : 0;
    }

    void run() const
    {
        reinterpret_cast<void (*)()>(head_of(0))();
    }

    Status flip(unsigned index)
    {
        FlippedSite &site = sites_[index];
        site.state = (site.state + 1) % encoded_states.size();
        write(site);
        const auto address = reinterpret_cast<std::uintptr_t>(site.head);
        return backend_.sync_text(address, address + backend_.head_size);
    }

    [[nodiscard]] bool holds_what_was_written() const
    {
        for (const FlippedSite &site : sites_)
            if (std::memcmp(site.head, site.words[site.state].data(), backend_.head_size) != 0)
                return false;
        return true;
    }

private:
    /// Misaligned: the line ends in the middle of the head.
    [[nodiscard]] std::uint8_t *head_of(unsigned index) const
    {
        return base_ + stride * (index + 1) - (misaligned_ ? backend_.head_size / 2 : 0);
    }

    Status lay_site(const FormTable &forms, unsigned index)
    {
        const Kind kind = index % 2 ? Kind::exit : Kind::enter;
        std::uint8_t *const head = head_of(index);
        std::uint8_t *const end = head + backend_.site_size(kind);
        const auto next = index + 1 < flipped_sites ? reinterpret_cast<std::uintptr_t>(head_of(index + 1))
                                                    : reinterpret_cast<std::uintptr_t>(&land);
        const auto end_address = reinterpret_cast<std::uintptr_t>(end);
        FlippedSite &site = sites_[index];
        site = {head, {}, static_cast<unsigned>(index % encoded_states.size())};
        for (State state : encoded_states) {
            std::array<std::uint8_t, max_site_size> bytes;
            const Place place{reinterpret_cast<std::uintptr_t>(head), end_address, 0};
            if (Status status = backend_.place(forms.form(kind, state), place, bytes.data()); status != Status::ok)
                return status;
            std::memcpy(site.words[static_cast<unsigned>(state)].data(), bytes.data(), backend_.head_size);
            // The tail of the enabled form is right behind every head: only a head that runs into it uses it.
            if (state == State::enabled)
                std::memcpy(head, bytes.data(), forms.form(kind, state).size);
        }
        write(site);
        return backend_.place(forms.form(Kind::branch, State::compiled), {end_address, next, 0}, end);
    }

    /// One store, as the patcher's; a misaligned one is what the CPU makes of it.
    void write(const FlippedSite &site) const
    {
        const std::uint8_t *const word = site.words[site.state].data();
        if (backend_.head_size == sizeof(std::uint64_t))
            store<std::uint64_t>(site.head, word);
        else
            store<std::uint32_t>(site.head, word);
    }

    template <class T> static void store(std::uint8_t *to, const std::uint8_t *from)
    {
        struct [[gnu::packed, gnu::may_alias]] Unaligned
        {
            T value;
        };
        Unaligned word;
        std::memcpy(&word, from, sizeof word);
        reinterpret_cast<volatile Unaligned *>(to)->value = word.value;
    }

    const Backend &backend_;
    const bool misaligned_;
    std::uint8_t *base_ = nullptr;
    std::array<FlippedSite, flipped_sites> sites_;
};

struct Runner {
    const Track *track;
    FlipProgress *progress;
    std::atomic<bool> *stop;
    unsigned index;
    pthread_t thread;
};

void *run_through(void *argument)
{
    const Runner &runner = *static_cast<Runner *>(argument);
    std::atomic<std::uint64_t> &passes = runner.progress->passes[runner.index];
    while (!runner.stop->load(std::memory_order_relaxed)) {
        runner.track->run();
        if (request > 1)
            runner.progress->failure = FlipFailure::wrong_data;
        passes.fetch_add(1, std::memory_order_relaxed);
    }
    return nullptr;
}

std::uint64_t total_passes(const FlipProgress &progress, unsigned threads)
{
    std::uint64_t total = 0;
    for (unsigned i = 0; i < threads; ++i)
        total += progress.passes[i].load(std::memory_order_relaxed);
    return total;
}

/// Whether the threads went through the sites since before, waiting for it only as long as that is likely to help. A
/// pass per thread and one more mean that at least one began and ended in between.
bool passes_seen(const FlipProgress &progress, unsigned threads, std::uint64_t before)
{
    constexpr int spins = 2000, yields = 200;
    for (int i = 0; i < spins + yields; ++i) {
        if (total_passes(progress, threads) > before + threads)
            return true;
        if (i < spins)
            SLICEPATCH_ARCH_SPIN_HINT();
        else
            (void)sched_yield(); // it has no failure that a waiter could act on
    }
    return false;
}

void fail(FlipProgress &progress, FlipFailure failure, int detail = 0)
{
    progress.detail = detail;
    progress.failure = failure;
}

void flip_all(const FlipOptions &options, Track &track, FlipProgress &progress)
{
    while (total_passes(progress, options.threads) < options.threads)
        (void)sched_yield();
    std::uint64_t flips = 0;
    while (flips < options.flips && progress.failure == FlipFailure::none) {
        const std::uint64_t before = total_passes(progress, options.threads);
        for (unsigned i = 0; i < flipped_sites && flips < options.flips; ++i, ++flips) {
            if (Status status = track.flip(i); status != Status::ok)
                return fail(progress, FlipFailure::setup_encode, static_cast<int>(status));
            progress.flips.store(flips + 1, std::memory_order_relaxed);
        }
        progress.rounds.fetch_add(1, std::memory_order_relaxed);
        if (passes_seen(progress, options.threads, before))
            progress.rounds_seen.fetch_add(1, std::memory_order_relaxed);
    }
    if (!track.holds_what_was_written())
        fail(progress, FlipFailure::wrong_bytes);
}

} // namespace

void run_flips(const FlipOptions &options, FlipProgress &progress)
{
    Track track(options);
    if (Status status = track.lay(); status != Status::ok)
        return fail(progress, FlipFailure::setup_encode, static_cast<int>(status));
    if (int error = track.make_executable(); error != 0)
        return fail(progress, FlipFailure::setup_memory, error);
    std::atomic<bool> stop{false};
    std::array<Runner, most_flip_threads> runners;
    unsigned started = 0;
    for (; started < options.threads; ++started) {
        Runner &runner = runners[started];
        runner = {&track, &progress, &stop, started, {}};
        if (int error = pthread_create(&runner.thread, nullptr, run_through, &runner); error != 0) {
            fail(progress, FlipFailure::setup_thread, error);
            break;
        }
    }
    if (started == options.threads)
        flip_all(options, track, progress);
    stop = true;
    for (unsigned i = 0; i < started; ++i)
        pthread_join(runners[i].thread, nullptr);
}

} // namespace slicepatch::tool
