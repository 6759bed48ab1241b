#pragma once
// Immutable snapshots that one writer swaps and many threads read without a lock per read.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace gantry {

/// Holds the current snapshot of a T. Readers that look often use a SnapshotReader.
template <typename T>
class SnapshotCell {
 public:
  explicit SnapshotCell(std::shared_ptr<const T> first = std::make_shared<const T>()) : current_(std::move(first)) {}

  /// [any-thread]
  [[nodiscard]] std::shared_ptr<const T> load() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  /// [any-thread] Replaces the snapshot by `change(old)`, one change at a time. `change` returns a shared_ptr<const T>,
  /// or nullptr to leave everything as it is.
  template <typename Change>
  void update(Change&& change) {
    const std::lock_guard writers(writers_);
    std::shared_ptr<const T> next = std::forward<Change>(change)(*load());
    if (!next) return;
    const std::lock_guard lock(mutex_);
    current_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }

  /// [any-thread] Grows with every replacement.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;  // guards current_; held for a pointer copy only
  std::mutex writers_;        // one change at a time; held while the next snapshot is built
  std::shared_ptr<const T> current_;
  std::atomic<std::uint64_t> version_{1};
};

/// One thread's view of a SnapshotCell: costs one atomic load while nothing changes. The reference that get() returns
/// is valid until the next get() of the same reader.
template <typename T>
class SnapshotReader {
 public:
  explicit SnapshotReader(const SnapshotCell<T>& cell) : cell_(&cell) {}

  const T& get() {
    if (const std::uint64_t version = cell_->version(); version != version_) {
      held_ = cell_->load();
      version_ = version;
    }
    return *held_;
  }

 private:
  const SnapshotCell<T>* cell_;
  std::shared_ptr<const T> held_;
  std::uint64_t version_ = 0;
};

}  // namespace gantry
