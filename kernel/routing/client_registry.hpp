#pragma once
// Who is connected: producers and consumers by group, with what the consumers subscribe to.

#include "kernel/base/clock.hpp"
#include "kernel/base/ids.hpp"
#include "kernel/routing/striped_table.hpp"
#include "protocol/codes.hpp"
#include "protocol/heartbeat.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::routing {

/// One connection of a client, as it presented itself.
struct Client {
  ChannelId channel;
  std::string client_id;
  protocol::Language language = protocol::Language::other;
  std::int32_t version = 0;
  std::string address;  ///< "ip:port", for administrators
};

using ClientPtr = std::shared_ptr<const Client>;

/// The live members of a producer group. Immutable.
struct ProducerGroup {
  std::string group;
  std::vector<ClientPtr> members;  ///< in no order

  [[nodiscard]] std::string_view name() const noexcept { return group; }
};

/// A consumer group with at least one live member. Immutable: replaced when members or subscriptions change, not by
/// heartbeats that repeat what is known.
struct ConsumerGroup {
  using Subscription = std::shared_ptr<const protocol::SubscriptionData>;

  std::string group;
  protocol::ConsumeType consume_type = protocol::ConsumeType::passively;  ///< the last heartbeat decides these three
  protocol::MessageModel message_model = protocol::MessageModel::clustering;
  protocol::ConsumeFrom consume_from = protocol::ConsumeFrom::last_offset;
  std::vector<ClientPtr> members;  ///< in no order
  /// The union of what the members subscribe to, sorted by topic; of one topic the largest version.
  std::vector<Subscription> subscriptions;
  /// Never the same for two snapshots of any group: what was derived from one (a compiled filter) is good for it.
  std::uint64_t version = 0;

  [[nodiscard]] std::string_view name() const noexcept { return group; }
  /// What GET_CONSUMER_LIST_BY_GROUP answers: sorted, each id once. A client that reconnects is a member twice until
  /// its old connection ends, and clients that were told so would leave a share of the queues to nobody.
  [[nodiscard]] std::vector<std::string> client_ids() const;
  /// nullptr: the group does not subscribe to the topic.
  [[nodiscard]] const protocol::SubscriptionData* find(std::string_view topic) const noexcept;
};

/// "Tell these channels that the members of this group changed" (NOTIFY_CONSUMER_IDS_CHANGED).
struct ChangeNotice {
  std::string group;
  std::vector<ChannelId> channels;
};

struct ClientOptions {
  std::chrono::milliseconds expiry{120'000};  ///< without a heartbeat
  std::size_t groups_max = 100'000;           ///< producer and consumer groups, each
  std::size_t clients_per_group_max = 10'000;
  std::size_t subscriptions_per_group_max = 10'000;
};

/// One consumer group of a heartbeat, already admitted (its configuration exists).
struct ConsumerRegistration {
  std::string_view group;
  protocol::ConsumeType consume_type = protocol::ConsumeType::passively;
  protocol::MessageModel message_model = protocol::MessageModel::clustering;
  protocol::ConsumeFrom consume_from = protocol::ConsumeFrom::last_offset;
  const std::vector<protocol::SubscriptionData>* subscriptions = nullptr;  ///< nullptr: leave them as they are
  bool notify = true;  ///< the group's notifyConsumerIdsChangedEnable
};

enum class RegisterOutcome : std::uint8_t {
  unchanged,
  changed,       ///< members or subscribed topics differ from before
  refused_full,  ///< a bound was reached; nothing was registered
};

/// Every member keeps the subscriptions of its own last heartbeat and the group has their union, so members that
/// disagree (during a rolling update, say) do not take each other's topics away.
///
/// Thread: [any-thread], but calls that name the same channel come from its shard, one after the other (expire()
/// excepted). Changes of a group take turns under the lock of its stripe; shards look up through a Reader.
/// A change returns the notices it makes due, and the caller sends them. Times are the clock's steady ones.
class ClientRegistry {
 public:
  using ConsumerReader = StripedTable<ConsumerGroup>::Reader;
  using ProducerReader = StripedTable<ProducerGroup>::Reader;

  explicit ClientRegistry(const Clock& clock, ClientOptions options = {});
  ~ClientRegistry();
  ClientRegistry(const ClientRegistry&) = delete;
  ClientRegistry& operator=(const ClientRegistry&) = delete;

