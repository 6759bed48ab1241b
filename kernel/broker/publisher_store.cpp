// The part of Publisher that appends what was gathered and answers it.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/publisher.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/host.hpp"
#include "protocol/message_id.hpp"
#include "protocol/responses.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::ResponseCode;

void Publisher::flush(Channel& channel) {
  if (sends_.empty()) return;
  // Interceptors may go between a send and this (a script was unloaded): what waited for one is then refused as ever.
  if (context_.shared.env.plugins.intercepts_publish() || std::exchange(holds_feature_, false)) {
    holds_feature_ = false;
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
  answer.recall_handle = send.recall_handle;
  answer.queue_id = send.told_queue_id;
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

// The first messages of a topic that was created by sending to it: they are out of reach after a crash until the topic
// is on the disk. `log_end` 0: the message itself is promised to be in memory only.
void Publisher::answer_once_saved(const Send& send, const SendAnswer& answer, const Channel& channel,
                                  std::int64_t log_end) {
  const auto encode = [&](ResponseCode code) {
    protocol::ByteBuffer frame;
    frame.swap(context_.out);
    acknowledger_.answer(answer, code);
    frame.swap(context_.out);
    return frame;
  };
  // All answers are made now, while the texts are there.
  struct Answers {
    ChannelId channel;
    protocol::ByteBuffer good;
    protocol::ByteBuffer late;
    protocol::ByteBuffer failed;
  };
  auto answers = std::make_unique<Answers>(
      Answers{channel.id(), encode(ResponseCode::success), encode(ResponseCode::flush_disk_timeout), {}});
  protocol::write_frame(answers->failed,
                        protocol::response_meta(answer.to.type, answer.to.opaque, ResponseCode::service_not_available,
                                                remark::store_failed),
                        protocol::SendErrorResponse{context_.shared.options.region, context_.shared.options.trace_on});
  auto when_saved = [&shared = context_.shared, answers = std::move(answers)](ResponseCode stored) mutable {
    shared.env.persistence.when_saved([&shared, answers = std::move(answers), stored](const Status& saved) mutable {
      const ChannelId id = answers->channel;
      const bool good = stored == ResponseCode::success && saved;
      shared.env.shards.with_channel(id, [answers = std::move(answers), good, stored](Channel* open) {
        if (open == nullptr) return;
        const bool failed = stored == ResponseCode::service_not_available;
        open->send((good ? answers->good : failed ? answers->failed : answers->late).view());
      });
    });
  };
  if (log_end == 0) return when_saved(ResponseCode::success);
  acknowledger_.wait(log_end, send.topic->queues(), *send.queue, std::move(when_saved));
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

}  // namespace gantry::broker
