// SPDX-License-Identifier: MIT
//
// A lock that throws, under the adapter. For each way it says whether the exception came through and whether a request
// is left in this thread's area, which is played here.
#include "played_kernel.h"

#include <slicepatch/slicepatch.hpp>

#include <cstdio>

using namespace slicepatch::test;

namespace {

struct Refusal {};

struct RefusingLock {
    bool free = true;
    void lock()
    {
        if (!free)
            throw Refusal{};
    }
    bool try_lock()
    {
        if (!free)
            throw Refusal{};
        return true;
    }
    void unlock()
    {
        throw Refusal{};
    }
};

template <class Attempt> void attempt(const char *what, Attempt way)
{
    bool thrown = false;
    try {
        way();
    } catch (const Refusal &) {
        thrown = true;
    }
    std::printf("%s=%s, request %d\n", what, thrown ? "thrown" : "taken", area.slice_request);
}

} // namespace

int main()
{
    slicepatch::lock_adapter<RefusingLock> adapted;
    use_played_area(true);
    attempt("held", [&] { (void)adapted.try_lock(); });
    attempt("unlock", [&] { adapted.unlock(); });
    adapted.base().free = false;
    attempt("try_lock", [&] { (void)adapted.try_lock(); });
    attempt("lock", [&] { adapted.lock(); });
    {
        const slicepatch::critical_section section;
        attempt("inside", [] {});
    }
    attempt("behind", [] {});
}
