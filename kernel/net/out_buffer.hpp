#pragma once
// What waits to be written to one connection. Pure data; the session does the writing.

#include "gantry/abi/store.h"
#include "kernel/base/unique_function.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace gantry::net {

/// Copied bytes and borrowed slices, in order. [shard]
///
/// Invariants: (1) bytes come out in the order in which they went in; (2) each release runs exactly once: when all
/// bytes in front of it left, or in clear(); (3) a release may append again. No bound of its own: the session stops
/// reading when size() passes its limit. In the steady state nothing is allocated: the storage is kept while in use,
/// and trimmed by shrink().
class OutBuffer {
 public:
  OutBuffer() = default;
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;
  ~OutBuffer() { clear(); }

  void append(std::span<const std::byte> bytes);
  void append(std::span<const gantry_slice> slices, UniqueFunction<void()> release);

  /// Bytes that wait, and how many of them are our own copies.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t owned_bytes() const noexcept { return static_cast<std::size_t>(owned_end_ - owned_begin_); }
  /// True when neither bytes nor releases are left.
  [[nodiscard]] bool empty() const noexcept { return size_ == 0 && first_release_ == releases_.size(); }

  /// Describes what waits, from the front, in at most `out.size()` pieces; returns how many. Valid until the next
  /// append or consume.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const noexcept;

  /// Copies up to `out.size()` bytes from the front; returns how many.
  [[nodiscard]] std::size_t copy_front(std::span<std::byte> out) const noexcept;

  /// Takes `count` <= size() bytes from the front and runs the releases that this completes.
  void consume(std::size_t count);

  /// Forgets everything and runs all releases.
  void clear();

  /// Gives storage back that is larger than `bytes_max`. Only when empty.
  void shrink(std::size_t bytes_max);

 private:
  struct Segment {
    const std::byte* borrowed;  // nullptr: `size` bytes of our own, which follow those of the segment before
    std::size_t size;
  };
  struct Release {
    std::uint64_t after_segment;  // due when all segments with a lower number left
    UniqueFunction<void()> run;
  };

  void run_due_releases();
  void compact();
  [[nodiscard]] const std::byte* owned_front() const noexcept { return owned_.data() + (owned_begin_ - owned_base_); }

  std::size_t size_ = 0;

  // Own bytes are numbered from the beginning of time; owned_ holds [owned_base_, owned_end_), of which those below
  // owned_begin_ have left.
  std::vector<std::byte> owned_;
  std::uint64_t owned_base_ = 0;
  std::uint64_t owned_begin_ = 0;
  std::uint64_t owned_end_ = 0;

  // Segments are numbered the same way; those below first_segment_ have left.
  std::vector<Segment> segments_;
  std::uint64_t segment_base_ = 0;
  std::size_t first_segment_ = 0;

  std::vector<Release> releases_;
  std::size_t first_release_ = 0;
};

}  // namespace gantry::net
