#include "kernel/broker/puller.hpp"

#include "kernel/base/log.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/responses.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::PullHeader;
using protocol::ResponseCode;

namespace {

// Why a pull was forbidden, as the answer's forbiddenType says it.
constexpr std::int32_t forbidden_by_broker = 1;
constexpr std::int32_t forbidden_by_group = 2;
constexpr std::int32_t forbidden_by_topic = 3;
constexpr std::int32_t forbidden_broadcast = 4;
constexpr std::int32_t forbidden_subscription = 5;

bool is_tag(std::string_view expression_type) noexcept {
  return expression_type.empty() || expression_type == protocol::expression_tag;
}

}  // namespace

/// A pull that the blocking pool reads for. Owns all that the read needs; gives back what the read lent.
struct Puller::ColdPull {
  explicit ColdPull(sdk::Store& from) : store(from) {}
  ColdPull(const ColdPull&) = delete;
  ColdPull& operator=(const ColdPull&) = delete;
  ~ColdPull() {
    if (result.owner != nullptr) store.release(result.owner);
  }

  sdk::Store& store;
  Hold pull;
  Selector selector;
  gantry_read_request request{};
  gantry_read_result result{};
  std::array<gantry_slice, slices_per_answer> slices{};
  Status status;
  std::optional<std::int64_t> answer_by_ns;  // of a pull that was held before
};

Puller::Puller(ShardContext& context) : context_(context), holds_(context.shared.options.holds_per_shard_max) {}

void Puller::refuse(const ReplyTo& to, ResponseCode code, std::string_view remark, std::int32_t forbidden) {
  context_.shared.counters.pull_refused.add();
  if (forbidden == 0) return context_.reply(to, code, remark);
  context_.reply(to, code, remark, protocol::PullForbiddenResponse{forbidden});
}

void Puller::handle(const Request& request) {
  const ReplyTo to = request.reply_to();
  PullHeader query;
  if (const Status read = protocol::decode_pull(request.header.ext, context_.scratch, query); !read) {
    return refuse(to, ResponseCode::system_error, read.error().text);
  }
  Target target;
  if (!prepare(query, to, target)) return;
  commit(query, target);
  if (apply_reset(query, to, target)) return;
  settle(attempt(query, to, target, request.channel), query, to, target, request.channel);
}

// ---- who may read what ----

bool Puller::prepare(const PullHeader& query, const ReplyTo& to, Target& target) {
  const Options& options = context_.shared.options;
  if (!protocol::perm::is_readable(context_.shared.permission.load(std::memory_order_relaxed))) {
    refuse(to, ResponseCode::no_permission, remark::broker_not_readable(options.name), forbidden_by_broker);
    return false;
  }
  Error error;
  const routing::Group* group = context_.group(query.consumer_group, error);
  if (group == nullptr) {
    refuse(to, ResponseCode::subscription_group_not_exist, error.text);
    return false;
  }
  if (!group->config().consume_enable) {
    refuse(to, ResponseCode::no_permission, remark::group_disabled(group->name()), forbidden_by_group);
    return false;
  }
  target.topic = context_.topics.find(query.topic);
  if (target.topic == nullptr) {
    refuse(to, ResponseCode::topic_not_exist, remark::topic_unknown(query.topic));
    return false;
  }
  if (!target.topic->readable()) {
    refuse(to, ResponseCode::no_permission, remark::topic_not_readable(query.topic), forbidden_by_topic);
    return false;
  }
  if (query.queue_id < 0 || query.queue_id >= target.topic->read_queues()) {
    refuse(to, ResponseCode::invalid_parameter,
           remark::no_such_queue(query.topic, query.queue_id, target.topic->read_queues()));
    return false;
  }
  if (!select(query, to, *group)) return false;
  selector_.bind(filters_.find_bound(context_.shared.env.plugins, query.topic, query.consumer_group));
  target.state = target.topic->queue(query.queue_id);
  auto queue = target.topic->open(context_.shared.env.store, query.queue_id);
  if (!queue) {
    refuse(to, ResponseCode::system_error, queue.error().text);
    return false;
  }
  target.queue = *queue;
  return true;
}

