// The part of Publisher that stores messages of the broker's own and of plugins.

#include "kernel/broker/abi_bytes.hpp"
#include "kernel/broker/publisher.hpp"
#include "kernel/broker/remarks.hpp"
#include "protocol/host.hpp"
#include "protocol/message_id.hpp"
#include "protocol/sys_flag.hpp"

#include <memory>
#include <string>
#include <utility>

namespace gantry::broker {

using protocol::ResponseCode;

namespace {

Error refused_by_store(gantry_status status, std::string_view topic) {
  return {Errc{status}, "the store refused a message for topic [" + std::string(topic) + "]"};
}

Error not_tried() { return {Errc::unavailable, "not stored, because the message before it was not"}; }

}  // namespace

// One by one, so that none is stored behind one that was not.
void Publisher::append_chained(std::span<const OutgoingMessage> messages, std::span<const Own> own,
                               std::span<const gantry_append_item> items, std::span<gantry_append_result> results) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool lost = i > 0 && messages[own[i].index].after && results[i - 1].status != GANTRY_OK;
    if (lost) {
      results[i] = {GANTRY_E_UNAVAILABLE, 0, -1, -1, -1};
    } else {
      context_.shared.env.store.append(items.subspan(i, 1), results.subspan(i, 1));
    }
  }
}

Status Publisher::make_item(const OutgoingMessage& message, Own& own, gantry_append_item& item) {
  own.topic = context_.topics.find(message.topic);
  if (own.topic == nullptr) return Error{Errc::not_found, remark::topic_unknown(message.topic)};
  const routing::Topic& topic = *own.topic;
  if (message.queue_id < 0 && topic.write_queues() <= 0) {
    return Error{Errc::invalid_argument, remark::no_write_queues(message.topic)};
  }
  own.queue_id = message.queue_id < 0 ? topic.choose_write_queue() : message.queue_id;
  own.queue = topic.queue(own.queue_id);
  if (own.queue == nullptr) {
    return Error{Errc::invalid_argument, remark::no_such_queue(message.topic, own.queue_id, topic.queue_count())};
  }
  GANTRY_ASSIGN(item.queue, topic.open(context_.shared.env.store, own.queue_id));

  gantry_address here{};
  here.ip[0] = 127;
  here.ip[3] = 1;
  here.ip_size = 4;
  item.body = to_bytes(message.body);
  item.properties = to_bytes(message.properties);
  item.born_ms = message.born_ms != 0 ? message.born_ms : context_.shared.env.clock.now_ms();
  item.prepared_offset = message.prepared_offset;
  item.flag = message.flag;
  item.sys_flag = message.sys_flag & ~(protocol::sys_flag::born_host_v6 | protocol::sys_flag::store_host_v6);
  item.reconsume_count = message.reconsume_count;
  item.store_host = context_.shared.store_host(here);
  item.born_host = message.born_host.ip_size == 0 ? item.store_host : message.born_host;
  return {};
}

void Publisher::publish(std::span<const OutgoingMessage> messages, PublishDone done) {
  std::vector<Result<PublishedMessage>> outcomes;
  outcomes.reserve(messages.size());
  const auto refuse_all = [&](const Error& error) {
    outcomes.assign(messages.size(), error);
    done(outcomes);
  };
  if (context_.shared.gate.has_failed()) {
    return refuse_all(Error{Errc::unavailable, std::string(remark::store_failed)});
  }
  if (acknowledger_.full()) return refuse_all(Error{Errc::busy, std::string(remark::too_many_unacknowledged)});

  std::vector<Own> own;
  std::vector<gantry_append_item> items;
  own.reserve(messages.size());
  items.reserve(messages.size());
  bool chained = false;  // some messages depend on the one before them
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Own one{.index = i};
    gantry_append_item item{};
    Status made =
        i > 0 && messages[i].after && !outcomes.back() ? Status(not_tried()) : make_item(messages[i], one, item);
    if (!made) {
      outcomes.emplace_back(made.error());
      continue;
    }
    chained = chained || messages[i].after;
    outcomes.emplace_back(PublishedMessage{});
    own.push_back(one);
    items.push_back(item);
  }
  std::vector<gantry_append_result> results(items.size());
  if (chained) {
    append_chained(messages, own, items, results);
  } else if (!items.empty()) {
    context_.shared.env.store.append(items, results);
  }

  std::size_t stored = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const gantry_append_result& result = results[i];
    Result<PublishedMessage>& outcome = outcomes[own[i].index];
    if (result.status != GANTRY_OK) {
      outcome = refused_by_store(result.status, messages[own[i].index].topic);
      continue;
    }
    outcome->log_offset = result.log_offset;
    outcome->queue_offset = result.queue_offset;
    outcome->queue_id = own[i].queue_id;
    outcome->message_id = protocol::encode_offset_message_id(protocol::host_of(items[i].store_host), result.log_offset);
    own[stored] = own[i];
    own[stored++].log_end = result.log_offset + result.record_size;
  }
  own.resize(stored);
  if (own.empty()) return done(outcomes);
  if (context_.shared.options.ack == AckPromise::disk) {
    return wait_for_own(std::move(own), std::move(outcomes), std::move(done));
  }
  const routing::QueueState* announced = nullptr;
  for (const Own& one : own) {
    if (one.queue != announced) context_.shared.arrivals.announce(*one.queue);
    announced = one.queue;
  }
  done(outcomes);
}

// The promise is kept for all once it is kept for the last one, which is behind the others in the log; until then the
// consumers of each queue wait as well.
void Publisher::wait_for_own(std::vector<Own> own, std::vector<Result<PublishedMessage>> outcomes, PublishDone done) {
  const Own last = own.back();
  own.pop_back();
  for (const Own& one : own) {
    acknowledger_.wait(SendAnswer{}, nullptr, one.log_end, one.topic->queues(), *one.queue);
  }
  struct Waiting {
    std::vector<Result<PublishedMessage>> outcomes;
    PublishDone done;
  };
  auto waiting = std::make_unique<Waiting>(Waiting{std::move(outcomes), std::move(done)});
  acknowledger_.wait(last.log_end, last.topic->queues(), *last.queue,
                     [waiting = std::move(waiting)](ResponseCode code) {
                       if (code != ResponseCode::success) {
                         const Error error = code == ResponseCode::flush_disk_timeout
                                                 ? Error{Errc::timed_out, "stored, but not durable in time"}
                                                 : Error{Errc::unavailable, std::string(remark::store_failed)};
                         for (auto& outcome : waiting->outcomes) {
                           if (outcome) outcome = error;
                         }
                       }
                       waiting->done(waiting->outcomes);
                     });
  acknowledger_.arm(last.log_end);
}

}  // namespace gantry::broker
