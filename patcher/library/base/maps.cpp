// SPDX-License-Identifier: MIT
#include "maps.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace slicepatch {

namespace {

constexpr std::size_t buffer_size = 4096;

int digit_of(int character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : INT_MAX;
}

} // namespace

Maps::~Maps()
{
    if (file_ >= 0)
        close(file_);
}

bool Maps::open_file(const char *path)
{
    if (file_ < 0)
        file_ = ::open(path, O_RDONLY | O_CLOEXEC);
    next_ = filled_ = 0;
    current_ = {};
    in_line_ = false;
    return file_ >= 0 && lseek(file_, 0, SEEK_SET) == 0 && buffer_.reserve(buffer_size) == Status::ok;
}

/// Of a process whose first thread has ended, /proc/self shows no mapping; this thread's own folder (Linux 3.17) does.
/// Not that one at once: emulators of processes know the first alone.
bool Maps::open()
{
    if (!open_file(path_))
        return false;
    const char *instead = path_ == own              ? "/proc/thread-self/maps"
                          : path_ == own_with_flags ? "/proc/thread-self/smaps"
                                                    : nullptr;
    if (!instead || peek() != end_of_file)
        return true;
    close(file_);
    file_ = -1;
    return open_file(instead);
}

/// The next character, or end_of_file, or failed.
int Maps::peek()
{
    if (next_ < filled_)
        return static_cast<unsigned char>(buffer_.begin()[next_]);
    ssize_t size;
    do
        size = read(file_, buffer_.begin(), buffer_size);
    while (size < 0 && errno == EINTR);
    if (size <= 0)
        return size ? failed : end_of_file;
    next_ = 0;
    filled_ = static_cast<std::size_t>(size);
    return static_cast<unsigned char>(*buffer_.begin());
}

bool Maps::skip(char expected)
{
    if (peek() != expected)
        return false;
    ++next_;
    return true;
}

bool Maps::take_number(unsigned base, std::uint64_t &number)
{
    unsigned digits = 0;
    number = 0;
    for (int digit; (digit = digit_of(peek())) < static_cast<int>(base) && digits <= 20; ++digits, ++next_)
        number = number * base + static_cast<unsigned>(digit);
    return digits;
}

bool Maps::take_permissions(int &protection)
{
    static constexpr struct {
        char letter;
        int bit;
    } permissions[] = {{'r', PROT_READ}, {'w', PROT_WRITE}, {'x', PROT_EXEC}};
    protection = 0;
    for (const auto &permission : permissions) {
        if (skip(permission.letter))
            protection |= permission.bit;
        else if (!skip('-'))
            return false;
    }
    return skip('p') || skip('s');
}

/// "BEGIN-END PERM OFFSET MAJOR:MINOR INODE", up to what may follow (Documentation/filesystems/proc.rst).
Maps::Line Maps::take_mapping(Mapping &mapping)
{
    const int first = peek();
    if (first == end_of_file)
        return Line::end;
    if (first >= 'A' && first <= 'Z') // smaps has lines "Name: value" below each mapping
        return Line::attribute;
    std::uint64_t begin = 0, end = 0, offset = 0;
    const bool whole = take_number(16, begin) && skip('-') && take_number(16, end) && skip(' ') &&
                       take_permissions(mapping.protection) && skip(' ') && take_number(16, offset) && skip(' ') &&
                       take_number(16, mapping.file.major) && skip(':') && take_number(16, mapping.file.minor) &&
                       skip(' ') && take_number(10, mapping.file.inode);
    mapping.begin = begin;
    mapping.end = end;
    return whole && begin < end ? Line::mapping : Line::broken;
}

bool Maps::skip_line()
{
    for (;;) {
        if (peek() < 0)
            return false;
        const char *begin = buffer_.begin();
        const char *newline = static_cast<const char *>(std::memchr(begin + next_, '\n', filled_ - next_));
        next_ = newline ? static_cast<std::size_t>(newline - begin) + 1 : filled_;
        if (newline)
            return true;
    }
}

/// The lines below a mapping, up to that of its flags: pairs of letters, "bt" for text with landing pads.
bool Maps::take_guard(int &protection)
{
    static constexpr char flags[] = "VmFlags:", guarded[] = " bt";
    for (;;) {
        const char *expected = flags;
        while (*expected && skip(*expected))
            ++expected;
        if (!*expected)
            break;
        const int next = peek();
        if (next < 0 || (expected == flags && !(next >= 'A' && next <= 'Z')) || !skip_line())
            return false; // the next mapping already
    }
    for (std::size_t matched = 0; peek() >= 0 && peek() != '\n';) {
        matched = skip(guarded[matched]) ? matched + 1 : (matched == 0 ? (++next_, 0) : 0);
        if (matched == sizeof guarded - 1) {
            protection |= guard_;
            break;
        }
    }
    return skip_line();
}

Maps::Answer Maps::find(std::uintptr_t address, Mapping &mapping)
{
    const Answer answer = unreadable_ ? Answer::unreadable : look_for(address);
    unreadable_ = answer == Answer::unreadable;
    if (answer == Answer::found)
        mapping = current_;
    return answer;
}

Maps::Answer Maps::look_for(std::uintptr_t address)
{
    if ((file_ < 0 || address < current_.begin) && !open())
        return Answer::unreadable;
    while (address >= current_.end) {
        if (in_line_ && !skip_line())
            return Answer::unreadable;
        in_line_ = false;
        Mapping next;
        const Line line = take_mapping(next);
        if (line == Line::end)
            return Answer::absent;
        if (line == Line::broken || (line == Line::attribute && !skip_line()))
            return Answer::unreadable;
        if (line == Line::attribute)
            continue;
        current_ = next;
        in_line_ = true;
    }
    if (address < current_.begin)
        return Answer::absent;
    if (guard_ && in_line_) {
        in_line_ = false;
        if (!skip_line() || !take_guard(current_.protection))
            return Answer::unreadable;
    }
    return Answer::found;
}

bool Maps::read_name(Array<char> &name)
{
    name.clear();
    while (in_line_ && skip(' '))
        ;
    for (; in_line_ && peek() >= 0 && peek() != '\n' && name.size() < PATH_MAX; ++next_)
        if (name.push(buffer_.begin()[next_]) != Status::ok)
            return false;
    return !name.empty() && name.size() < PATH_MAX && name.push(0) == Status::ok;
}

} // namespace slicepatch