bool Puller::select(const PullHeader& query, const ReplyTo& to, const routing::Group& group) {
  if (query.has(PullHeader::subscription_bit)) {
    if (!is_tag(query.expression_type)) return select_language(to, query.expression_type, query.subscription);
    if (selector_.select_tags(query.subscription)) return true;
    refuse(to, ResponseCode::subscription_parse_failed, "the subscription has only separators; name at least one tag");
    return false;
  }
  const routing::ConsumerGroup* consumers = context_.consumers.find(query.consumer_group);
  if (consumers == nullptr) {
    refuse(to, ResponseCode::subscription_not_exist, remark::group_offline(query.consumer_group));
    return false;
  }
  if (consumers->message_model == protocol::MessageModel::broadcasting &&
      !(group.config().consume_broadcast_enable && context_.shared.options.broadcast_consumption)) {
    refuse(to, ResponseCode::no_permission, remark::group_broadcasts(query.consumer_group), forbidden_broadcast);
    return false;
  }
  if (!group.may_read(query.topic)) {
    refuse(to, ResponseCode::no_permission, remark::group_may_not_read(query.consumer_group, query.topic),
           forbidden_subscription);
    return false;
  }
  const protocol::SubscriptionData* subscription = consumers->find(query.topic);
  if (subscription == nullptr) {
    refuse(to, ResponseCode::subscription_not_exist, remark::not_subscribed(query.consumer_group, query.topic));
    return false;
  }
  const bool outdated = subscription->version < query.sub_version;
  if (subscription->is_tag()) {
    // The heartbeat with the client's newer subscription may take half a minute; Apache refuses its pulls until then.
    // Clients check tags themselves, so handing out too much is right and fast, while the old tags would be wrong.
    if (outdated) {
      selector_.select_all();
    } else {
      selector_.select_subscription(*subscription);
    }
    return true;
  }
  if (outdated) {
    refuse(to, ResponseCode::subscription_not_latest, remark::subscription_outdated(query.consumer_group, query.topic));
    return false;
  }
  return select_language(to, subscription->expression_type, subscription->expression);
}

bool Puller::select_language(const ReplyTo& to, std::string_view language, std::string_view expression) {
  auto filter = filters_.find(context_.shared.env.plugins, language, expression);
  if (filter) {
    selector_.select_filter(*std::move(filter));
    return true;
  }
  const FilterRefusal refusal = filter_refusal(language, filter.error());
  refuse(to, refusal.code, refusal.remark);
  return false;
}

void Puller::commit(const PullHeader& query, const Target& target) {
  if (!query.has(PullHeader::commit_offset_bit) || query.commit_offset < 0) return;
  const auto bounds = context_.shared.env.store.bounds(target.queue);
  const auto outcome =
      context_.shared.env.offsets.commit({query.consumer_group, query.topic, query.queue_id}, query.commit_offset,
                                         {target.topic->queue_count(), bounds.max});
  if (outcome == routing::CommitOutcome::stored) context_.shared.counters.commits.add();
}

bool Puller::apply_reset(const PullHeader& query, const ReplyTo& to, const Target& target) {
  const auto reset = context_.shared.env.offsets.take_reset({query.consumer_group, query.topic, query.queue_id});
  if (!reset) return false;
  const auto bounds = context_.shared.env.store.bounds(target.queue);
  gantry_read_result result{};
  result.min_offset = bounds.min;
  result.max_offset = bounds.max;
  answer_empty(to, ResponseCode::pull_offset_moved, std::clamp(*reset, bounds.min, bounds.max), result);
  return true;
}

// ---- reading ----

gantry_read_request Puller::make_request(const PullHeader& query, const Target& target) {
  const Options& options = context_.shared.options;
  gantry_read_request request{};
  request.struct_size = sizeof request;
  request.queue = target.queue;
  request.offset = query.queue_offset;
  visible_end_ = context_.shared.visible_end();
  request.visible_end = visible_end_;
  request.match = selector_.matcher();
  request.message_count_max = std::clamp<std::uint32_t>(
      static_cast<std::uint32_t>(std::max(query.message_count_max, 1)), 1, options.pull_count_max);
  const std::int32_t bytes = query.bytes_max.value_or(static_cast<std::int32_t>(options.pull_bytes_default));
  request.bytes_max =
      std::clamp<std::uint32_t>(static_cast<std::uint32_t>(std::max(bytes, 100)), 100, options.pull_bytes_max);
  request.scan_count_max = std::max(options.pull_scan_max, request.message_count_max);
  return request;
}

