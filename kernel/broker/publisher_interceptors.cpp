// The part of Publisher that lets the chain of interceptors look at what was gathered.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/publisher.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/properties.hpp"

#include <algorithm>

namespace gantry::broker {

using protocol::ResponseCode;

namespace {

void* allocate_scratch(void* context, std::uint64_t size) {
  return static_cast<protocol::Scratch*>(context)->allocate(static_cast<std::size_t>(size));
}

}  // namespace

void Publisher::run_interceptors() {
  publishing_.clear();
  publishing_.resize(items_.size());
  queue_open_.resize(items_.size());
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
      queue_open_[i] = send.queue_open ? 1 : 0;
    }
  }
  const gantry_scratch scratch{&context_.scratch, &allocate_scratch};
  context_.shared.env.plugins.intercept_publish(publishing_, queue_open_, scratch);
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
  if (send.feature != Feature::none) {
    const std::uint32_t wish = send.feature == Feature::delay ? GANTRY_TAKEN_DELAY : GANTRY_TAKEN_TRANSACTION;
    if ((messages[0].taken & wish) == 0 && refuse_feature(send)) return false;
  }
  const std::string_view topic = to_text(messages[0].topic);
  const bool diverted = topic != send.topic->name();
  const std::int32_t asked_queue_id = send.queue_id;
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
  }
  if (!choose_queue(send.to, messages[0].queue_id, send)) return false;
  // What was put aside into a topic of the broker's own will come to the queue that was asked for, and clients check.
  if (diverted && send.topic->traits().send_forbidden) send.told_queue_id = asked_queue_id;
  send.recall_handle = to_text(messages[0].recall_handle);
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
    if (message.body.size == 0 || message.body.size > context_.shared.options.message_bytes_max) {
      refuse(send.to, ResponseCode::message_illegal,
             remark::body_too_large(message.body.size, context_.shared.options.message_bytes_max));
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
