#include "kernel/broker/publisher.hpp"

#include "kernel/broker/remarks.hpp"
#include "kernel/routing/refusal.hpp"
#include "protocol/host.hpp"
#include "protocol/message_id.hpp"
#include "protocol/names.hpp"
#include "protocol/responses.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace gantry::broker {

using protocol::CommonProperties;
using protocol::ResponseCode;
using protocol::SendHeader;

namespace {

gantry_bytes to_bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }
gantry_bytes to_bytes(protocol::ByteView bytes) noexcept { return {bytes.data(), bytes.size()}; }
std::string_view to_text(gantry_bytes bytes) noexcept {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

void* allocate_scratch(void* context, std::uint64_t size) {
  return static_cast<protocol::Scratch*>(context)->allocate(static_cast<std::size_t>(size));
}

bool asks_for_delay(const CommonProperties& common) noexcept {
  if (!common.timer_delay_sec.empty() || !common.timer_delay_ms.empty() || !common.timer_deliver_ms.empty())
    return true;
  // A level of 0 or below means "now"; whatever is no number is for the delay plugin to judge.
  return !common.delay.empty() && common.delay != "0" && common.delay.front() != '-';
}

}  // namespace

Publisher::Publisher(ShardContext& context, Acknowledger& acknowledger)
    : context_(context), acknowledger_(acknowledger) {
  sends_.reserve(items_per_append);
  items_.reserve(items_per_append);
  results_.reserve(items_per_append);
}

void Publisher::refuse(const ReplyTo& to, ResponseCode code, std::string_view remark) {
  const Options& options = context_.shared.options;
  context_.shared.counters.publish_refused.add();
  context_.reply(to, code, remark, protocol::SendErrorResponse{options.region, options.trace_on});
}

void Publisher::add(const Request& request) {
  if (items_.size() >= items_per_append) flush(request.channel);
  const ReplyTo to = request.reply_to();
  SendHeader header;
  const auto names = protocol::send_names_of(request.header.code);
  if (const Status read = protocol::decode_send(names, request.header.ext, context_.scratch, header); !read) {
    return refuse(to, ResponseCode::system_error, read.error().text);
  }
  Send send;
  send.to = to;
  send.producer_group = header.producer_group;
  bool dead_letter = false;
  if (!admit(to) || !find_topic(to, header, send)) return;
  if (send.topic->traits().retry && !redirect_retry(request, header, send, dead_letter)) return;
  if (!choose_queue(to, dead_letter ? 0 : header.queue_id, send)) return;
  if (!check_sys_flag(to, header.sys_flag)) return;
  if (send.topic->config().filter_type == protocol::TopicFilterType::multi_tag) {
    header.sys_flag |= protocol::sys_flag::multi_tags;
  }
  if (sends_.empty()) store_host_ = context_.shared.store_host(request.channel.local());
  send.first = static_cast<std::uint32_t>(items_.size());
  const bool added = header.batch ? add_batch(request, header, send) : add_single(request, header, send, dead_letter);
  if (!added) {
    items_.resize(send.first);
    return;
  }
  sends_.push_back(send);
}

bool Publisher::admit(const ReplyTo& to) {
  if (context_.shared.gate.has_failed()) {
    refuse(to, ResponseCode::service_not_available, remark::store_failed);
    return false;
  }
  if (acknowledger_.full() || acknowledger_.size() + sends_.size() >= context_.shared.options.unacknowledged_max) {
    refuse(to, ResponseCode::system_busy, remark::too_many_unacknowledged);
    return false;
  }
  return true;
}