Puller::Attempt Puller::attempt(const PullHeader& query, const ReplyTo& to, const Target& target, Channel& channel) {
  if (channel.pending_bytes() > context_.shared.options.pull_pending_bytes_max) return Attempt::stalled;
  const gantry_read_request request = make_request(query, target);
  result_ = {};
  result_.struct_size = sizeof result_;
  result_.slices = slices_.data();
  result_.slice_capacity = slices_per_answer;
  const Status read = context_.shared.env.store.read(request, result_);
  return judge(read, query, to, channel, result_);
}

Puller::Attempt Puller::judge(const Status& read, const PullHeader& query, const ReplyTo& to, Channel& channel,
                              gantry_read_result& result) {
  if (!read) {
    if (read.error().code == Errc::would_block) return Attempt::cold;
    if (read.error().code == Errc::busy) return Attempt::unready;
    GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "broker.read_failed", field("topic", query.topic),
                     field("queue", query.queue_id), field("offset", query.queue_offset), field("error", read.error()));
    refuse(to, ResponseCode::system_error, read.error().text);
    return Attempt::answered;
  }
  switch (result.outcome) {
    case GANTRY_READ_FOUND: send_found(to, channel, result); return Attempt::answered;
    case GANTRY_READ_AT_END: return Attempt::nothing_yet;
    case GANTRY_READ_EMPTY_QUEUE:
      if (query.queue_offset == 0) return Attempt::nothing_yet;
      answer_empty(to, ResponseCode::pull_offset_moved, 0, result);
      return Attempt::answered;
    case GANTRY_READ_NO_MATCH:
    case GANTRY_READ_REMOVED: return Attempt::no_match;
    case GANTRY_READ_GAP:
      answer_empty(to, ResponseCode::pull_not_found, result.next_offset, result);
      return Attempt::answered;
    case GANTRY_READ_BEFORE_BEGIN:
      answer_empty(to, ResponseCode::pull_offset_moved, result.min_offset, result);
      return Attempt::answered;
    case GANTRY_READ_BEYOND_END:
      answer_empty(to, ResponseCode::pull_offset_moved, result.max_offset, result);
      return Attempt::answered;
    default:
      refuse(to, ResponseCode::system_error, "the store answered a read with an outcome that the broker does not know");
      return Attempt::answered;
  }
}

void Puller::send_found(const ReplyTo& to, Channel& channel, gantry_read_result& result) {
  Counters& counters = context_.shared.counters;
  counters.pull_found.add();
  counters.pull_messages.add(result.message_count);
  counters.pull_bytes.add(result.byte_count);
  gantry_read_owner* const owner = std::exchange(result.owner, nullptr);
  sdk::Store* const store = &context_.shared.env.store;
  if (to.oneway) return store->release(owner);

  protocol::PullResponse header;
  header.next_begin_offset = result.next_offset;
  header.min_offset = result.min_offset;
  header.max_offset = result.max_offset;
  const auto meta = protocol::response_meta(to.type, to.opaque, ResponseCode::success, "FOUND");
  protocol::write_frame_head(context_.out, meta, header, result.byte_count);
  const std::span slices(result.slices, result.slice_count);
  if (result.byte_count <= copied_answer_bytes_max) {
    for (const gantry_slice& slice : slices) {
      context_.out.append(protocol::ByteView(static_cast<const std::byte*>(slice.data), slice.size));
    }
    store->release(owner);
    return;
  }
  channel.send(context_.out.view(), slices, [store, owner] { store->release(owner); });
  context_.out.clear();
}

