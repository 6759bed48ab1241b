#include "kernel/broker/publisher.hpp"

#include "kernel/broker/abi_bytes.hpp"
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
  send.queue_open = !dead_letter && header.queue_id < 0;
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
  holds_feature_ = holds_feature_ || send.feature != Feature::none;
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
  if (topic->config().order &&
      !protocol::perm::is_writable(context_.shared.permission.load(std::memory_order_relaxed))) {
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
  send.told_queue_id = wanted;
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

}  // namespace gantry::broker