bool Publisher::find_topic(const ReplyTo& to, const SendHeader& header, Send& send) {
  const routing::Topic* topic = context_.topics.find(header.topic);
  if (topic == nullptr) {
    if (const Status valid = protocol::check_topic_name(header.topic); !valid) {
      refuse(to, ResponseCode::invalid_parameter, valid.error().text);
      return false;
    }
    if (protocol::is_send_forbidden(header.topic)) {
      refuse(to, ResponseCode::no_permission, remark::send_forbidden(header.topic));
      return false;
    }
    const bool is_retry = protocol::is_retry_topic(header.topic);
    if (is_retry && !admit_retry_group(to, protocol::group_of_retry_topic(header.topic))) return false;
    auto made = is_retry
                    ? context_.shared.env.topics.ensure_retry_topic(protocol::group_of_retry_topic(header.topic), 1)
                    : context_.shared.env.topics.create_for_send(
                          {header.topic, header.default_topic, header.default_topic_queue_count, header.unit_mode});
    if (!made) {
      refuse(to, routing::topic_refusal(made.error()), made.error().text);
      return false;
    }
    topic = context_.topics.find(header.topic);
    if (topic == nullptr) {  // Deleted again by somebody who was quick.
      refuse(to, ResponseCode::topic_not_exist, remark::topic_unknown(header.topic));
      return false;
    }
  }
  const Options& options = context_.shared.options;
  if (topic->traits().send_forbidden) {
    refuse(to, ResponseCode::no_permission, remark::send_forbidden(header.topic));
    return false;
  }
  if (!protocol::perm::is_writable(options.permission) && topic->config().order) {
    refuse(to, ResponseCode::no_permission, remark::broker_not_writable(options.name));
    return false;
  }
  if (options.enforce_topic_write_permission && !topic->writable()) {
    refuse(to, ResponseCode::no_permission, remark::topic_not_writable(header.topic));
    return false;
  }
  send.topic = topic;
  return true;
}

// A retry topic belongs to a group, which must exist first.
const routing::Group* Publisher::admit_retry_group(const ReplyTo& to, std::string_view name) {
  Error error;
  const routing::Group* group = context_.group(name, error);
  if (group == nullptr) refuse(to, ResponseCode::subscription_group_not_exist, error.text);
  return group;
}

// A consumer puts a message back by sending it to its group's retry topic. What was tried too often goes to the dead
// letters instead, and so does what an orderly consumer sends, because it only sends what it gave up.
bool Publisher::redirect_retry(const Request& request, const SendHeader& header, Send& send, bool& dead_letter) {
  const std::string_view group_name = protocol::group_of_retry_topic(header.topic);
  if (header.batch) {
    refuse(send.to, ResponseCode::message_illegal,
           "a batch may not be sent to a retry topic; send its messages one by one");
    return false;
  }
  const routing::Group* group = admit_retry_group(send.to, group_name);
  if (group == nullptr) return false;
  const bool honoured = request.header.version >= protocol::version::v3_4_9 && header.reconsume_count_max.has_value();
  const std::int32_t limit = honoured ? *header.reconsume_count_max : group->config().retry_count_max;
  if (header.reconsume_count <= limit && !context_.shared.env.locks.holds_any(group_name)) return true;

  auto made = context_.shared.env.topics.ensure_dead_letter_topic(group_name);
  if (!made) {
    refuse(send.to, routing::topic_refusal(made.error()), made.error().text);
    return false;
  }
  send.topic = context_.topics.find((*made)->name());
  dead_letter = send.topic != nullptr;
  if (!dead_letter) refuse(send.to, ResponseCode::topic_not_exist, remark::topic_unknown((*made)->name()));
  return dead_letter;
}

bool Publisher::choose_queue(const ReplyTo& to, std::int32_t wanted, Send& send) {
  const routing::Topic& topic = *send.topic;
  if (wanted < 0) {
    if (topic.write_queues() <= 0) {
      refuse(to, ResponseCode::invalid_parameter, remark::no_write_queues(topic.name()));
      return false;
    }
    wanted = topic.choose_write_queue();
  }
  send.queue = topic.queue(wanted);
  if (send.queue == nullptr) {
    refuse(to, ResponseCode::invalid_parameter, remark::no_such_queue(topic.name(), wanted, topic.queue_count()));
    return false;
  }
  send.queue_id = wanted;
  return true;
}

bool Publisher::check_sys_flag(const ReplyTo& to, std::int32_t flag) {
  using namespace protocol::sys_flag;
  if ((flag & (need_unwrap | inner_batch)) == 0) return true;
  refuse(to, ResponseCode::message_illegal,
         "sysFlag bits 6 and 7 (inner batch) are the broker's to set: send the messages as a batch, with m=true");
  return false;
}

