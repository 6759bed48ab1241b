#pragma once
// A table of immutable named objects that many threads read without a lock and a few change now and then.

#include "kernel/base/snapshot.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::routing {

/// What StripedTable::update() shall do with the entry it was shown.
template <typename T>
struct TableEdit {
  enum class Kind : std::uint8_t { keep, put, erase };
  Kind kind = Kind::keep;
  std::shared_ptr<const T> value;  ///< for `put`; its name() is the key

  static TableEdit leave() { return {}; }
  static TableEdit put(std::shared_ptr<const T> value) { return {Kind::put, std::move(value)}; }
  static TableEdit erase() { return {Kind::erase, nullptr}; }
};

/// Maps T::name() to an immutable T. The table is cut into stripes and each stripe is one immutable snapshot, so that a
/// change copies a stripe (about a hundred pointers with 100,000 entries), never the table.
///
/// Thread: every function is [any-thread]; changes of one stripe take turns. Shards that look up per message own a
/// Reader. Unbounded by itself: the owner bounds what it puts. A resource: neither copies nor moves.
template <typename T>
class StripedTable {
  struct Slot {
    std::size_t hash = 0;
    std::shared_ptr<const T> value;  ///< empty: the slot is free
  };

  /// An open-addressing hash table, at most half full, that is never changed once it is shared.
  struct Flat {
    std::vector<Slot> slots;
    std::size_t count = 0;

    [[nodiscard]] const Slot* find(std::size_t hash, std::string_view name) const noexcept {
      if (slots.empty()) return nullptr;
      const std::size_t mask = slots.size() - 1;
      for (std::size_t at = start(hash) & mask;; at = (at + 1) & mask) {
        const Slot& slot = slots[at];
        if (!slot.value) return nullptr;
        if (slot.hash == hash && slot.value->name() == name) return &slot;
      }
    }

    void insert(Slot entry) {
      const std::size_t mask = slots.size() - 1;
      std::size_t at = start(entry.hash) & mask;
      while (slots[at].value) at = (at + 1) & mask;
      slots[at] = std::move(entry);
      ++count;
    }

    /// The same when there may be an entry of that name: it is replaced. True when there was none.
    bool put(Slot entry) {
      if (const Slot* present = find(entry.hash, entry.value->name())) {
        slots[static_cast<std::size_t>(present - slots.data())] = std::move(entry);
        return false;
      }
      insert(std::move(entry));
      return true;
    }

    /// A copy with room for `more` entries and without `left_out`.
    [[nodiscard]] std::shared_ptr<Flat> copy(const Slot* left_out, std::size_t more = 1) const {
      auto next = std::make_shared<Flat>();
      std::size_t capacity = 8;
      while (capacity < 2 * (count + more)) capacity *= 2;
      next->slots.resize(capacity);
      for (const Slot& slot : slots) {
        if (slot.value && &slot != left_out) next->insert(slot);
      }
      return next;
    }

    // The low bits chose the stripe, so the place within it comes from the others.
    [[nodiscard]] static std::size_t start(std::size_t hash) noexcept { return hash >> 10; }
  };

 public:
  static constexpr std::size_t stripe_count = 1024;

  StripedTable() = default;
  StripedTable(const StripedTable&) = delete;
  StripedTable& operator=(const StripedTable&) = delete;

  /// The entry, or nullptr. Costs a lock for a pointer copy; per-message code uses a Reader.
  [[nodiscard]] std::shared_ptr<const T> find(std::string_view name) const {
    const std::size_t hash = hash_of(name);
    const std::shared_ptr<const Flat> flat = stripes_[hash % stripe_count].load();
    const Slot* slot = flat->find(hash, name);
    return slot == nullptr ? nullptr : slot->value;
  }

  /// Calls `change(const std::shared_ptr<const T>& current)` (nullptr: no such entry), which returns a TableEdit<T>,
  /// and does what it says. Changes of the same name never overlap. `change` must not call back into this table.
  template <typename Change>
  void update(std::string_view name, Change&& change) {
    const std::size_t hash = hash_of(name);
    stripes_[hash % stripe_count].update([&](const Flat& flat) -> std::shared_ptr<const Flat> {
      const Slot* slot = flat.find(hash, name);
      TableEdit<T> edit = change(slot == nullptr ? nullptr : slot->value);
      switch (edit.kind) {
        case TableEdit<T>::Kind::put: {
          auto next = flat.copy(slot);
          next->insert(Slot{hash, std::move(edit.value)});
          if (slot == nullptr) size_.fetch_add(1, std::memory_order_relaxed);
          return next;
        }
        case TableEdit<T>::Kind::erase:
          if (slot == nullptr) return nullptr;
          size_.fetch_sub(1, std::memory_order_relaxed);
          return flat.copy(slot);
        case TableEdit<T>::Kind::keep: break;
      }
      return nullptr;
    });
    changes_.fetch_add(1, std::memory_order_release);
  }

