// Readers pin segments while other threads change what the segments are.
#include "plugins/storage-mmap/segment.hpp"

#include "plugins/storage-mmap/testing/store_harness.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

namespace gantry::storage_mmap {
namespace {

constexpr std::uint64_t segment_size = 8192;

/// Counts mappings.
class CountingDisk final : public Disk {
 public:
  Result<std::byte*> map(const File& file, std::uint64_t size) override {
    ++mapped;
    return Disk::map(file, size);
  }
  void unmap(std::byte* map, std::uint64_t size) noexcept override {
    --mapped;
    Disk::unmap(map, size);
  }
  std::atomic<int> mapped{0};
};

class SegmentTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path_of(std::int64_t base) const { return folder_.path() + "/" + offset_name(base); }
  /// A mapped segment whose every word is the number of its base.
  std::unique_ptr<Segment> make(std::int64_t base) {
    auto file = disk_.open(path_of(base), OpenMode::create);
    EXPECT_TRUE(file && disk_.resize(*file, segment_size));
    auto map = disk_.map(*file, segment_size);
    EXPECT_TRUE(map);
    for (std::uint64_t at = 0; at < segment_size; at += 8) std::memcpy(*map + at, &base, 8);
    return std::make_unique<Segment>(disk_, base, segment_size, *std::move(file), *map);
  }

  TemporaryFolder folder_;
  CountingDisk disk_;
};

TEST_F(SegmentTest, names_are_offsets_of_20_digits) {
  EXPECT_EQ(offset_name(0), "00000000000000000000");
  EXPECT_EQ(offset_name(1073741824), "00000000001073741824");
  for (const std::int64_t offset : {std::int64_t{0}, std::int64_t{1} << 40, INT64_MAX}) {
    EXPECT_EQ(offset_of_name(offset_name(offset)), offset);
  }
  for (const auto* name : {"", "0", "0000000000000000000", "000000000000000000000", "0000000000000000000x",
                           "-0000000000000000001", "99999999999999999999"}) {
    EXPECT_LT(offset_of_name(name), 0) << name;
  }
}

TEST_F(SegmentTest, becomes_cold_when_the_last_pin_is_gone) {
  const auto segment = make(0);
  SegmentPin first(segment.get());
  SegmentPin second(segment.get());
  segment->become(Segment::State::cold);
  EXPECT_FALSE(segment->settle());
  first = {};
  EXPECT_FALSE(segment->settle());
  EXPECT_EQ(*reinterpret_cast<const std::int64_t*>(segment->data()), 0);
  SegmentPin moved(std::move(second));
  EXPECT_FALSE(segment->settle());
  moved = {};
  EXPECT_TRUE(segment->settle());
  EXPECT_EQ(disk_.mapped, 0);
  EXPECT_TRUE(segment->file());
}

TEST_F(SegmentTest, a_retired_segment_is_closed_once_nobody_is_inside) {
  const auto segment = make(0);
  {
    const SegmentPin pin(segment.get());
    segment->become(Segment::State::retired);
    EXPECT_FALSE(segment->settle());
    EXPECT_TRUE(segment->file());
    EXPECT_EQ(disk_.mapped, 1);
  }
  EXPECT_TRUE(segment->settle());
  EXPECT_FALSE(segment->file());
  EXPECT_EQ(disk_.mapped, 0);
  EXPECT_TRUE(segment->settle());
}

TEST_F(SegmentTest, a_cold_segment_can_be_retired_before_it_settled) {
  const auto segment = make(0);
  {
    const SegmentPin pin(segment.get());
    segment->become(Segment::State::cold);
    EXPECT_FALSE(segment->settle());
    segment->become(Segment::State::retired);
    EXPECT_FALSE(segment->settle());
  }
  EXPECT_TRUE(segment->settle());
  EXPECT_FALSE(segment->file());
  EXPECT_EQ(disk_.mapped, 0);
}

TEST_F(SegmentTest, the_table_finds_what_it_holds) {
  SegmentTable table(segment_size);
  constexpr std::int64_t first = 5 * segment_size;
  table.set_first(first);
  for (std::int64_t i = 5; i < 9; ++i) ASSERT_TRUE(table.add(make(i * static_cast<std::int64_t>(segment_size))));
  EXPECT_EQ(table.find(-1), nullptr);
  EXPECT_EQ(table.find(first - 1), nullptr);
  EXPECT_EQ(table.find(first)->base(), first);
  EXPECT_EQ(table.find(first + static_cast<std::int64_t>(segment_size) - 1)->base(), first);
  EXPECT_EQ(table.find(9 * segment_size), nullptr);
  EXPECT_EQ(table.find(INT64_MAX), nullptr);
  auto* retired = table.retire(first);
  ASSERT_NE(retired, nullptr);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_EQ(table.retire(first), nullptr);
  EXPECT_EQ(retired->base(), first);
  table.remove_behind(7 * segment_size);
  EXPECT_EQ(table.find(7 * segment_size), nullptr);
  EXPECT_NE(table.find(6 * segment_size), nullptr);
}

TEST_F(SegmentTest, the_table_refuses_what_is_beyond_its_capacity) {
  SegmentTable table(segment_size);
  table.set_first(0);
  const auto far = static_cast<std::int64_t>(SegmentTable::capacity * segment_size);
  const auto refused = table.add(make(far));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::full);
  EXPECT_EQ(table.find(far), nullptr);
  EXPECT_TRUE(table.add(make(far - static_cast<std::int64_t>(segment_size))));
  EXPECT_EQ(disk_.mapped, 1);
}

