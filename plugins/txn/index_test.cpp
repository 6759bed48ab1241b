// Concern: the index answers as plain maps would, whatever is put in, moved and taken out. Method: random operations on
// both, and a full comparison now and then.

#include "plugins/txn/index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace gantry::txn {
namespace {

TEST(TxnIndex, agrees_with_maps) {
  std::mt19937_64 random(7);
  Index index;
  std::map<std::uint64_t, Transaction> model;
  std::int64_t next_place = 0;
  const auto any = [&]() -> Transaction& {
    auto it = model.lower_bound(random() % 5'000);
    return it == model.end() ? model.begin()->second : it->second;
  };
  for (int i = 0; i < 200'000; ++i) {
    const auto what = random() % 8;
    if (what < 3 || model.empty()) {
      const std::uint64_t key = random() % 5'000;
      if (model.contains(key)) continue;
      Transaction& made = index.insert(key);
      index.move_to(made, next_place, next_place * 10, i);
      index.schedule(made, static_cast<std::int64_t>(random() % 1'000));
      model[key] = made;
      ++next_place;
    } else if (what == 3) {
      const std::uint64_t key = any().key;
      index.erase(key);
      model.erase(key);
    } else if (what == 4) {
      Transaction& known = any();
      index.move_to(*index.find(known.key), next_place, next_place * 10, i);
      known.half_offset = next_place++;
    } else if (what == 5) {
      Transaction& known = any();
      known.due_ms = static_cast<std::int64_t>(random() % 1'000);
      index.schedule(*index.find(known.key), known.due_ms);
    } else if (what == 6) {
      const auto now = static_cast<std::int64_t>(random() % 1'000);
      Transaction* const due = index.take_due(now);
      std::int64_t earliest = Transaction::never;
      for (const auto& [key, each] : model) earliest = std::min(earliest, each.due_ms);
      ASSERT_EQ(due != nullptr, earliest <= now);
      if (due != nullptr) {
        ASSERT_EQ(model.at(due->key).due_ms, earliest);
        model.at(due->key).due_ms = Transaction::never;
      }
    } else if (i % 16 == 0) {
      Transaction* const lowest = index.lowest();
      ASSERT_NE(lowest, nullptr);
      std::int64_t first = Transaction::never;
      for (const auto& [key, each] : model) first = std::min(first, each.half_offset);
      ASSERT_EQ(lowest->half_offset, first);
    }
    ASSERT_EQ(index.size(), model.size());
  }
  std::set<std::uint64_t> keys;
  index.for_each([&](const Transaction& each) { return keys.insert(each.key).second; });
  EXPECT_EQ(keys.size(), model.size());
  for (const auto& [key, each] : model) {
    ASSERT_NE(index.find(key), nullptr);
    EXPECT_EQ(index.find(key)->half_offset, each.half_offset);
    EXPECT_EQ(index.find(key)->due_ms, each.due_ms);
  }
  EXPECT_EQ(index.find(5'001), nullptr);
}

}  // namespace
}  // namespace gantry::txn
