#include "kernel/routing/client_registry.hpp"

#include "kernel/base/log.hpp"
#include "kernel/base/string_hash.hpp"
#include "kernel/routing/group_members.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace gantry::routing {

const protocol::SubscriptionData* ConsumerGroup::find(std::string_view topic) const noexcept {
  const auto found = std::lower_bound(subscriptions.begin(), subscriptions.end(), topic,
                                      [](const Subscription& a, std::string_view b) { return a->topic < b; });
  return found != subscriptions.end() && (*found)->topic == topic ? found->get() : nullptr;
}

std::vector<std::string> ConsumerGroup::client_ids() const {
  std::vector<std::string> ids;
  ids.reserve(members.size());
  for (const ClientPtr& member : members) ids.push_back(member->client_id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

struct ClientRegistry::Member {
  ClientPtr client;
  std::chrono::milliseconds last_heartbeat{0};
  SubscriptionUnion::Subscriptions subscriptions;
};

struct ClientRegistry::ConsumerState {
  std::string group;
  protocol::ConsumeType consume_type = protocol::ConsumeType::passively;
  protocol::MessageModel message_model = protocol::MessageModel::clustering;
  protocol::ConsumeFrom consume_from = protocol::ConsumeFrom::last_offset;
  bool notify = true;
  bool disagreed = false;  // said once in the group's life
  std::int32_t fingerprint = 0;
  std::unordered_map<ChannelId, Member> members;
  SubscriptionUnion subscriptions;

  // Broadcasting members each consume everything: who else is there does not concern them.
  void add_notice(std::vector<ChangeNotice>& notices) const {
    if (!notify || members.empty() || message_model == protocol::MessageModel::broadcasting) return;
    ChangeNotice& notice = notices.emplace_back();
    notice.group = group;
    notice.channels.reserve(members.size());
    for (const auto& [channel, member] : members) notice.channels.push_back(channel);
  }

  SubscriptionUnion::Change replace(const SubscriptionUnion::Subscriptions& before,
                                    const SubscriptionUnion::Subscriptions& after) {
    return subscriptions.replace(before, after, [this](std::string_view topic, auto&& visit) {
      for (const auto& [channel, member] : members) {
        const auto& own = member.subscriptions;
        const auto found = std::lower_bound(own.begin(), own.end(), topic,
                                            [](const auto& a, std::string_view b) { return a->topic < b; });
        if (found != own.end() && (*found)->topic == topic) visit(*found);
      }
    });
  }
};

struct ClientRegistry::ProducerState {
  struct Producer {
    ClientPtr client;
    std::chrono::milliseconds last_heartbeat{0};
  };
  std::string group;
  std::unordered_map<ChannelId, Producer> members;
};

struct ClientRegistry::GroupStripe {
  std::mutex mutex;
  StringMap<ConsumerState> consumers;
  StringMap<ProducerState> producers;
};

struct ClientRegistry::ChannelStripe {
  struct Groups {
    std::vector<std::string> consumers;
    std::vector<std::string> producers;
    std::string producer_client_id;
    [[nodiscard]] bool empty() const noexcept { return consumers.empty() && producers.empty(); }
  };
  std::mutex mutex;
  std::unordered_map<ChannelId, Groups> channels;
};

struct ClientRegistry::ClientIdStripe {
  std::mutex mutex;
  StringMap<ChannelId> channels;
};

ClientRegistry::ClientRegistry(const Clock& clock, ClientOptions options)
    : clock_(clock),
      options_(options),
      groups_(std::make_unique<GroupStripe[]>(stripe_count)),
      channels_(std::make_unique<ChannelStripe[]>(stripe_count)),
      client_ids_(std::make_unique<ClientIdStripe[]>(stripe_count)) {}

ClientRegistry::~ClientRegistry() = default;

ClientRegistry::GroupStripe& ClientRegistry::group_stripe(std::string_view group) const noexcept {
  return groups_[std::hash<std::string_view>{}(group) % stripe_count];
}
ClientRegistry::ChannelStripe& ClientRegistry::channel_stripe(ChannelId channel) const noexcept {
  return channels_[channel.value() % stripe_count];
}
ClientRegistry::ClientIdStripe& ClientRegistry::client_stripe(std::string_view client_id) const noexcept {
  return client_ids_[std::hash<std::string_view>{}(client_id) % stripe_count];
}

// ---- the way back: which groups a channel is in ----

void ClientRegistry::remember_consumer(ChannelId channel, std::string_view group) {
  ChannelStripe& stripe = channel_stripe(channel);
  const std::lock_guard lock(stripe.mutex);
  stripe.channels[channel].consumers.emplace_back(group);
}

void ClientRegistry::remember_producer(const Client& client, std::string_view group) {
  {
    ChannelStripe& stripe = channel_stripe(client.channel);
    const std::lock_guard lock(stripe.mutex);
    ChannelStripe::Groups& groups = stripe.channels[client.channel];
    groups.producers.emplace_back(group);
    groups.producer_client_id = client.client_id;
  }
  ClientIdStripe& stripe = client_stripe(client.client_id);
  const std::lock_guard lock(stripe.mutex);
  stripe.channels.insert_or_assign(client.client_id, client.channel);
}

void ClientRegistry::forget_consumer(ChannelId channel, std::string_view group) {
  ChannelStripe& stripe = channel_stripe(channel);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.channels.find(channel);
  if (found == stripe.channels.end()) return;
  std::erase(found->second.consumers, group);
  if (found->second.empty()) stripe.channels.erase(found);
}

void ClientRegistry::forget_producer(ChannelId channel, std::string_view group) {
  std::string client_id;
  {
    ChannelStripe& stripe = channel_stripe(channel);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.channels.find(channel);
    if (found == stripe.channels.end()) return;
    std::erase(found->second.producers, group);
    if (found->second.producers.empty()) client_id = std::move(found->second.producer_client_id);
    if (found->second.empty()) stripe.channels.erase(found);
  }
  if (!client_id.empty()) forget_client_id(channel, client_id);
}

void ClientRegistry::forget_client_id(ChannelId channel, const std::string& client_id) {
  ClientIdStripe& stripe = client_stripe(client_id);
  const std::lock_guard lock(stripe.mutex);
  // The client may have come back on another channel meanwhile.
  const auto found = stripe.channels.find(client_id);
  if (found != stripe.channels.end() && found->second == channel) stripe.channels.erase(found);
}

// ---- registration ----

RegisterOutcome ClientRegistry::register_producer(const Client& client, std::string_view group) {
  GroupStripe& stripe = group_stripe(group);
  {
    const std::lock_guard lock(stripe.mutex);
    auto found = stripe.producers.find(group);
    if (found == stripe.producers.end()) {
      if (producers_.size() >= options_.groups_max) return RegisterOutcome::refused_full;
      found = stripe.producers.emplace(std::string(group), ProducerState{}).first;
      found->second.group = group;
    }
    ProducerState& state = found->second;
    if (const auto member = state.members.find(client.channel); member != state.members.end()) {
      member->second.last_heartbeat = clock_.steady();
      return RegisterOutcome::unchanged;
    }
    if (state.members.size() >= options_.clients_per_group_max) return RegisterOutcome::refused_full;
    state.members.emplace(client.channel,
                          ProducerState::Producer{std::make_shared<const Client>(client), clock_.steady()});
    publish_locked(state);
  }
  remember_producer(client, group);
  return RegisterOutcome::changed;
}

RegisterOutcome ClientRegistry::register_consumer(const Client& client, const ConsumerRegistration& registration,
                                                  std::vector<ChangeNotice>& notices) {
  if (registration.subscriptions != nullptr &&
      registration.subscriptions->size() > options_.subscriptions_per_group_max) {
    return RegisterOutcome::refused_full;
  }
  GroupStripe& stripe = group_stripe(registration.group);
  bool joined = false;
  bool changed = false;
  {
    const std::lock_guard lock(stripe.mutex);
    auto found = stripe.consumers.find(registration.group);
    if (found == stripe.consumers.end()) {
      if (consumers_.size() >= options_.groups_max) return RegisterOutcome::refused_full;
      found = stripe.consumers.emplace(std::string(registration.group), ConsumerState{}).first;
      found->second.group = registration.group;
    }
    ConsumerState& state = found->second;
    auto member = state.members.find(client.channel);
    joined = member == state.members.end();
    if (joined) {
      if (state.members.size() >= options_.clients_per_group_max) return RegisterOutcome::refused_full;
      member = state.members.emplace(client.channel, Member{}).first;
    }
    member->second.last_heartbeat = clock_.steady();
    const bool renamed = joined || member->second.client->client_id != client.client_id;
    if (renamed) member->second.client = std::make_shared<const Client>(client);

    SubscriptionUnion::Change change;
    if (registration.subscriptions != nullptr) {
      auto after = state.subscriptions.merge(member->second.subscriptions, *registration.subscriptions);
      if (after != member->second.subscriptions) {
        const auto before = std::exchange(member->second.subscriptions, std::move(after));
        change = state.replace(before, member->second.subscriptions);
        const bool other_topics = state.subscriptions.size() != member->second.subscriptions.size();
        if ((change.disagreement || other_topics) && !std::exchange(state.disagreed, true)) {
          GANTRY_LOG(warn, "group.members.disagree", field("group", state.group), field("client", client.client_id),
                     field("topics", member->second.subscriptions.size()),
                     field("topics_of_group", state.subscriptions.size()),
                     field("remedy", "give all members of a group the same subscriptions"));
        }
      }
    }
    const bool described = state.consume_type != registration.consume_type ||
                           state.message_model != registration.message_model ||
                           state.consume_from != registration.consume_from;
    state.consume_type = registration.consume_type;
    state.message_model = registration.message_model;
    state.consume_from = registration.consume_from;
    state.notify = registration.notify;
    changed = joined || change.topics;
    if (changed) state.add_notice(notices);
    if (joined || renamed || described || change.any) publish_locked(state);
  }
  if (joined) remember_consumer(client.channel, registration.group);
  return changed ? RegisterOutcome::changed : RegisterOutcome::unchanged;
}

void ClientRegistry::publish_locked(const ConsumerState& state) {
  if (state.members.empty()) {
    consumers_.update(state.group, [](const auto&) { return TableEdit<ConsumerGroup>::erase(); });
    return;
  }
  auto group = std::make_shared<ConsumerGroup>();
  group->group = state.group;
  group->consume_type = state.consume_type;
  group->message_model = state.message_model;
  group->consume_from = state.consume_from;
  group->members.reserve(state.members.size());
  for (const auto& [channel, member] : state.members) group->members.push_back(member.client);
  group->subscriptions = state.subscriptions.all();
  group->version = versions_.fetch_add(1, std::memory_order_relaxed) + 1;
  consumers_.update(state.group, [&group](const auto&) { return TableEdit<ConsumerGroup>::put(group); });
}

void ClientRegistry::publish_locked(const ProducerState& state) {
  if (state.members.empty()) {
    producers_.update(state.group, [](const auto&) { return TableEdit<ProducerGroup>::erase(); });
    return;
  }
  auto group = std::make_shared<ProducerGroup>();
  group->group = state.group;
  group->members.reserve(state.members.size());
  for (const auto& [channel, member] : state.members) group->members.push_back(member.client);
  producers_.update(state.group, [&group](const auto&) { return TableEdit<ProducerGroup>::put(group); });
}

// ---- leaving ----

void ClientRegistry::leave_consumer(ChannelId channel, std::string_view group, std::vector<ChangeNotice>& notices) {
  GroupStripe& stripe = group_stripe(group);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.consumers.find(group);
  if (found == stripe.consumers.end()) return;
  ConsumerState& state = found->second;
  auto leaving = state.members.extract(channel);
  if (leaving.empty()) return;
  state.replace(leaving.mapped().subscriptions, {});
  state.add_notice(notices);
  publish_locked(state);
  if (state.members.empty()) stripe.consumers.erase(found);
}

void ClientRegistry::leave_producer(ChannelId channel, std::string_view group) {
  GroupStripe& stripe = group_stripe(group);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.producers.find(group);
  if (found == stripe.producers.end() || found->second.members.erase(channel) == 0) return;
  publish_locked(found->second);
  if (found->second.members.empty()) stripe.producers.erase(found);
}

void ClientRegistry::unregister(ChannelId channel, std::string_view producer_group, std::string_view consumer_group,
                                std::vector<ChangeNotice>& notices) {
  if (!producer_group.empty()) {
    leave_producer(channel, producer_group);
    forget_producer(channel, producer_group);
  }
  if (!consumer_group.empty()) {
    leave_consumer(channel, consumer_group, notices);
    forget_consumer(channel, consumer_group);
  }
}

void ClientRegistry::close(ChannelId channel, std::vector<ChangeNotice>& notices) {
  ChannelStripe::Groups groups;
  {
    ChannelStripe& stripe = channel_stripe(channel);
    const std::lock_guard lock(stripe.mutex);
    auto found = stripe.channels.extract(channel);
    if (found.empty()) return;
    groups = std::move(found.mapped());
  }
  if (!groups.producer_client_id.empty()) forget_client_id(channel, groups.producer_client_id);
  for (const std::string& group : groups.producers) leave_producer(channel, group);
  for (const std::string& group : groups.consumers) leave_consumer(channel, group, notices);
}

std::vector<ChannelId> ClientRegistry::expire(std::vector<ChangeNotice>& notices) {
  const std::chrono::milliseconds now = clock_.steady();
  std::vector<std::pair<ChannelId, std::string>> silent_consumers;
  std::vector<std::pair<ChannelId, std::string>> silent_producers;
  for (std::size_t i = 0; i < stripe_count; ++i) {
    GroupStripe& stripe = groups_[i];
    const std::lock_guard lock(stripe.mutex);
    const auto collect = [&](const auto& groups, auto& silent) {
      for (const auto& [name, state] : groups) {
        for (const auto& [channel, member] : state.members) {
          if (now - member.last_heartbeat > options_.expiry) silent.emplace_back(channel, name);
        }
      }
    };
    collect(stripe.consumers, silent_consumers);
    collect(stripe.producers, silent_producers);
  }

  std::vector<ChannelId> channels;
  for (const auto& [channel, group] : silent_consumers) {
    leave_consumer(channel, group, notices);
    forget_consumer(channel, group);
    channels.push_back(channel);
  }
  for (const auto& [channel, group] : silent_producers) {
    leave_producer(channel, group);
    forget_producer(channel, group);
    channels.push_back(channel);
  }
  std::sort(channels.begin(), channels.end());
  channels.erase(std::unique(channels.begin(), channels.end()), channels.end());
  std::erase_if(channels, [this](ChannelId channel) {
    ChannelStripe& stripe = channel_stripe(channel);
    const std::lock_guard lock(stripe.mutex);
    return stripe.channels.contains(channel);
  });
  return channels;
}

bool ClientRegistry::fingerprint_changed(std::string_view group, std::int32_t fingerprint) {
  GroupStripe& stripe = group_stripe(group);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.consumers.find(group);
  if (found == stripe.consumers.end()) return true;
  const std::int32_t before = std::exchange(found->second.fingerprint, fingerprint);
  return before != fingerprint || found->second.subscriptions.empty();
}

// ---- lookups ----

std::optional<ChannelId> ClientRegistry::producer_channel(std::string_view client_id) const {
  ClientIdStripe& stripe = client_stripe(client_id);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.channels.find(client_id);
  if (found == stripe.channels.end()) return std::nullopt;
  return found->second;
}

std::optional<ChannelId> ClientRegistry::any_producer(std::string_view group) const {
  const std::shared_ptr<const ProducerGroup> found = producers_.find(group);
  if (!found) return std::nullopt;
  const std::size_t choice = next_producer_.fetch_add(1, std::memory_order_relaxed) % found->members.size();
  return found->members[choice]->channel;
}

std::vector<std::string> ClientRegistry::groups_of(std::string_view topic) const {
  std::vector<std::string> groups;
  consumers_.for_each([&](const std::shared_ptr<const ConsumerGroup>& group) {
    if (group->find(topic) != nullptr) groups.push_back(group->group);
  });
  std::sort(groups.begin(), groups.end());
  return groups;
}

std::vector<std::shared_ptr<const ConsumerGroup>> ClientRegistry::consumer_groups() const {
  std::vector<std::shared_ptr<const ConsumerGroup>> groups;
  consumers_.for_each([&groups](const auto& group) { groups.push_back(group); });
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a->group < b->group; });
  return groups;
}

std::vector<std::shared_ptr<const ProducerGroup>> ClientRegistry::producer_groups() const {
  std::vector<std::shared_ptr<const ProducerGroup>> groups;
  producers_.for_each([&groups](const auto& group) { groups.push_back(group); });
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a->group < b->group; });
  return groups;
}

}  // namespace gantry::routing
