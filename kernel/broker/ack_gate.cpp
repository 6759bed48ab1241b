#include "kernel/broker/ack_gate.hpp"

#include "kernel/base/assert.hpp"

#include <utility>

namespace gantry::broker {

AckGate::AckGate(Shards& shards) : shards_(shards) {
  waiters_.reserve(shards.count());
  for (std::size_t i = 0; i < shards.count(); ++i) {
    waiters_.push_back(std::make_unique<Waiter>());
    for (auto& wanted : waiters_.back()->wanted) wanted.store(nobody, std::memory_order_relaxed);
  }
}

void AckGate::attach(ShardId shard, UniqueFunction<void()> wake) {
  GANTRY_ASSERT(shard.value() < waiters_.size());
  waiters_[shard.value()]->wake = std::move(wake);
}

void AckGate::advance(Watermark watermark, std::int64_t end) {
  auto& position = positions_[static_cast<std::size_t>(watermark)];
  std::int64_t before = position.load(std::memory_order_relaxed);
  while (before < end && !position.compare_exchange_weak(before, end, std::memory_order_seq_cst)) {
  }
  if (before >= end) return;
  for (std::size_t shard = 0; shard < waiters_.size(); ++shard) wake_if_due(shard, watermark, end);
}

void AckGate::fail() {
  failed_.store(true, std::memory_order_seq_cst);
  for (std::size_t shard = 0; shard < waiters_.size(); ++shard) {
    for (std::size_t w = 0; w < watermark_count; ++w) wake_if_due(shard, static_cast<Watermark>(w), nobody - 1);
  }
}

void AckGate::wait_for(ShardId shard, Watermark watermark, std::int64_t end) {
  auto& wanted = waiters_[shard.value()]->wanted[static_cast<std::size_t>(watermark)];
  // Sequentially consistent on both sides: either advance() sees the wish, or the position read below is the new one.
  wanted.store(end, std::memory_order_seq_cst);
  const std::int64_t position = positions_[static_cast<std::size_t>(watermark)].load(std::memory_order_seq_cst);
  wake_if_due(shard.value(), watermark, failed_.load(std::memory_order_seq_cst) ? nobody - 1 : position);
}

void AckGate::wake_if_due(std::size_t shard, Watermark watermark, std::int64_t position) {
  auto& wanted = waiters_[shard]->wanted[static_cast<std::size_t>(watermark)];
  std::int64_t end = wanted.load(std::memory_order_seq_cst);
  // Whoever takes the wish posts the wake-up, so that there is one.
  while (end <= position) {
    if (wanted.compare_exchange_weak(end, nobody, std::memory_order_seq_cst)) {
      Waiter* waiter = waiters_[shard].get();
      shards_.at(ShardId(static_cast<std::uint32_t>(shard))).post([waiter] { waiter->wake(); });
      return;
    }
  }
}

}  // namespace gantry::broker
