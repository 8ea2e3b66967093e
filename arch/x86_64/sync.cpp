// SPDX-License-Identifier: MIT
#include "x86_64.h"

namespace slicepatch::x86_64 {

/// Nothing to do: instruction caches follow stores by themselves, and a thread that has modified its own text jumps, as
/// returning from here does, before it runs that (Intel SDM vol. 3A, 8.1.3; AMD64 APM vol. 2, 7.6.1).
Status sync_text(std::uintptr_t, std::uintptr_t)
{
    return Status::ok;
}

/// Nothing to do: stores become visible in program order, instruction fetch included, and every mix of an old head with
/// a new tail is correct, because an old head does not reach its tail (Intel SDM vol. 3A, 8.2.2; AMD64 APM vol.
/// 2, 7.1). A membarrier SYNC_CORE would only decide when a thread sees a new head, for 12 to 24 ms of registration in
/// a process that has threads (measured).
Status sync_threads()
{
    return Status::ok;
}

/// Linux guards no text of programs: indirect branch tracking is for the kernel alone (Linux 7.0,
/// Documentation/arch/x86/shstk.rst, "CET introduction").
int guard_protection()
{
    return 0;
}

} // namespace slicepatch::x86_64

namespace slicepatch {

const Backend x86_64_backend = {
    .name = "x86-64",
    .machine = x86_64::machine,
    .head_size = x86_64::head_size,
    .site_alignment = x86_64::head_size,
    .reach = x86_64::reach,
    .site_sizes = x86_64::site_sizes,
    .encode_all = x86_64::encode_all,
    .place = x86_64::place,
    .decode = x86_64::decode,
    .find_target = x86_64::find_target,
    .verify = x86_64::verify,
    .verifier = x86_64::verifier,
    .load_decoder = x86_64::load_decoder,
    .sync_text = x86_64::sync_text,
    .sync_threads = x86_64::sync_threads,
    .guard_protection = x86_64::guard_protection,
};

} // namespace slicepatch
