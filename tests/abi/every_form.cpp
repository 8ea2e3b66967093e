// SPDX-License-Identifier: MIT
//
// Every C++ form, in templates, in lambdas, and beside destructors.
#include <slicepatch/slicepatch.hpp>

#include <mutex>

struct Destroyed {
    ~Destroyed();
};

template <class Lock> int hold(Lock &lock)
{
    const Destroyed before;
    const std::lock_guard<Lock> guard(lock);
    const Destroyed after;
    return 1;
}

#ifdef TARGET
__attribute__((__target__(TARGET)))
#endif
int use_forms()
{
    static slicepatch::spinlock spinlock;
    static slicepatch::lock_adapter<std::mutex> adapted;
    const slicepatch::critical_section section;
    const auto lambda = [](auto &lock) {
        const Destroyed inside;
        SLICEPATCH_ENTER_AS("lambda");
        const int held = hold(lock);
        SLICEPATCH_EXIT_AS("lambda");
        return held;
    };
    if (std::unique_lock attempt(spinlock, std::try_to_lock); !attempt)
        return 0;
    return lambda(spinlock) + lambda(adapted) + (slicepatch_enabled() ? 1 : 0) + (adapted.base().try_lock() ? 1 : 0);
}