  /// Puts many entries, each in the place of one of its name if there is one; of the same name the last one stays. A
  /// stripe is copied once, however many of them are its own.
  void put_all(std::vector<std::shared_ptr<const T>> values) {
    std::vector<std::vector<Slot>> by_stripe(stripe_count);
    for (std::shared_ptr<const T>& value : values) {
      const std::size_t hash = hash_of(value->name());
      by_stripe[hash % stripe_count].push_back({hash, std::move(value)});
    }
    for (std::size_t stripe = 0; stripe < stripe_count; ++stripe) {
      std::vector<Slot>& entries = by_stripe[stripe];
      if (entries.empty()) continue;
      stripes_[stripe].update([&](const Flat& flat) -> std::shared_ptr<const Flat> {
        auto next = flat.copy(nullptr, entries.size());
        for (Slot& entry : entries) {
          if (next->put(std::move(entry))) size_.fetch_add(1, std::memory_order_relaxed);
        }
        return next;
      });
    }
    changes_.fetch_add(1, std::memory_order_release);
  }

  /// Calls `visit(const std::shared_ptr<const T>&)` for each entry, in no order. What changes meanwhile is seen or not.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const SnapshotCell<Flat>& stripe : stripes_) {
      const std::shared_ptr<const Flat> flat = stripe.load();
      for (const Slot& slot : flat->slots) {
        if (slot.value) visit(slot.value);
      }
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  /// One shard's view: a lookup costs a hash, one atomic load and a probe; no lock and no allocation while the stripe
  /// does not change. Owned and used by one thread; must not outlive the table.
  class Reader {
   public:
    explicit Reader(const StripedTable& table) : table_(&table) {}

    /// The entry or nullptr. Valid until turn(), whatever happens to the table meanwhile.
    [[nodiscard]] const T* find(std::string_view name) {
      const std::shared_ptr<const T>* found = find_shared(name);
      return found == nullptr ? nullptr : found->get();
    }

    /// The same for who wants to keep the entry: copy the pointer. nullptr when there is none.
    [[nodiscard]] const std::shared_ptr<const T>* find_shared(std::string_view name) {
      const std::size_t hash = hash_of(name);
      // Read before the stripe is: what is noted below is at least as new as the version says.
      const std::uint64_t changes = table_->changes_.load(std::memory_order_acquire);
      Recent* const recent = recent_.empty() ? nullptr : &recent_[Flat::start(hash) % recent_.size()];
      if (recent != nullptr && recent->hash == hash && recent->changes == changes && recent->views == views_replaced_ &&
          recent->slot->value->name() == name) {
        return &recent->slot->value;
      }
      View& view = views_[hash % stripe_count];
      const SnapshotCell<Flat>& stripe = table_->stripes_[hash % stripe_count];
      if (const std::uint64_t version = stripe.version(); version != view.version) {
        if (view.flat) retired_.push_back(std::move(view.flat));
        view.flat = stripe.load();
        view.version = version;
        ++views_replaced_;
        if (recent_.empty() && table_->size() >= worth_noting) {
          recent_.resize(8192);
          return find_shared(name);
        }
      }
      const Slot* slot = view.flat->find(hash, name);
      if (slot == nullptr) return nullptr;
      if (recent != nullptr) *recent = {hash, changes, views_replaced_, slot};
      return &slot->value;
    }

    /// Lets go of replaced entries. Call it once per chunk of requests, when no pointer from find() is in use.
    void turn() noexcept {
      if (!retired_.empty()) retired_.clear();
    }

   private:
    struct View {
      std::shared_ptr<const Flat> flat;
      std::uint64_t version = 0;
    };

    /// Where a name was found last. Good for as long as the table does not change at all and every view stays. With
    /// thousands of entries the way through a view is five cache misses, this one two.
    static constexpr std::size_t worth_noting = 256;
    struct Recent {
      std::size_t hash = 0;
      std::uint64_t changes = 0;
      std::uint64_t views = 0;
      const Slot* slot = nullptr;
    };

    const StripedTable* table_;
    std::array<View, stripe_count> views_;
    std::uint64_t views_replaced_ = 1;
    std::vector<Recent> recent_;  // empty while the table is small
    std::vector<std::shared_ptr<const Flat>> retired_;
  };

 private:
  static std::size_t hash_of(std::string_view name) noexcept { return std::hash<std::string_view>{}(name); }

  std::array<SnapshotCell<Flat>, stripe_count> stripes_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> changes_{0};  // counts them, after they were made
};

}  // namespace gantry::routing