bool Publisher::add_single(const Request& request, SendHeader& header, Send& send, bool dead_letter) {
  CommonProperties common = protocol::scan_properties(header.properties);
  std::string_view properties = header.properties;
  if (!clean_properties(properties, common, dead_letter)) {
    refuse(send.to, ResponseCode::message_illegal, remark::header_too_large);
    return false;
  }
  if (!dead_letter && asks_for_delay(common)) send.feature = Feature::delay;
  const bool prepared = protocol::sys_flag::transaction_of(header.sys_flag) != protocol::sys_flag::transaction_none;
  if (prepared || common.is_half_message()) send.feature = Feature::transaction;
  if (send.feature != Feature::none && !context_.shared.env.plugins.intercepts_publish()) return !refuse_feature(send);
  send.waits = common.waits_for_store();

  if (!send.topic->config().attributes.empty() && common.keys.empty()) {
    const auto policy = send.topic->config().attributes.find("cleanup.policy");
    if (policy != send.topic->config().attributes.end() && policy->second == "COMPACTION") {
      refuse(send.to, ResponseCode::message_illegal, remark::needs_keys(send.topic->name()));
      return false;
    }
  }

  std::string_view more = context_.shared.own_properties;
  send.uniq_key = common.uniq_key;
  if (common.uniq_key.empty()) {
    // What the broker adds stands in front of the key, which is the part that differs.
    const protocol::MessageIdText key = context_.shared.uniq_keys.next(context_.shared.env.clock.now_ms());
    const std::size_t size = more.size() + protocol::property::uniq_key.size() + key.view().size() + 2;
    char* text = context_.scratch.allocate(size);
    if (text == nullptr) {
      refuse(send.to, ResponseCode::message_illegal, remark::header_too_large);
      return false;
    }
    char* at = std::copy(more.begin(), more.end(), text);
    at = std::copy(protocol::property::uniq_key.begin(), protocol::property::uniq_key.end(), at);
    *at++ = protocol::property_name_end;
    send.uniq_key = {at, key.view().size()};
    at = std::copy(key.view().begin(), key.view().end(), at);
    *at = protocol::property_end;
    more = {text, size};
  }
  return add_item(send, header, request.channel.peer(), request.frame.body, properties, more);
}

bool Publisher::add_batch(const Request& request, const SendHeader& header, Send& send) {
  if (request.frame.body.size() > context_.shared.options.message_bytes_max) {
    refuse(send.to, ResponseCode::message_illegal,
           remark::body_too_large(request.frame.body.size(), context_.shared.options.message_bytes_max));
    return false;
  }
  if (send.topic->name().size() > protocol::topic_size_max) {
    refuse(send.to, ResponseCode::message_illegal, "the topic's name is too long for a batch: 127 bytes at most");
    return false;
  }
  if (protocol::sys_flag::transaction_of(header.sys_flag) != protocol::sys_flag::transaction_none) {
    refuse(send.to, ResponseCode::message_illegal,
           "a batch cannot be part of a transaction; send its messages one by one");
    return false;
  }
  if (const Status read = protocol::decode_batch(request.frame.body, elements_); !read) {
    refuse(send.to, ResponseCode::message_illegal, read.error().text);
    return false;
  }
  SendHeader of_element = header;
  of_element.sys_flag &= ~(protocol::sys_flag::compressed | protocol::sys_flag::compression_mask);
  send.waits = false;
  send.uniq_key = protocol::find_property(header.properties, protocol::property::uniq_key);
  for (const protocol::BatchElement& element : elements_) {
    const CommonProperties common = protocol::scan_properties(element.properties);
    if (asks_for_delay(common) || common.is_half_message()) {
      refuse(send.to, ResponseCode::message_illegal,
             "a batch may hold neither delayed nor transactional messages; send those one by one");
      return false;
    }
    send.waits = send.waits || common.waits_for_store();
    of_element.flag = element.flag;
    if (!add_item(send, of_element, request.channel.peer(), element.body, element.properties, {})) return false;
  }
  return true;
}

