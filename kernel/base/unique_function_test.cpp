// Concern: UniqueFunction owns exactly one callable and destroys it exactly once, inline or on the heap.
#include "kernel/base/unique_function.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace gantry {
namespace {

struct Counted {
  explicit Counted(int* alive) : alive_(alive) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  Counted(const Counted&) = delete;
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --*alive_; }
  int operator()(int value) const { return value + 1; }
  int* alive_;
};

struct BigCounted : Counted {
  using Counted::Counted;
  std::array<char, 256> padding{};
};

TEST(UniqueFunctionDeathTest, calling_an_empty_one_asserts) {
  UniqueFunction<void()> empty;
  EXPECT_DEATH(empty(), "empty function");
}

TEST(UniqueFunctionTest, null_function_pointer_makes_an_empty_one) {
  int (*none)(int) = nullptr;
  UniqueFunction<int(int)> function(none);
  EXPECT_FALSE(function);
  EXPECT_FALSE((UniqueFunction<int(int)>(nullptr)));
}

TEST(UniqueFunctionTest, carries_move_only_state) {
  auto owned = std::make_unique<int>(7);
  UniqueFunction<int()> function([owned = std::move(owned)] { return *owned; });
  EXPECT_EQ(function(), 7);
}

template <typename F>
void destroys_once() {
  int alive = 0;
  {
    UniqueFunction<int(int)> first{F(&alive)};
    EXPECT_EQ(alive, 1);
    UniqueFunction<int(int)> second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the moved-from state is what is tested
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(second(1), 2);
    UniqueFunction<int(int)> third;
    third = std::move(second);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(third(2), 3);
    third = F(&alive);
    EXPECT_EQ(alive, 1);
    third = nullptr;
    EXPECT_EQ(alive, 0);
  }
  EXPECT_EQ(alive, 0);
}

TEST(UniqueFunctionTest, inline_callable_is_destroyed_once) { destroys_once<Counted>(); }
TEST(UniqueFunctionTest, heap_callable_is_destroyed_once) { destroys_once<BigCounted>(); }

TEST(UniqueFunctionTest, passes_references_and_move_only_arguments_through) {
  UniqueFunction<void(std::unique_ptr<std::string>, std::string&)> function(
      [](std::unique_ptr<std::string> from, std::string& to) { to = *from; });
  std::string out;
  function(std::make_unique<std::string>("hello"), out);
  EXPECT_EQ(out, "hello");
}

TEST(UniqueFunctionTest, may_change_its_own_state) {
  UniqueFunction<int()> counter([n = 0]() mutable { return ++n; });
  counter();
  EXPECT_EQ(counter(), 2);
}

TEST(UniqueFunctionTest, discards_a_result_when_the_signature_says_void) {
  UniqueFunction<void()> function([] { return 5; });
  function();
}

TEST(UniqueFunctionTest, is_one_cache_line) { EXPECT_EQ(sizeof(UniqueFunction<void()>), 64U); }

}  // namespace
}  // namespace gantry
