// SPDX-License-Identifier: MIT
//
// What happens to the holder of a lock and to those who wait for it, seen from the threads themselves.
#ifndef SLICEPATCH_BENCH_WATCH_H
#define SLICEPATCH_BENCH_WATCH_H

#include <slicepatch/slicepatch.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace contention {

/// Durations in ticks, each in a bucket at most 1/32 wide.
class Histogram {
public:
    void add(uint64_t ticks)
    {
        ++counts_[bucket(ticks)];
    }

    Histogram &operator+=(const Histogram &other)
    {
        for (size_t i = 0; i < counts_.size(); ++i)
            counts_[i] += other.counts_[i];
        return *this;
    }

    /// The lowest duration of the bucket that the fraction falls into; 0 if there is nothing.
    [[nodiscard]] double quantile(double fraction) const
    {
        uint64_t total = 0;
        for (uint64_t count : counts_)
            total += count;
        const auto rank = static_cast<uint64_t>(fraction * static_cast<double>(total));
        uint64_t below = 0;
        for (size_t i = 0; i < counts_.size(); ++i)
            if ((below += counts_[i]) > rank)
                return static_cast<double>(lowest(i));
        return 0;
    }

private:
    static constexpr unsigned bits = 5; // of a duration that its bucket keeps, below the highest
    static constexpr uint64_t steps = 1 << bits;

    static size_t bucket(uint64_t ticks)
    {
        if (ticks < steps)
            return ticks;
        const auto shift = static_cast<unsigned>(std::bit_width(ticks)) - 1 - bits;
        return (shift + 1) * steps + (ticks >> shift) - steps;
    }

    static uint64_t lowest(size_t bucket)
    {
        if (bucket < steps)
            return bucket;
        return (steps + bucket % steps) << (bucket / steps - 1);
    }

    std::array<uint64_t, (64 - bits + 1) * steps> counts_{};
};

/// Whether the calling thread lost its CPU between begin() and end(): a descriptor of a restartable sequence that the
/// thread is never in stays in its rseq area until the kernel switches away from the thread, and is cleared then
/// (rseq(2): "lazily"; kernel/rseq.c, where the instruction pointer is compared with the sequence). Newer kernels look
/// at it on the way back from an interrupt alone (7.3, include/linux/rseq_entry.h, rseq_event.user_irq): not from a
/// system call.
class SwitchWatch {
public:
    /// False where the calling thread has no rseq area that the kernel knows.
    [[nodiscard]] bool attach()
    {
        area_ = slicepatch_rseq_();
        return area_ && static_cast<int32_t>(area_->cpu_id) >= 0;
    }
    void begin() const
    {
        area_->rseq_cs = reinterpret_cast<uintptr_t>(&nowhere);
    }
    [[nodiscard]] bool end() const
    {
        const bool switched = area_->rseq_cs == 0;
        area_->rseq_cs = 0;
        return switched;
    }

private:
    /// struct rseq_cs of <linux/rseq.h>. The kernel reads the signature in front of the abort handler even where it
    /// does not go there.
    struct alignas(32) Sequence {
        uint32_t version, flags;
        const void *start;
        uint64_t length;
        const void *abort;
    };
    static constexpr uint32_t handler[2] = {SLICEPATCH_ARCH_RSEQ_SIGNATURE, 0};
    static inline const char code[1] = {}; // nobody executes it
    static inline const Sequence nowhere{0, 0, code, sizeof code, &handler[1]};

    volatile slicepatch_rseq *area_ = nullptr;
};

/// What one thread saw.
struct Seen {
    uint64_t sections = 0;
    uint64_t contended = 0; // ... whose lock was not free at once
    uint64_t preempted = 0; // ... in which the thread lost its CPU
    uint64_t waited = 0;    // ticks, for the lock that is held
    Histogram waits;        // of contended sections
    SwitchWatch watch;
};

inline thread_local Seen *seen; // by the running thread; set before it takes a watched lock

template <class Lock> class Watched {
public:
    [[gnu::always_inline]] void lock()
    {
        Seen &mine = *seen;
        ++mine.sections;
        mine.waited = lock_.lock();
        mine.watch.begin();
    }

    [[gnu::always_inline]] void unlock()
    {
        Seen &mine = *seen;
        mine.preempted += mine.watch.end();
        lock_.unlock();
        if (mine.waited) {
            ++mine.contended;
            mine.waits.add(mine.waited);
        }
    }

private:
    Lock lock_;
};

} // namespace contention

#endif