bool Publisher::add_item(Send& send, const SendHeader& header, const gantry_address& peer, protocol::ByteView body,
                         std::string_view properties, std::string_view more) {
  const Options& options = context_.shared.options;
  if (body.empty()) {
    refuse(send.to, ResponseCode::message_illegal, "the message has no body: send at least one byte");
    return false;
  }
  if (body.size() > options.message_bytes_max) {
    refuse(send.to, ResponseCode::message_illegal, remark::body_too_large(body.size(), options.message_bytes_max));
    return false;
  }
  if (properties.size() + more.size() > protocol::properties_size_max) {
    refuse(send.to, ResponseCode::message_illegal, remark::properties_too_large(properties.size(), more.size()));
    return false;
  }
  gantry_queue* queue = send.queue->handle.load(std::memory_order_acquire);
  if (queue == nullptr) {
    auto opened = send.topic->open(context_.shared.env.store, send.queue_id);
    if (!opened) {
      refuse(send.to, ResponseCode::service_not_available, opened.error().text);
      return false;
    }
    queue = *opened;
  }
  gantry_append_item& item = items_.emplace_back();
  item.queue = queue;
  item.body = to_bytes(body);
  item.properties = to_bytes(properties);
  item.properties_more = to_bytes(more);
  item.born_ms = header.born_ms;
  item.flag = header.flag;
  item.sys_flag = header.sys_flag & ~(protocol::sys_flag::born_host_v6 | protocol::sys_flag::store_host_v6);
  item.reconsume_count = header.reconsume_count;
  item.options = send.count == 0 ? 0 : GANTRY_APPEND_JOINED;
  item.born_host = peer;
  item.store_host = store_host_;
  ++send.count;
  return true;
}

std::string_view Publisher::keep(std::string_view text) {
  char* copy = context_.scratch.allocate(std::max<std::size_t>(text.size(), 1));
  if (copy == nullptr) return {};
  std::copy(text.begin(), text.end(), copy);
  return {copy, text.size()};
}

// Makes the client's properties ready for ours to follow. The common case costs nothing: no name of ours in them, and a
// separator at the end. False when the scratch is full.
bool Publisher::clean_properties(std::string_view& properties, const CommonProperties& common, bool dead_letter) {
  const bool has_ours = !common.pop_ck.empty() || !common.cluster.empty() || !common.message_region.empty() ||
                        !common.trace_switch.empty();
  if (!has_ours && !dead_letter && protocol::ends_in_separator(properties)) return true;
  rewrite_.clear();
  for (const protocol::Property property : protocol::PropertyRange(properties)) {
    const bool ours = property.name == protocol::property::pop_ck || property.name == protocol::property::cluster ||
                      property.name == protocol::property::message_region ||
                      property.name == protocol::property::trace_switch;
    const bool timed = property.name == protocol::property::delay || property.name.starts_with("TIMER_");
    if (!ours && !(dead_letter && timed)) protocol::append_property(rewrite_, property.name, property.value);
  }
  properties = keep(rewrite_.text());
  return properties.data() != nullptr;
}

bool Publisher::refuse_feature(const Send& send) {
  if (send.feature == Feature::delay) {
    refuse(send.to, ResponseCode::message_illegal, remark::needs_delay);
  } else if (send.feature == Feature::transaction) {
    refuse(send.to, ResponseCode::no_permission, remark::needs_transactions);
  }
  return send.feature != Feature::none;
}

