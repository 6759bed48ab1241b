#include "kernel/net/shard.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"

#include <algorithm>
#include <utility>

namespace gantry::net {

namespace {
constexpr std::size_t out_buffers_kept = 64;              // of a shard; more are freed when they empty
constexpr std::size_t out_buffer_bytes_kept = 64 * 1024;  // of one kept buffer
constexpr std::size_t sweep_step = 512;                   // sessions looked at before others have their turn

MetricLabels label(ShardId shard) { return {{"shard", std::to_string(shard.value())}}; }
}  // namespace

ShardMetrics::ShardMetrics(MetricsRegistry& metrics, ShardId shard)
    : open(metrics.gauge("gantry_net_connections", "Open connections", label(shard))),
      paused(metrics.gauge("gantry_net_paused", "Connections not read from because too much waits for their peers",
                           label(shard))),
      bytes_in(metrics.counter("gantry_net_bytes_in", "Bytes received (decrypted)", label(shard))),
      bytes_out(metrics.counter("gantry_net_bytes_out", "Bytes sent (before encryption)", label(shard))),
      timed_out(metrics.counter("gantry_net_timed_out", "Connections closed because one of their times was over",
                                label(shard))) {}

struct Shard::TurnEnd {
  Shard* shard;
  using allocator_type = OpAllocator<void, 128>;
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(shard->turn_end_slot_); }
  void operator()() const { shard->end_turn(); }
};

Shard::Shard(ShardId id, ShardCommons& commons, MetricsRegistry& metrics)
    : id_(id),
      commons_(commons),
      metrics_(metrics, id),
      buffer_bytes_(commons.read_chunk_bytes + Unfinished::free_bytes),
      buffer_(new std::byte[buffer_bytes_]),
      now_(std::chrono::steady_clock::now()) {
  loop_.set_channels([this](ChannelId channel) -> Channel* { return find_open(channel); });
}

Shard::~Shard() { GANTRY_ASSERT(sessions_.empty(), "a shard's sessions end before it"); }

void Shard::adopt(OwnedFd fd, Session::Setup setup) {
  load_.fetch_add(1, std::memory_order_relaxed);
  loop_.post([this, fd = std::move(fd), setup = std::move(setup)]() mutable {
    adopt_here(std::move(fd), std::move(setup));
    load_.fetch_sub(1, std::memory_order_relaxed);
  });
}

ChannelId Shard::adopt_here(OwnedFd fd, Session::Setup setup) {
  GANTRY_ON(loop_);
  if (closing_) {
    if (setup.connected) setup.connected(Error{Errc::unavailable, "connecting: this process is stopping"});
    return {};
  }
  watch_times(setup.profile->limits);
  setup.id = ChannelId(++last_channel_ << 8 | id_.value());
  const ChannelId id = setup.id;
  auto made = std::make_unique<Session>(*this, std::move(setup), fd.release());
  Session& session = *made;
  session.index = order_.size();
  order_.push_back(&session);
  sessions_.emplace(id, std::move(made));
  load_.fetch_add(1, std::memory_order_relaxed);
  metrics_.open.add(1);
  if (quiesced_) session.quiesce();
  session.start();
  return id;
}

