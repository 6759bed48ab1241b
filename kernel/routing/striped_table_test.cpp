#include "kernel/routing/striped_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gantry::routing {
namespace {

struct Named {
  std::string text;
  int version = 0;
  [[nodiscard]] std::string_view name() const noexcept { return text; }
};
using Table = StripedTable<Named>;
using Edit = TableEdit<Named>;

std::string name_of(int number) { return "topic-" + std::to_string(number); }

void put(Table& table, int number, int version) {
  table.update(name_of(number),
               [&](const auto&) { return Edit::put(std::make_shared<const Named>(name_of(number), version)); });
}

/// Large enough that readers note where they found a name.
constexpr int count = 3000;

void fill(Table& table) {
  for (int i = 0; i < count; ++i) put(table, i, 1);
}

TEST(StripedTable, a_reader_sees_every_change_at_its_next_lookup) {
  Table table;
  fill(table);
  Table::Reader reader(table);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(reader.find(name_of(i))->version, 1);
  }
  put(table, 7, 2);
  EXPECT_EQ(reader.find(name_of(7))->version, 2);
  EXPECT_EQ(reader.find(name_of(8))->version, 1);
  table.update(name_of(7), [](const auto&) { return Edit::erase(); });
  EXPECT_EQ(reader.find(name_of(7)), nullptr);
  EXPECT_EQ(table.size(), static_cast<std::size_t>(count - 1));
  table.put_all({std::make_shared<const Named>(name_of(7), 3), std::make_shared<const Named>(name_of(8), 3)});
  EXPECT_EQ(reader.find(name_of(7))->version, 3);
  EXPECT_EQ(reader.find(name_of(8))->version, 3);
  EXPECT_EQ(reader.find("nobody"), nullptr);
}

TEST(StripedTable, an_entry_stays_until_turn_whatever_happens_to_the_table) {
  Table table;
  fill(table);
  Table::Reader reader(table);
  const Named* seven = reader.find(name_of(7));
  seven = reader.find(name_of(7));
  for (int version = 2; version < 50; ++version) {
    put(table, 7, version);
    ASSERT_EQ(reader.find(name_of(7))->version, version);
  }
  EXPECT_EQ(seven->version, 1);
  reader.turn();
  EXPECT_EQ(reader.find(name_of(7))->version, 49);
}

TEST(StripedTable, readers_never_go_back_while_others_change) {
  Table table;
  fill(table);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      Table::Reader reader(table);
      std::vector<int> seen(count, 0);
      for (unsigned i = static_cast<unsigned>(r); !done.load(); i = i * 1664525 + 1013904223) {
        const int number = static_cast<int>(i >> 8) % count;
        const Named* found = reader.find(name_of(number));
        if (found == nullptr || found->name() != name_of(number) ||
            found->version < seen[static_cast<std::size_t>(number)]) {
          ++wrong;
        } else {
          seen[static_cast<std::size_t>(number)] = found->version;
        }
        if ((i & 0xF0) == 0) reader.turn();
      }
    });
  }
  for (int change = 0; change < 20'000; ++change) put(table, change * 37 % count, 2 + change / count);
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace gantry::routing