void Publisher::flush(Channel& channel) {
  if (sends_.empty()) return;
  if (context_.shared.env.plugins.intercepts_publish()) {
    run_interceptors();
    drop_refused();
  }
  append();

  std::int64_t wanted_end = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  const routing::QueueState* announced = nullptr;
  const bool at_once = context_.shared.options.ack == AckPromise::memory;
  for (const Send& send : sends_) {
    const gantry_append_result* const results = results_.data() + send.first;
    const gantry_append_result* const end = results + send.count;
    const auto* failed = std::find_if(results, end, [](const auto& result) { return result.status != GANTRY_OK; });
    if (failed != end) {
      answer_failed(send, failed->status);
      continue;
    }
    messages += send.count;
    for (const auto* result = results; result != end; ++result) bytes += result->record_size;
    answer_stored(send, channel, wanted_end);
    if (at_once && send.queue != announced) context_.shared.arrivals.announce(*send.queue);
    announced = send.queue;
  }
  if (!at_once) acknowledger_.arm(wanted_end);
  context_.shared.counters.publish_messages.add(messages);
  context_.shared.counters.publish_bytes.add(bytes);
  sends_.clear();
  items_.clear();
  if (items_.capacity() > kept_items_max) {  // A large batch does not stay resident.
    std::vector<gantry_append_item>().swap(items_);
    std::vector<gantry_append_result>().swap(results_);
    std::vector<protocol::BatchElement>().swap(elements_);
    ids_ = std::string();
  }
}

void Publisher::append() {
  results_.resize(items_.size());
  if (!items_.empty()) context_.shared.env.store.append(items_, results_);
}

std::string_view Publisher::message_ids(const Send& send) {
  const protocol::Host host = protocol::host_of(items_[send.first].store_host);
  ids_.clear();
  for (std::uint32_t i = 0; i < send.count; ++i) {
    if (i > 0) ids_.push_back(',');
    ids_.append(protocol::encode_offset_message_id(host, results_[send.first + i].log_offset).view());
  }
  return ids_;
}

void Publisher::answer_stored(const Send& send, Channel& channel, std::int64_t& wanted_end) {
  const gantry_append_result& last = results_[send.first + send.count - 1];
  SendAnswer answer;
  answer.to = send.to;
  answer.message_id = message_ids(send);
  answer.transaction_id = send.uniq_key;
  answer.queue_id = send.queue_id;
  answer.queue_offset = results_[send.first].queue_offset;

  const std::int64_t log_end = last.log_offset + last.record_size;
  const bool promised = context_.shared.options.ack == AckPromise::disk;
  const bool waits = promised && send.waits;
  const bool unsaved = !send.topic->saved();
  if (unsaved && !answer.to.oneway) {
    answer_once_saved(send, answer, channel, waits ? log_end : 0);
  } else if (!waits) {
    acknowledger_.answer(answer, ResponseCode::success);
  }
  if (!promised) return;
  acknowledger_.wait(answer, waits && !unsaved ? &channel : nullptr, log_end, send.topic->queues(), *send.queue);
  // Somebody waits: the producer, or a consumer that must not see the message earlier.
  if (waits || send.queue->waiting_shards.load(std::memory_order_relaxed) != 0) {
    wanted_end = std::max(wanted_end, log_end);
  }
}

// The first messages of a topic that was created by sending to it: they are out of reach after a crash until the topic is
// on the disk. `log_end` 0: the message itself is promised to be in memory only.
void Publisher::answer_once_saved(const Send& send, const SendAnswer& answer, const Channel& channel,
                                  std::int64_t log_end) {
  const auto encode = [&](ResponseCode code) {
    protocol::ByteBuffer frame;
    frame.swap(context_.out);
    acknowledger_.answer(answer, code);
    frame.swap(context_.out);
    return frame;
  };
  // Both answers are made now, while the texts are there.
  struct Answers {
    ChannelId channel;
    protocol::ByteBuffer good;
    protocol::ByteBuffer late;
  };
  auto answers = std::make_unique<Answers>(
      Answers{channel.id(), encode(ResponseCode::success), encode(ResponseCode::flush_disk_timeout)});
  auto when_saved = [&shared = context_.shared, answers = std::move(answers)](bool stored_as_promised) mutable {
    shared.env.persistence.when_saved(
        [&shared, answers = std::move(answers), stored_as_promised](const Status& saved) mutable {
          const bool good = stored_as_promised && saved;
          const ChannelId id = answers->channel;
          shared.env.shards.with_channel(id, [answers = std::move(answers), good](Channel* open) {
            if (open != nullptr) open->send((good ? answers->good : answers->late).view());
          });
        });
  };
  if (log_end == 0) return when_saved(true);
  acknowledger_.wait(log_end, send.topic->queues(), *send.queue,
                     [when_saved = std::move(when_saved)](ResponseCode code) mutable {
                       when_saved(code == ResponseCode::success);
                     });
}