void Puller::answer_empty(const ReplyTo& to, ResponseCode code, std::int64_t next, const gantry_read_result& result) {
  context_.shared.counters.pull_empty.add();
  protocol::PullResponse header;
  header.next_begin_offset = next;
  header.min_offset = result.min_offset;
  header.max_offset = result.max_offset;
  std::string_view remark = "NO_NEW_MESSAGE";
  if (code == ResponseCode::pull_retry_immediately) remark = "NO_MATCHED_MESSAGE";
  if (code == ResponseCode::pull_offset_moved) remark = "OFFSET_ILLEGAL: the queue does not hold the wanted offset";
  context_.reply(to, code, remark, header);
}

// What becomes of a pull that arrived just now.
void Puller::settle(Attempt outcome, const PullHeader& query, const ReplyTo& to, const Target& target,
                    Channel& channel) {
  switch (outcome) {
    case Attempt::answered: return;
    case Attempt::no_match: return answer_empty(to, ResponseCode::pull_retry_immediately, result_.next_offset, result_);
    case Attempt::cold: return read_cold(query, to, target, channel);
    case Attempt::nothing_yet:
      if (query.has(PullHeader::suspend_bit) && hold(query, to, target, channel, outcome)) return;
      return answer_empty(to, ResponseCode::pull_not_found, query.queue_offset, result_);
    case Attempt::stalled:
      if (hold(query, to, target, channel, outcome)) return;
      show_bounds(target.queue);
      return answer_empty(to, ResponseCode::pull_not_found, query.queue_offset, result_);
    case Attempt::unready:
      if (hold(query, to, target, channel, outcome)) return;
      return refuse(to, ResponseCode::system_busy, remark::queue_unready);
  }
}

void Puller::show_bounds(gantry_queue* queue) {
  result_ = {};
  if (queue == nullptr) return;
  const auto bounds = context_.shared.env.store.bounds(queue);
  result_.min_offset = bounds.min;
  result_.max_offset = bounds.max;
}

// The end of waiting for a store that could not read. A client that asked for a long poll takes PULL_NOT_FOUND with the
// same offset for the end of that poll and asks again at once. To one that did not ask, it would mean the end of the
// queue (tools stop there), so it gets SYSTEM_BUSY: the clients for Java, Go and Node keep their offset and ask again
// three seconds later, after any code they do not know.
void Puller::answer_unready(const PullHeader& query, const ReplyTo& to, gantry_queue* queue) {
  if (!query.has(PullHeader::suspend_bit)) return refuse(to, ResponseCode::system_busy, remark::queue_unready);
  show_bounds(queue);
  answer_empty(to, ResponseCode::pull_not_found, query.queue_offset, result_);
}

// ---- waiting ----

