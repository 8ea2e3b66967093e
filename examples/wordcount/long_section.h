// SPDX-License-Identifier: MIT
//
// What a critical section must not be: longer than any extension, so that the kernel takes the CPU away in its middle.
#ifndef WORDCOUNT_LONG_SECTION_H
#define WORDCOUNT_LONG_SECTION_H

#include <cstdint>
#include <ctime>
#include <mutex>

namespace wordcount {

class LongSection {
public:
    /// Measures, outside every section, how long this CPU takes. Call it before there are threads: it counts the CPU
    /// time of the process.
    LongSection()
    {
        while (cpu_ms_of(turns_) < section_ms)
            turns_ *= 2;
    }

    /// Some long sections in a row. Each thread has a lock of its own: they are to be long, not to wait for each other.
    template <class Lock> void run() const
    {
        Lock lock;
        for (int i = 0; i < sections; ++i) {
            const std::lock_guard section(lock);
            spin(turns_);
        }
    }

private:
    static constexpr double section_ms = 5;
    static constexpr int sections = 20;

    static void spin(uint64_t turns)
    {
        for (uint64_t i = 0; i < turns; ++i)
            __asm__ volatile("" : : : "memory"); // nobody may optimise the loop away
    }

    static double cpu_ms_of(uint64_t turns)
    {
        const std::clock_t start = std::clock();
        spin(turns);
        return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    }

    uint64_t turns_ = 1 << 16;
};

} // namespace wordcount

#endif // WORDCOUNT_LONG_SECTION_H