void Publisher::answer_failed(const Send& send, gantry_status status) {
  switch (status) {
    case GANTRY_E_BUSY: return refuse(send.to, ResponseCode::system_busy, remark::store_busy);
    case GANTRY_E_FULL: return refuse(send.to, ResponseCode::service_not_available, remark::disk_full);
    case GANTRY_E_UNAVAILABLE: return refuse(send.to, ResponseCode::service_not_available, remark::store_unavailable);
    case GANTRY_E_TOO_LARGE: return refuse(send.to, ResponseCode::message_illegal, remark::record_too_large);
    case GANTRY_E_INVALID_ARGUMENT: return refuse(send.to, ResponseCode::message_illegal, remark::store_rejects);
    default: return refuse(send.to, ResponseCode::system_error, remark::store_error);
  }
}

void Publisher::publish(const OutgoingMessage& message, PublishDone done) {
  const routing::Topic* topic = context_.topics.find(message.topic);
  if (topic == nullptr) return done(Error{Errc::not_found, remark::topic_unknown(message.topic)});
  if (message.queue_id < 0 && topic->write_queues() <= 0) {
    return done(Error{Errc::invalid_argument, remark::no_write_queues(message.topic)});
  }
  const std::int32_t queue_id = message.queue_id < 0 ? topic->choose_write_queue() : message.queue_id;
  routing::QueueState* state = topic->queue(queue_id);
  if (state == nullptr) {
    return done(Error{Errc::invalid_argument, remark::no_such_queue(message.topic, queue_id, topic->queue_count())});
  }
  const auto queue = topic->open(context_.shared.env.store, queue_id);
  if (!queue) return done(queue.error());
  if (context_.shared.gate.has_failed()) return done(Error{Errc::unavailable, std::string(remark::store_failed)});
  if (acknowledger_.full()) return done(Error{Errc::busy, std::string(remark::too_many_unacknowledged)});

  gantry_address own{};
  own.ip[0] = 127;
  own.ip[3] = 1;
  own.ip_size = 4;
  gantry_append_item item{};
  item.queue = *queue;
  item.body = to_bytes(message.body);
  item.properties = to_bytes(message.properties);
  item.born_ms = message.born_ms;
  item.prepared_offset = message.prepared_offset;
  item.flag = message.flag;
  item.sys_flag = message.sys_flag & ~(protocol::sys_flag::born_host_v6 | protocol::sys_flag::store_host_v6);
  item.reconsume_count = message.reconsume_count;
  item.store_host = context_.shared.store_host(own);
  item.born_host = message.born_host.ip_size == 0 ? item.store_host : message.born_host;
  gantry_append_result result{};
  context_.shared.env.store.append({&item, 1}, {&result, 1});
  if (result.status != GANTRY_OK) {
    return done(Error{Errc{result.status}, "the store refused a message for topic [" + message.topic + "]"});
  }
  PublishedMessage published;
  published.log_offset = result.log_offset;
  published.queue_offset = result.queue_offset;
  published.queue_id = queue_id;
  published.message_id =
      protocol::encode_offset_message_id(protocol::host_of(item.store_host), result.log_offset).view();
  if (context_.shared.options.ack == AckPromise::memory) {
    context_.shared.arrivals.announce(*state);
    return done(std::move(published));
  }
  const std::int64_t log_end = result.log_offset + result.record_size;
  acknowledger_.wait(log_end, topic->queues(), *state,
                     [stored = std::move(published), tell = std::move(done)](ResponseCode code) mutable {
                       if (code == ResponseCode::success) return tell(std::move(stored));
                       if (code == ResponseCode::flush_disk_timeout) {
                         return tell(Error{Errc::timed_out, "stored, but not durable in time"});
                       }
                       tell(Error{Errc::unavailable, std::string(remark::store_failed)});
                     });
  acknowledger_.arm(log_end);
}