  // ---- what clients say ----

  RegisterOutcome register_producer(const Client& client, std::string_view group);
  /// Appends to `notices` when others have to hear of it.
  RegisterOutcome register_consumer(const Client& client, const ConsumerRegistration& registration,
                                    std::vector<ChangeNotice>& notices);

  /// UNREGISTER_CLIENT. Empty group names are skipped; the channel must be a member, whatever its client id.
  void unregister(ChannelId channel, std::string_view producer_group, std::string_view consumer_group,
                  std::vector<ChangeNotice>& notices);

  /// The channel closed: it leaves all its groups. Cheap for channels that never registered.
  void close(ChannelId channel, std::vector<ChangeNotice>& notices);

  /// [control] Memberships without a heartbeat for `expiry` end. Returns the channels that are in no group any more,
  /// for the caller to close.
  std::vector<ChannelId> expire(std::vector<ChangeNotice>& notices);

  /// Remembers the fingerprint of a heartbeat V2. True when the client should send its subscriptions again: the group's
  /// last fingerprint was another one, or nothing is known of its subscriptions.
  bool fingerprint_changed(std::string_view group, std::int32_t fingerprint);

  // ---- lookups ----

  /// [any-thread]
  [[nodiscard]] ConsumerReader consumer_reader() const { return ConsumerReader(consumers_); }
  [[nodiscard]] ProducerReader producer_reader() const { return ProducerReader(producers_); }
  [[nodiscard]] std::shared_ptr<const ConsumerGroup> consumer_group(std::string_view group) const {
    return consumers_.find(group);
  }
  [[nodiscard]] std::shared_ptr<const ProducerGroup> producer_group(std::string_view group) const {
    return producers_.find(group);
  }
  /// The channel on which a client of that id last registered as a producer (replies of requests go there).
  [[nodiscard]] std::optional<ChannelId> producer_channel(std::string_view client_id) const;
  /// Some member of a producer group, another one each time; for checking transactions back.
  [[nodiscard]] std::optional<ChannelId> any_producer(std::string_view group) const;
  /// Groups that subscribe to the topic, sorted.
  [[nodiscard]] std::vector<std::string> groups_of(std::string_view topic) const;
  [[nodiscard]] std::vector<std::shared_ptr<const ConsumerGroup>> consumer_groups() const;
  [[nodiscard]] std::vector<std::shared_ptr<const ProducerGroup>> producer_groups() const;
  [[nodiscard]] std::size_t consumer_group_count() const noexcept { return consumers_.size(); }
  [[nodiscard]] std::size_t producer_group_count() const noexcept { return producers_.size(); }

 private:
  struct Member;
  struct ConsumerState;
  struct ProducerState;
  struct GroupStripe;
  struct ChannelStripe;
  struct ClientIdStripe;

  static constexpr std::size_t stripe_count = 64;

  GroupStripe& group_stripe(std::string_view group) const noexcept;
  ChannelStripe& channel_stripe(ChannelId channel) const noexcept;
  ClientIdStripe& client_stripe(std::string_view client_id) const noexcept;
  void remember_consumer(ChannelId channel, std::string_view group);
  void remember_producer(const Client& client, std::string_view group);
  void forget_consumer(ChannelId channel, std::string_view group);
  void forget_producer(ChannelId channel, std::string_view group);
  void forget_client_id(ChannelId channel, const std::string& client_id);
  void leave_consumer(ChannelId channel, std::string_view group, std::vector<ChangeNotice>& notices);
  void leave_producer(ChannelId channel, std::string_view group);
  void publish_locked(const ConsumerState& state);
  void publish_locked(const ProducerState& state);

  const Clock& clock_;
  const ClientOptions options_;
  StripedTable<ConsumerGroup> consumers_;
  StripedTable<ProducerGroup> producers_;
  std::unique_ptr<GroupStripe[]> groups_;
  std::unique_ptr<ChannelStripe[]> channels_;
  std::unique_ptr<ClientIdStripe[]> client_ids_;
  std::atomic<std::uint64_t> versions_{0};
  mutable std::atomic<std::uint32_t> next_producer_{0};
};

}  // namespace gantry::routing
