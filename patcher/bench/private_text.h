// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_BENCH_PRIVATE_TEXT_H
#define SLICEPATCH_BENCH_PRIVATE_TEXT_H

namespace slicepatch::tool::bench {

/// Gives this process a copy of its own of every page of this program's text, as patching does to a page with sites:
/// then all variants run on such pages, and not only those that are patched. Changes no byte. Throws Error where text
/// cannot be written.
void make_text_private();

} // namespace slicepatch::tool::bench

#endif
