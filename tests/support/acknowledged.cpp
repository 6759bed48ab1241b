#include "tests/support/acknowledged.hpp"

#include <algorithm>
#include <utility>

namespace gantry::testing {
namespace {

std::atomic<std::uint64_t> next_number{0};

std::string named(const client::MessageQueue& queue, std::int64_t offset) {
  return queue.topic + "/" + std::to_string(queue.queue_id) + " offset " + std::to_string(offset);
}

std::string short_text(const std::string& body) { return "\"" + body.substr(0, 40) + "\""; }

Status check_queue(client::PullConsumer& consumer, const client::MessageQueue& queue, const AckLedger::Queue& expected,
                   std::int64_t tail) {
  if (expected.empty()) return {};
  auto at = expected.begin();
  if (tail >= 0) {
    at = std::prev(expected.end(), std::min<std::int64_t>(tail, static_cast<std::int64_t>(expected.size())));
    if (at == expected.end()) return {};
  }
  client::PullRequest request;
  request.queue = queue;
  request.offset = tail >= 0 ? at->first : 0;
  std::int64_t next = request.offset;
  while (at != expected.end()) {
    const auto pulled = consumer.pull(request);
    if (!pulled) return Error(pulled.error()).within("reading " + named(queue, request.offset));
    if (pulled->status != client::PullStatus::found) {
      return Error{Errc::not_found, named(queue, at->first) + ": expected the acknowledged " + short_text(at->second) +
                                        ", found nothing from offset " + std::to_string(request.offset) +
                                        " on (pull status " + std::to_string(static_cast<int>(pulled->status)) +
                                        ", min " + std::to_string(pulled->min_offset) + ", max " +
                                        std::to_string(pulled->max_offset) + ")"};
    }
    for (const auto& message : pulled->messages) {
      if (message.queue_offset != next) {
        return Error{Errc::corrupt, named(queue, next) + ": a hole or a step back, found offset " +
                                        std::to_string(message.queue_offset)};
      }
      ++next;
      if (at == expected.end() || at->first != message.queue_offset) continue;
      if (message.body != at->second) {
        return Error{Errc::corrupt, named(queue, at->first) + ": expected " + short_text(at->second) + ", found " +
                                        short_text(message.body)};
      }
      ++at;
    }
    request.offset = pulled->next_offset;
  }
  return {};
}

}  // namespace

// ---- the ledger ----

void AckLedger::acknowledged(const client::SendResult& result, const std::string& body, std::int64_t offset_in_batch) {
  const std::lock_guard lock(mutex_);
  const auto offset = result.queue_offset + offset_in_batch;
  if (!queues_[result.queue].emplace(offset, body).second) {
    error_ = named(result.queue, offset) + " was given to two acknowledged messages";
  }
  ++count_;
}

void AckLedger::forget(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  std::erase_if(queues_, [&](const auto& entry) { return entry.first.topic == topic; });
}

std::size_t AckLedger::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::map<client::MessageQueue, AckLedger::Queue> AckLedger::queues() const {
  const std::lock_guard lock(mutex_);
  return queues_;
}

std::string AckLedger::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

// ---- the load ----

Result<std::unique_ptr<AckLoad>> AckLoad::start(const BrokerProcess& broker, AckLedger& ledger,
                                                const LoadOptions& options) {
  std::unique_ptr<AckLoad> load(new AckLoad(ledger, options));
  client::ProducerOptions producing;
  producing.name_servers = broker.name_servers();
  producing.attempts_max = 1;
  producing.timeout = std::chrono::milliseconds(2000);
  GANTRY_ASSIGN(load->producer_, client::Producer::start(producing));
  for (int i = 0; i < options.threads; ++i) {
    load->threads_.emplace_back([self = load.get(), i] { self->run(static_cast<std::uint64_t>(i)); });
  }
  return load;
}

void AckLoad::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::string AckLoad::last_refusal() const {
  const std::lock_guard lock(mutex_);
  return last_refusal_;
}

void AckLoad::refused(const Error& error) {
  ++refused_;
  const std::lock_guard lock(mutex_);
  last_refusal_ = error.text;
}

void AckLoad::run(std::uint64_t thread_number) {
  std::uint64_t round = thread_number;
  while (!stopping_) {
    ++round;
    const std::size_t count = options_.batch_max > 1 && round % 4 == 0 ? 2 + round / 4 % (options_.batch_max - 1) : 1;
    std::vector<client::Message> messages(count);
    for (client::Message& message : messages) {
      const std::uint64_t number = next_number++;
      message.topic = options_.topics[round % options_.topics.size()];
      message.tags = "tag-" + std::to_string(number % 5);
      message.keys = "key-" + std::to_string(number);
      message.body = "message " + std::to_string(number) + " " +
                     std::string(number % options_.body_bytes_max, static_cast<char>('a' + number % 26));
    }
    const auto sent = count == 1 ? producer_->send(messages.front()) : producer_->send_batch(messages);
    if (!sent) {
      refused(sent.error());
    } else if (sent->status == client::SendStatus::stored) {
      for (std::size_t i = 0; i < count; ++i) {
        ledger_.acknowledged(*sent, messages[i].body, static_cast<std::int64_t>(i));
      }
    }
  }
}

// ---- the proof ----

Status check_acknowledged(const BrokerProcess& broker, const AckLedger& ledger, std::int64_t tail) {
  if (const auto error = ledger.error(); !error.empty()) return Error{Errc::corrupt, error};
  client::PullConsumerOptions options;
  options.name_servers = broker.name_servers();
  GANTRY_ASSIGN(const auto consumer, client::PullConsumer::start(options));
  for (const auto& [queue, expected] : ledger.queues()) {
    GANTRY_TRY(check_queue(*consumer, queue, expected, tail));
  }
  return {};
}

}  // namespace gantry::testing