Session* Shard::find(ChannelId id) noexcept {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Session* Shard::find_open(ChannelId id) noexcept {
  Session* session = find(id);
  return session != nullptr && session->is_open() ? session : nullptr;
}

std::unique_ptr<OutBuffer> Shard::take_out_buffer() {
  if (out_buffers_.empty()) return std::make_unique<OutBuffer>();
  auto buffer = std::move(out_buffers_.back());
  out_buffers_.pop_back();
  return buffer;
}

void Shard::give_out_buffer(std::unique_ptr<OutBuffer> buffer) {
  if (out_buffers_.size() >= out_buffers_kept) return;
  buffer->shrink(out_buffer_bytes_kept);
  out_buffers_.push_back(std::move(buffer));
}

void Shard::mark_dirty(Session& session) {
  if (std::exchange(session.dirty, true)) return;
  dirty_.push_back(&session);
  schedule_turn_end();
}

void Shard::bury(Session& session) {
  order_[session.index] = order_.back();
  order_[session.index]->index = session.index;
  order_.pop_back();
  const auto found = sessions_.find(session.id());
  buried_.push_back(std::move(found->second));
  sessions_.erase(found);
  load_.fetch_sub(1, std::memory_order_relaxed);
  metrics_.open.add(-1);
  schedule_turn_end();
}

void Shard::schedule_turn_end() {
  if (std::exchange(turn_end_pending_, true)) return;
  asio::post(loop_.io(), TurnEnd{this});
}

void Shard::end_turn() {
  turn_end_pending_ = false;
  flushing_.swap(dirty_);
  for (Session* session : flushing_) {
    session->dirty = false;
    session->flush();
  }
  flushing_.clear();
  std::erase_if(buried_, [](const auto& session) { return session->may_be_destroyed(); });
  if (closing_ && emptied_ && sessions_.empty() && buried_.empty()) std::exchange(emptied_, nullptr)();
}

void Shard::quiesce() {
  quiesced_ = true;
  for (Session* session : order_) session->quiesce();
}

void Shard::close_all(std::string_view reason, UniqueFunction<void()> emptied) {
  closing_ = true;
  emptied_ = std::move(emptied);
  // Closing may end a session at once, which takes it out of order_; from the back, none is missed.
  for (std::size_t i = order_.size(); i-- > 0;) {
    if (i < order_.size()) order_[i]->begin_close(reason);
  }
  schedule_turn_end();
}

void Shard::end_all(std::string_view reason) {
  while (!order_.empty()) order_.back()->end(reason);
}

// ---- times ----

// The period follows the shortest limit of the connections here, and is forgotten when the last one is gone.
void Shard::watch_times(const SessionLimits& limits) {
  using std::chrono::milliseconds;
  milliseconds shortest{8'000};
  for (const milliseconds limit : {limits.idle_timeout, limits.first_byte_timeout, limits.handshake_timeout,
                                   limits.frame_timeout, limits.write_stall_timeout}) {
    if (limit.count() > 0) shortest = std::min(shortest, limit);
  }
  const milliseconds period = std::max(shortest / 8, milliseconds(5));
  if (sweeping_ && period >= sweep_period_) return;
  if (!sweeping_) swept_at_ = std::chrono::steady_clock::now();
  sweep_slack_ = sweeping_ ? sweep_slack_ : 2 * period;
  sweep_period_ = period;
  sweeping_ = true;
  loop_.cancel(sweep_timer_);
  sweep_timer_ = loop_.call_after(sweep_period_, [this] { begin_sweep(); });
}

// A loop that stood still (a machine out of breath, a stopped process) did not look at its sockets meanwhile: that time
// does not count against its connections.
void Shard::begin_sweep() {
  const auto now = std::chrono::steady_clock::now();
  now_ += std::min<std::chrono::steady_clock::duration>(now - swept_at_, 2 * sweep_period_);
  swept_at_ = now;
  sweep_left_ = order_.size();
  sweep_on();
}

void Shard::sweep_on() {
  sweep_left_ = std::min(sweep_left_, order_.size());
  // From the back: a session that ends is replaced by the last one, which was seen already.
  for (std::size_t step = 0; step < sweep_step && sweep_left_ > 0; ++step) {
    --sweep_left_;
    order_[sweep_left_]->check_times(now_, sweep_slack_);
    sweep_left_ = std::min(sweep_left_, order_.size());
  }
  if (sweep_left_ > 0) return loop_.post([this] { sweep_on(); });
  sweeping_ = !order_.empty();
  loop_.cancel(sweep_timer_);
  if (sweeping_) sweep_timer_ = loop_.call_after(sweep_period_, [this] { begin_sweep(); });
}

}  // namespace gantry::net