void Publisher::run_interceptors() {
  publishing_.clear();
  publishing_.resize(items_.size());
  for (const Send& send : sends_) {
    for (std::uint32_t i = send.first; i < send.first + send.count; ++i) {
      const gantry_append_item& item = items_[i];
      gantry_publishing& message = publishing_[i];
      message.struct_size = sizeof message;
      message.verdict = GANTRY_VERDICT_ACCEPT;
      message.topic = to_bytes(send.topic->name());
      message.properties = item.properties;
      message.body = item.body;
      message.producer_group = to_bytes(send.producer_group);
      message.born_host = item.born_host;
      message.born_ms = item.born_ms;
      message.queue_id = send.queue_id;
      message.queue_count = send.topic->write_queues();
      message.flag = item.flag;
      message.sys_flag = item.sys_flag;
      message.reconsume_count = item.reconsume_count;
    }
  }
  const gantry_scratch scratch{&context_.scratch, &allocate_scratch};
  context_.shared.env.plugins.intercept_publish(publishing_, scratch);
  for (Send& send : sends_) send.refused = !apply(send, publishing_.data() + send.first);
}

// Takes over what the chain left of the messages of one send; false when that cannot be stored (and was answered).
bool Publisher::apply(Send& send, const gantry_publishing* messages) {
  for (std::uint32_t i = 0; i < send.count; ++i) {
    const gantry_publishing& message = messages[i];
    if (message.verdict != GANTRY_VERDICT_ACCEPT) {
      const auto code = message.reject_code == 0 ? ResponseCode::message_illegal : ResponseCode{message.reject_code};
      const std::string_view reason = to_text(message.reject_reason);
      refuse(send.to, code, reason.empty() ? remark::rejected : reason);
      return false;
    }
  }
  const std::string_view topic = to_text(messages[0].topic);
  const bool diverted = topic != send.topic->name();
  for (std::uint32_t i = 1; i < send.count; ++i) {
    if (to_text(messages[i].topic) != topic || messages[i].queue_id != messages[0].queue_id) {
      refuse(send.to, ResponseCode::message_illegal, remark::batch_torn_apart);
      return false;
    }
  }
  if (diverted) {
    send.topic = context_.topics.find(topic);
    if (send.topic == nullptr) {
      refuse(send.to, ResponseCode::topic_not_exist, remark::topic_unknown(topic));
      return false;
    }
  } else if (refuse_feature(send)) {
    return false;
  }
  if (!choose_queue(send.to, messages[0].queue_id, send)) return false;
  auto queue = send.topic->open(context_.shared.env.store, send.queue_id);
  if (!queue) {
    refuse(send.to, ResponseCode::service_not_available, queue.error().text);
    return false;
  }
  for (std::uint32_t i = 0; i < send.count; ++i) {
    const gantry_publishing& message = messages[i];
    gantry_append_item& item = items_[send.first + i];
    std::string_view properties = to_text(message.properties);
    if (item.properties_more.size > 0 && !protocol::ends_in_separator(properties)) {
      rewrite_.clear();
      rewrite_.append(properties);
      rewrite_.push_back(protocol::property_end);
      properties = keep(rewrite_.text());
    }
    if (properties.size() + item.properties_more.size > protocol::properties_size_max) {
      refuse(send.to, ResponseCode::message_illegal,
             remark::properties_too_large(properties.size(), item.properties_more.size));
      return false;
    }
    item.queue = *queue;
    item.properties = to_bytes(properties);
    item.body = message.body;
    item.flag = message.flag;
    item.sys_flag = message.sys_flag;
  }
  return true;
}

void Publisher::drop_refused() {
  std::uint32_t kept_items = 0;
  std::size_t kept_sends = 0;
  for (Send& send : sends_) {
    if (send.refused) continue;
    if (kept_items != send.first) {
      std::copy_n(items_.begin() + send.first, send.count, items_.begin() + kept_items);
      send.first = kept_items;
    }
    kept_items += send.count;
    sends_[kept_sends++] = send;
  }
  sends_.resize(kept_sends);
  items_.resize(kept_items);
}

}  // namespace gantry::broker
