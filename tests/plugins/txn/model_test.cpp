// Concern: whatever producers, the clock, the store and the process do, in whatever order, each transaction ends as its
// producer decided. Method: random histories with printed seeds (GANTRY_TEST_SEED repeats one) against a model that is
// just each producer's mind: what it will say about each of its transactions.

#include "tests/plugins/txn/rig.hpp"

#include <cstdlib>
#include <random>

namespace gantry::txn {
namespace {

using testing::FailingStore;
using testing::Sent;

class TxnModel : public testing::Rig {
 protected:
  enum class Mind : std::uint8_t { commits, rolls_back, never_tells };
  struct Known {
    Mind mind;
    std::vector<Sent> copies;  // every place that the producer ever heard of
    bool was_decided = false;
  };

  std::size_t pick(std::size_t count) { return random_() % count; }

  void decide(Known& known) {
    const Sent& quoted = known.copies[pick(known.copies.size())];
    if (known.mind == Mind::commits) commit(quoted);
    if (known.mind == Mind::rolls_back) rollback(quoted);
    known.was_decided = true;
  }

  void hear_questions(bool answers) {
    for (const Sent& asked : questions()) {
      Known& known = all_.at(asked.id);
      known.copies.push_back(asked);
      if (!answers) continue;
      if (pick(4) == 0) end(asked, 0, true);
      if (known.mind != Mind::never_tells && pick(3) != 0) decide(known);
    }
  }

  void step() {
    switch (pick(10)) {
      case 0:
      case 1:
      case 2: {
        const std::string id = "K" + std::to_string(all_.size());
        const auto sent = prepare(
            id, pick(8) == 0
                    ? std::map<std::string, std::string>{{"CHECK_IMMUNITY_TIME_IN_SECONDS", std::to_string(pick(90))}}
                    : std::map<std::string, std::string>{});
        if (sent) all_[id] = {static_cast<Mind>(pick(3)), {*sent}};
        break;
      }
      case 3:
      case 4:
      case 5: {
        if (all_.empty()) break;
        auto known = all_.begin();
        std::advance(known, static_cast<std::ptrdiff_t>(pick(all_.size())));
        decide(known->second);
        break;
      }
      case 6: tick(static_cast<std::int64_t>(pick(1'000))); break;
      case 7:
        tick(static_cast<std::int64_t>(pick(40'000)));
        hear_questions(true);
        break;
      case 8:
        if (pick(4) == 0) restart();
        break;
      default:
        if (!crashes_ || pick(4) != 0 || all_.empty()) break;
        // The process dies in the middle of something.
        store.appends_left = static_cast<std::int64_t>(pick(4));
        for (std::size_t i = pick(4); i > 0; --i) {
          auto known = all_.begin();
          std::advance(known, static_cast<std::ptrdiff_t>(pick(all_.size())));
          decide(known->second);
        }
        if (pick(2) == 0) tick(static_cast<std::int64_t>(pick(40'000)));
        hear_questions(false);
        restart();
    }
  }

  void run(bool crashes, int check_limit) {
    const char* given = std::getenv("GANTRY_TEST_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    crashes_ = crashes;
    check_max = check_limit;
    configure();
    for (int i = 0; i < 1'500; ++i) step();
    // From now on everybody answers, and time passes until nothing is left to ask.
    std::set<std::string> told;
    for (int i = 0; i < check_limit + 20; ++i) {
      tick(95'000);
      for (const Sent& asked : questions()) {
        told.insert(asked.id);
        const Mind mind = all_.at(asked.id).mind;
        if (mind == Mind::commits) commit(asked);
        if (mind == Mind::rolls_back) rollback(asked);
      }
    }
    EXPECT_EQ(open_count(), 0u);
    std::set<std::string> discarded;
    for (const auto& message : broker.stored(discard_topic, 0)) {
      discarded.emplace(*message.property("UNIQ_KEY"));
    }
    std::map<std::string, std::size_t> seen;
    for (int queue = 0; queue < 4; ++queue) {
      for (const auto& message : broker.stored(topic, queue)) ++seen[std::string(*message.property("UNIQ_KEY"))];
    }
    for (const auto& [id, known] : all_) {
      SCOPED_TRACE(id);
      if (known.mind == Mind::commits) {
        EXPECT_EQ(seen[id] + (discarded.contains(id) ? 1 : 0), 1u);
      } else {
        EXPECT_EQ(seen[id], 0u);
      }
      if (known.mind == Mind::never_tells) {
        EXPECT_TRUE(discarded.contains(id));
      }
    }
    EXPECT_EQ(broker.find_offset(progress_group, half_topic, 0), half_count());
  }

 private:
  std::mt19937_64 random_;
  std::map<std::string, Known> all_;
  bool crashes_ = false;
};

TEST_F(TxnModel, every_transaction_ends_as_decided_without_crashes) { run(false, 100); }
TEST_F(TxnModel, every_transaction_ends_as_decided_once_despite_crashes) { run(true, 100); }
TEST_F(TxnModel, every_transaction_ends_even_when_few_questions_are_asked) { run(true, 2); }

}  // namespace
}  // namespace gantry::txn