// Whoever pins first and looks at the state after that never touches a mapping or a file that is gone.
TEST_F(SegmentTest, readers_are_safe_while_segments_cool_and_go) {
  constexpr std::int64_t count = 200;
  constexpr auto size = static_cast<std::int64_t>(segment_size);
  SegmentTable table(segment_size);
  table.set_first(0);
  std::atomic<std::int64_t> begin{0};
  std::atomic<std::int64_t> end{0};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::array<std::atomic<int>, 3> seen{};
  std::atomic<bool> has_read{true};  // readers get in between two steps of the writer

  const auto read = [&](unsigned seed) {
    while (!done) {
      seed = seed * 1103515245 + 12345;
      const auto low = begin.load();
      const auto span = end.load() - low;
      if (span <= 0) continue;
      const auto offset = low + static_cast<std::int64_t>(seed >> 8) % span / 8 * 8;
      auto* segment = table.find(offset);
      if (segment == nullptr) continue;
      const SegmentPin pin(segment);
      const auto state = pin->state();
      std::int64_t word = -1;
      if (state == Segment::State::hot) {
        std::memcpy(&word, pin->at(offset / 8 * 8), 8);
      } else if (state == Segment::State::cold) {
        std::array<std::byte, 8> bytes{};
        const auto count_read =
            disk_.read(pin->file(), bytes, static_cast<std::uint64_t>(offset / 8 * 8 - pin->base()));
        if (!count_read || *count_read != 8) ++wrong;
        std::memcpy(&word, bytes.data(), 8);
      }
      if (state != Segment::State::retired && word != pin->base()) ++wrong;
      ++seen[static_cast<std::size_t>(state)];
      has_read = true;
    }
  };
  std::array<std::thread, 3> readers;
  for (unsigned i = 0; i < readers.size(); ++i) readers[i] = std::thread(read, i * 77 + 1);

  std::vector<Segment*> leaving;
  const auto settle = [&] { std::erase_if(leaving, [](Segment* segment) { return segment->settle(); }); };
  for (std::int64_t i = 0; i < count; ++i) {
    has_read = false;
    EXPECT_TRUE(table.add(make(i * size)));
    end = (i + 1) * size;
    if (i >= 4) {
      auto* cold = table.find((i - 4) * size);
      cold->become(Segment::State::cold);
      leaving.push_back(cold);
    }
    if (i >= 8) {
      begin = (i - 7) * size;
      auto* old = table.retire((i - 8) * size);
      old->become(Segment::State::retired);
      leaving.push_back(old);
      EXPECT_TRUE(disk_.remove(path_of((i - 8) * size)));
    }
    settle();
    while (!has_read) std::this_thread::yield();
  }
  done = true;
  for (auto& reader : readers) reader.join();
  settle();
  EXPECT_TRUE(leaving.empty());
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(seen[0], 0);
  EXPECT_GT(seen[1], 0);
  EXPECT_EQ(disk_.mapped, 4);
}

}  // namespace
}  // namespace gantry::storage_mmap
