// SPDX-License-Identifier: MIT
//
// A growing array that reports exhaustion instead of throwing, for what init collects.
#ifndef SLICEPATCH_ARRAY_H
#define SLICEPATCH_ARRAY_H

#include "arch/status.h"
#include "populate.h"

#include <cstddef>
#include <cstdlib>
#include <span>
#include <type_traits>
#include <utility>

namespace slicepatch {

template <class T> class Array {
    static_assert(std::is_trivially_copyable_v<T>); // realloc moves the elements

public:
    Array() = default;
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;
    Array(Array &&other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0))
    {
    }
    ~Array()
    {
        std::free(data_);
    }

    [[gnu::noinline]] Status reserve(std::size_t capacity)
    {
        if (capacity <= capacity_)
            return Status::ok;
        void *grown = reallocarray(static_cast<void *>(data_), capacity, sizeof(T));
        if (!grown)
            return Status::no_memory;
        data_ = static_cast<T *>(grown);
        if (capacity * sizeof(T) >= worth_populating)
            (void)populate(data_ + size_, (capacity - size_) * sizeof(T));
        capacity_ = capacity;
        return Status::ok;
    }

    [[gnu::always_inline]] Status push(const T &value)
    {
        if (size_ == capacity_) [[unlikely]]
            if (Status status = reserve(capacity_ ? capacity_ * 2 : 16); status != Status::ok)
                return status;
        data_[size_++] = value;
        return Status::ok;
    }

    /// Exactly size copies of value.
    Status fill(std::size_t size, const T &value)
    {
        if (Status status = reserve(size); status != Status::ok)
            return status;
        for (size_ = 0; size_ < size; ++size_)
            data_[size_] = value;
        return Status::ok;
    }

    [[nodiscard]] std::span<const T> span() const
    {
        return {data_, size_};
    }
    void clear()
    {
        size_ = 0;
    }
    [[nodiscard]] std::size_t size() const
    {
        return size_;
    }
    [[nodiscard]] bool empty() const
    {
        return size_ == 0;
    }
    T &operator[](std::size_t i)
    {
        return data_[i];
    }
    const T &operator[](std::size_t i) const
    {
        return data_[i];
    }
    T *begin()
    {
        return data_;
    }
    T *end()
    {
        return data_ + size_;
    }
    const T *begin() const
    {
        return data_;
    }
    const T *end() const
    {
        return data_ + size_;
    }

private:
    static constexpr std::size_t worth_populating = 64 * 1024; // bytes: what is reserved is used

    T *data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace slicepatch

#endif