bool Puller::hold(const PullHeader& query, const ReplyTo& to, const Target& target, Channel& channel, Attempt why,
                  std::optional<std::int64_t> answer_by_ns) {
  const Options& options = context_.shared.options;
  Session* session = context_.session(channel.id());
  if (to.oneway || session == nullptr) return false;
  if (holds_.full() || session->hold_count >= options.holds_per_channel_max) {
    context_.shared.counters.holds_refused.add();
    return false;
  }
  // Whoever asked for no long poll may have given its request a few seconds only.
  const bool polls_long = options.long_polling && (why != Attempt::unready || query.has(PullHeader::suspend_bit));
  auto patience = polls_long ? std::chrono::milliseconds(std::max<std::int64_t>(query.suspend_timeout_ms, 0))
                             : options.short_polling;
  if (why == Attempt::stalled) patience = std::max(patience, std::chrono::milliseconds(5'000));
  patience = std::min(patience, options.hold_max);

  Hold& hold = holds_.acquire();
  hold.keep(query, to);
  hold.keeps = target.topic->queues();
  hold.queue = target.state;
  hold.session = session;
  hold.answer_by_ns = answer_by_ns.value_or(context_.steady_ns() + ShardContext::to_ns(patience));
  hold.look_at_ns = look_at(why, hold.answer_by_ns);
  holds_.insert(hold);
  context_.shared.counters.holds.add(1);
  arm_timer();
  if (why != Attempt::nothing_yet) return true;

  // What was appended between our read and this call announced itself to nobody.
  Arrivals::listen(context_.id, *hold.queue);
  const bool grew = context_.shared.env.store.bounds(target.queue).max > query.queue_offset;
  const bool all_visible = context_.shared.options.ack == AckPromise::memory;
  if (grew && (all_visible || context_.shared.visible_end() != visible_end_)) rerun(hold, false);
  return true;
}

// When to try a held pull again without being woken.
std::int64_t Puller::look_at(Attempt why, std::int64_t answer_by_ns) const {
  if (why == Attempt::stalled) return std::min(context_.steady_ns() + stalled_retry_ns, answer_by_ns);
  if (why == Attempt::unready) return std::min(context_.steady_ns() + unready_retry_ns, answer_by_ns);
  return answer_by_ns;
}

void Puller::on_arrivals(std::span<routing::QueueState* const> queues) {
  context_.turn();
  for (const routing::QueueState* queue : queues) {
    Hold* next = holds_.of_queue(queue);
    // Listens again before it reads: what is appended from here on announces itself once more.
    if (next != nullptr) Arrivals::listen(context_.id, *next->queue);
    while (next != nullptr) {
      Hold& hold = *next;
      next = hold.queue_next;
      Channel& channel = *hold.session->channel;
      rerun(hold, false);
      context_.flush(channel);
    }
  }
}

// Tries a held pull again. True: it was answered (or went to the pool) and `hold` is gone.
bool Puller::rerun(Hold& hold, bool final) {
  Channel& channel = *hold.session->channel;
  Target target;
  if (!prepare(hold.query, hold.to, target) || apply_reset(hold.query, hold.to, target)) {
    release(hold);
    return true;
  }
  Attempt outcome = Attempt::no_match;
  for (int scan = 0; scan < scans_per_wake && outcome == Attempt::no_match; ++scan) {
    outcome = attempt(hold.query, hold.to, target, channel);
    if (outcome == Attempt::no_match) {
      hold.query.queue_offset = result_.next_offset;
      hold.advanced = true;
    }
  }
  switch (outcome) {
    case Attempt::answered: release(hold); return true;
    case Attempt::cold:
      read_cold(hold.query, hold.to, target, channel, final ? context_.steady_ns() : hold.answer_by_ns);
      release(hold);
      return true;
    case Attempt::no_match:  // There is more to scan than one turn should: the client comes back at once.
      answer_empty(hold.to, ResponseCode::pull_retry_immediately, hold.query.queue_offset, result_);
      release(hold);
      return true;
    case Attempt::stalled:
    case Attempt::unready:
    case Attempt::nothing_yet: break;
  }
  // A pull that asked for no long poll was held only because its connection or the store was not ready.
  const bool waits = outcome != Attempt::nothing_yet || hold.query.has(PullHeader::suspend_bit);
  if (final || !waits) return run_final(hold, outcome);
  holds_.look_again(hold, look_at(outcome, hold.answer_by_ns));
  arm_timer();
  return false;
}

bool Puller::run_final(Hold& hold, Attempt outcome) {
  gantry_queue* const queue = hold.queue->handle.load(std::memory_order_acquire);
  if (outcome == Attempt::unready && !hold.advanced) {
    answer_unready(hold.query, hold.to, queue);
  } else {
    if (outcome != Attempt::nothing_yet) show_bounds(queue);
    const auto code = hold.advanced ? ResponseCode::pull_retry_immediately : ResponseCode::pull_not_found;
    answer_empty(hold.to, code, hold.query.queue_offset, result_);
  }
  release(hold);
  return true;
}

void Puller::release(Hold& hold) {
  holds_.remove(hold);
  context_.shared.counters.holds.add(-1);
}

void Puller::on_close(Session& session) {
  context_.shared.counters.holds.add(-static_cast<std::int64_t>(session.hold_count));
  holds_.drop(session);
}

void Puller::answer_all() {
  context_.turn();
  while (Hold* hold = holds_.earliest()) {
    Channel& channel = *hold->session->channel;
    rerun(*hold, true);
    context_.flush(channel);
  }
}

void Puller::on_timer() {
  timer_at_ns_ = 0;
  context_.turn();
  const std::int64_t now = context_.steady_ns();
  // Each pass either removes the earliest hold or moves it behind `now`.
  int looks = 0;
  for (Hold* hold = holds_.earliest(); hold != nullptr && hold->look_at_ns <= now && looks < looks_per_turn;
       hold = holds_.earliest(), ++looks) {
    Channel& channel = *hold->session->channel;
    const bool final = hold->answer_by_ns <= now;
    if (!final) Arrivals::listen(context_.id, *hold->queue);
    rerun(*hold, final);
    context_.flush(channel);
  }
  arm_timer();
}

void Puller::arm_timer() {
  const Hold* hold = holds_.earliest();
  if (hold == nullptr || (timer_at_ns_ != 0 && timer_at_ns_ <= hold->look_at_ns)) return;
  if (timer_at_ns_ != 0) context_.executor.cancel(timer_);
  timer_at_ns_ = hold->look_at_ns;
  const std::int64_t left_ns = std::max<std::int64_t>(hold->look_at_ns - context_.steady_ns(), 0);
  const auto delay = std::chrono::milliseconds((left_ns + 999'999) / 1'000'000);
  timer_ = context_.executor.call_after(delay, [this] { on_timer(); });
}

// ---- what is not in memory ----

void Puller::read_cold(const PullHeader& query, const ReplyTo& to, const Target& target, Channel& channel,
                       std::optional<std::int64_t> answer_by_ns) {
  context_.shared.counters.pull_cold.add();
  auto job = std::make_unique<ColdPull>(context_.shared.env.store);
  job->pull.keep(query, to);
  job->pull.keeps = target.topic->queues();
  job->answer_by_ns = answer_by_ns;
  job->selector.copy_from(selector_);
  job->request = make_request(query, target);
  job->request.match = job->selector.matcher();
  job->request.options = GANTRY_READ_MAY_BLOCK;
  // Whoever waits for the disk can wait for a second answer, too; the messages of others are sent in between.
  job->request.bytes_max = std::min(job->request.bytes_max, context_.shared.options.pull_cold_bytes_max);
  job->result.struct_size = sizeof job->result;
  job->result.slices = job->slices.data();
  job->result.slice_capacity = slices_per_answer;
  const bool posted = context_.shared.env.pool.post([this, channel_id = channel.id(), work = std::move(job)]() mutable {
    work->status = work->store.read(work->request, work->result);
    context_.shared.env.shards.with_channel(
        channel_id, [this, done = std::move(work)](Channel* open) { finish_cold(*done, open); });
  });
  if (!posted) refuse(to, ResponseCode::system_busy, remark::pool_full);
}

void Puller::finish_cold(ColdPull& job, Channel* channel) {
  if (channel == nullptr) return;
  context_.turn();
  const ReplyTo& to = job.pull.to;
  const std::int64_t asked = job.pull.query.queue_offset;
  switch (judge(job.status, job.pull.query, to, *channel, job.result)) {
    case Attempt::no_match:
      answer_empty(to, ResponseCode::pull_retry_immediately, job.result.next_offset, job.result);
      break;
    case Attempt::nothing_yet: answer_empty(to, ResponseCode::pull_not_found, asked, job.result); break;
    case Attempt::cold: refuse(to, ResponseCode::system_busy, remark::pool_full); break;
    case Attempt::unready: finish_unready(job, *channel); break;
    case Attempt::answered:
    case Attempt::stalled: break;
  }
  context_.flush(*channel);
}

void Puller::finish_unready(const ColdPull& job, Channel& channel) {
  const PullHeader& query = job.pull.query;
  const ReplyTo& to = job.pull.to;
  Target target;
  if (!prepare(query, to, target)) return;
  if (job.answer_by_ns && *job.answer_by_ns <= context_.steady_ns()) return answer_unready(query, to, target.queue);
  if (hold(query, to, target, channel, Attempt::unready, job.answer_by_ns)) return;
  refuse(to, ResponseCode::system_busy, remark::queue_unready);
}

}  // namespace gantry::broker
