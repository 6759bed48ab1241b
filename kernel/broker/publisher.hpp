#pragma once
// Publishing: the sends of one readable chunk are checked one by one and appended together.

#include "gantry/abi/host.h"
#include "gantry/abi/interceptor.h"
#include "kernel/broker/acknowledger.hpp"
#include "kernel/broker/shard_context.hpp"
#include "protocol/batch.hpp"
#include "protocol/properties.hpp"
#include "protocol/send_header.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::broker {

/// [shard] Serves SEND_MESSAGE(10), SEND_MESSAGE_V2(310) and SEND_BATCH_MESSAGE(320).
///
/// add() checks a send in RocketMQ's order and either answers it at once (an error) or keeps it for flush(), which
/// runs the interceptors, appends everything with one call to the store and answers, now or through the acknowledger.
/// What add() keeps points into the chunk: flush() comes before the chunk is gone and before a request of another kind
/// is handled, so that answers keep a sensible order. In the steady state neither allocates.
class Publisher {
 public:
  Publisher(ShardContext& context, Acknowledger& acknowledger);

  [[nodiscard]] static bool serves(std::int32_t code) noexcept { return code == 10 || code == 310 || code == 320; }

  void add(const Request& request);
  void flush(Channel& channel);
  /// Stores messages of our own, past the interceptors and past what clients may not do. Calls `done` once.
  void publish(std::span<const OutgoingMessage> messages, PublishDone done);

  [[nodiscard]] bool has_pending() const noexcept { return !sends_.empty(); }

 private:
  static constexpr std::size_t items_per_append = 256;  // keeps the store's lock short
  static constexpr std::size_t kept_items_max = 4096;

  /// What a message asks for that only a plugin can do.
  enum class Feature : std::uint8_t { none, delay, transaction };

  struct Send {
    ReplyTo to;
    const routing::Topic* topic = nullptr;  // valid for this turn
    routing::QueueState* queue = nullptr;
    std::int32_t queue_id = 0;
    std::int32_t told_queue_id = 0;  // what the answer says
    std::string_view recall_handle;
    std::uint32_t first = 0;  // items [first, first + count)
    std::uint32_t count = 0;
    std::string_view uniq_key;
    std::string_view producer_group;
    Feature feature = Feature::none;
    bool waits = true;
    bool refused = false;
    bool queue_open = false;  // the producer left the choice to the broker
  };

  /// A message of our own that can be stored.
  struct Own {
    std::size_t index = 0;  // of the message, and of its outcome
    const routing::Topic* topic = nullptr;
    routing::QueueState* queue = nullptr;
    std::int32_t queue_id = 0;
    std::int64_t log_end = 0;
  };

  void refuse(const ReplyTo& to, protocol::ResponseCode code, std::string_view remark);
  bool admit(const ReplyTo& to);
  bool find_topic(const ReplyTo& to, const protocol::SendHeader& header, Send& send);
  const routing::Group* admit_retry_group(const ReplyTo& to, std::string_view name);
  bool redirect_retry(const Request& request, const protocol::SendHeader& header, Send& send, bool& dead_letter);
  bool choose_queue(const ReplyTo& to, std::int32_t wanted, Send& send);
  bool add_single(const Request& request, protocol::SendHeader& header, Send& send, bool dead_letter);
  bool add_batch(const Request& request, const protocol::SendHeader& header, Send& send);
  bool add_item(Send& send, const protocol::SendHeader& header, const gantry_address& peer, protocol::ByteView body,
                std::string_view properties, std::string_view more);
  bool check_sys_flag(const ReplyTo& to, std::int32_t sys_flag);
  bool refuse_feature(const Send& send);
  /// A copy that lives until the chunk is done; data() is nullptr when the scratch is full.
  std::string_view keep(std::string_view text);
  bool clean_properties(std::string_view& properties, const protocol::CommonProperties& common, bool dead_letter);

  void run_interceptors();
  bool apply(Send& send, const gantry_publishing* messages);
  void drop_refused();
  void append();
  void answer_stored(const Send& send, Channel& channel, std::int64_t& wanted_end);
  void answer_once_saved(const Send& send, const SendAnswer& answer, const Channel& channel, std::int64_t log_end);
  void answer_failed(const Send& send, gantry_status status);
  Status make_item(const OutgoingMessage& message, Own& own, gantry_append_item& item);
  void append_chained(std::span<const OutgoingMessage> messages, std::span<const Own> own,
                      std::span<const gantry_append_item> items, std::span<gantry_append_result> results);
  void wait_for_own(std::vector<Own> own, std::vector<Result<PublishedMessage>> outcomes, PublishDone done);
  std::string_view message_ids(const Send& send);

  ShardContext& context_;
  Acknowledger& acknowledger_;
  std::vector<Send> sends_;
  std::vector<gantry_append_item> items_;
  std::vector<gantry_append_result> results_;
  std::vector<gantry_publishing> publishing_;
  std::vector<std::uint8_t> queue_open_;
  bool holds_feature_ = false;  // one of sends_ only passes when an interceptor takes it over
  std::vector<protocol::BatchElement> elements_;
  protocol::ByteBuffer rewrite_;
  std::string ids_;
  gantry_address store_host_{};  // for the channel whose sends are pending
};

}  // namespace gantry::broker
