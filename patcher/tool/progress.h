// SPDX-License-Identifier: MIT
#ifndef SLICEPATCH_TOOL_PROGRESS_H
#define SLICEPATCH_TOOL_PROGRESS_H

#include <memory>
#include <string>

namespace slicepatch::tool {

/// One line that says on a terminal what is going on, from the first second of the program on, and is gone at the
/// end. Nothing where standard error is no terminal. For one thread; it has one of its own, so that code which counts
/// threads or forks does it before.
class Progress {
public:
    explicit Progress(const std::string &what);
    ~Progress();
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    void operator()(const std::string &what) const;

private:
    class Line;
    std::unique_ptr<Line> line_; // null: nobody looks
};

} // namespace slicepatch::tool

#endif
