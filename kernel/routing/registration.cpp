#include "kernel/routing/registration.hpp"

#include "protocol/codes.hpp"
#include "protocol/crc32.hpp"
#include "protocol/fields.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/namesrv_requests.hpp"
#include "protocol/register_broker.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <utility>

namespace gantry::routing {

namespace {

namespace perm = protocol::perm;

/// Topics of one frame. With names of ordinary length they fill a quarter of the largest frame at most, compressed.
constexpr std::size_t topics_per_frame_max = 50'000;
/// Larger bodies are compressed; smaller ones stay readable for old servers and for people with a packet dump.
constexpr std::size_t plain_body_size_max = 4 * 1024 * 1024;
constexpr std::size_t header_room = 64 * 1024;

}  // namespace

Registration::Registration(const TopicTable& topics, const Clock& clock, RegistrationOptions options)
    : topics_(topics), clock_(clock), options_(std::move(options)) {}

BrokerIdentity Registration::identity() const {
  const BrokerAddress address =
      options_.advertise.empty() ? BrokerAddress::same_host(options_.port) : BrokerAddress::fixed(options_.advertise);
  return {options_.cluster, options_.broker_name, options_.broker_id, address};
}

protocol::TopicConfig Registration::published(const protocol::TopicConfig& config) const {
  protocol::TopicConfig topic = config;
  // A broker that may do everything publishes the bits as they are, INHERIT included.
  const std::int32_t all = perm::read | perm::write;
  const std::int32_t permission = permission_.load(std::memory_order_relaxed);
  if ((permission & all) != all) topic.perm &= permission;
  return topic;
}

// ---- the embedded name server ----

Status Registration::register_with(RouteTable& routes) const {
  const std::lock_guard lock(applying_);
  const TopicTable::Image image = topics_.image();
  std::vector<protocol::TopicConfig> topics;
  topics.reserve(image.topics.size());
  for (const auto& topic : image.topics) topics.push_back(published(topic->config()));
  BrokerRegistration registration;
  registration.identity = identity();
  if (!options_.ha_address.empty()) registration.ha_address = BrokerAddress::fixed(options_.ha_address);
  registration.timeout = options_.expiry;
  registration.version = image.version;
  registration.topics = topics;
  const auto reply = routes.register_broker(registration);
  return reply ? Status{} : Status(reply.error());
}

void Registration::apply_change(RouteTable& routes, const TopicChange& change) const {
  const std::lock_guard lock(applying_);
  // Two threads may report changes of one topic in the wrong order, so what counts is how the topic is by now.
  const std::shared_ptr<const Topic> current = topics_.find(change.topic->name());
  if (current) {
    routes.put_topic(identity(), published(current->config()), topics_.data_version());
  } else {
    routes.remove_topic(identity(), change.topic->name(), topics_.data_version());
  }
}

void Registration::unregister_from(RouteTable& routes) const { routes.unregister_broker(identity()); }

// ---- when ----

bool Registration::due() const { return next_due_in().count() == 0; }

std::chrono::milliseconds Registration::next_due_in() const {
  using std::chrono::milliseconds;
  if (!last_sent_) return milliseconds(0);
  const bool changed = changes_.load(std::memory_order_relaxed) != sent_changes_;
  const milliseconds wait = changed ? std::min(options_.change_interval, options_.interval) : options_.interval;
  return std::max(milliseconds(0), *last_sent_ + wait - clock_.steady());
}

void Registration::sent() {
  last_sent_ = clock_.steady();
  sent_changes_ = changes_.load(std::memory_order_relaxed);
}

// ---- what ----

Result<std::vector<protocol::ByteBuffer>> Registration::encode_registration(std::int32_t opaque,
                                                                            std::string_view local_host) const {
  const TopicTable::Image image = topics_.image();
  std::vector<protocol::ByteBuffer> frames;
  const std::span<const std::shared_ptr<const Topic>> all(image.topics);
  const std::size_t parts = std::max<std::size_t>(1, (all.size() + topics_per_frame_max - 1) / topics_per_frame_max);
  for (std::size_t part = 0; part < parts; ++part) {
    // Servers ignore known topics of a version that they have seen, so the parts count up to the real version.
    protocol::DataVersion version = image.version;
    version.counter -= static_cast<std::int64_t>(parts - 1 - part);
    const std::size_t begin = part * topics_per_frame_max;
    const auto topics = all.subspan(begin, std::min(topics_per_frame_max, all.size() - begin));
    GANTRY_TRY(encode_part(topics, version, opaque + static_cast<std::int32_t>(part), local_host, frames));
  }
  return frames;
}

Status Registration::encode_part(std::span<const std::shared_ptr<const Topic>> topics,
                                 const protocol::DataVersion& version, std::int32_t opaque, std::string_view local_host,
                                 std::vector<protocol::ByteBuffer>& frames) const {
  protocol::RegisterBrokerBody body;
  body.topic_configs.data_version = version;
  for (const auto& topic : topics) body.topic_configs.topics.emplace(topic->name(), published(topic->config()));

  const std::string plain = protocol::encode_body(body);
  protocol::ByteBuffer compressed;
  protocol::ByteView content = protocol::as_bytes(plain);
  if (plain.size() > plain_body_size_max) {
    GANTRY_ASSIGN(compressed, protocol::encode_compressed_register_body(body));
    content = compressed.view();
  }
  if (content.size() > protocol::frame_size_max - header_room) {
    return Error{Errc::too_large, "registering broker \"" + options_.broker_name + "\": expected a body of at most " +
                                      std::to_string(protocol::frame_size_max - header_room) + " bytes for " +
                                      std::to_string(topics.size()) + " topics, found " +
                                      std::to_string(content.size())};
  }
  const std::string address = identity().address.as_seen_from(local_host);
  protocol::RegisterBrokerHeader header;
  header.broker_name = options_.broker_name;
  header.broker_address = address;
  header.cluster_name = options_.cluster;
  header.ha_server_address = options_.ha_address.empty() ? std::string_view(address) : options_.ha_address;
  header.broker_id = options_.broker_id;
  header.heartbeat_timeout_ms = options_.expiry.count();
  header.compressed = !compressed.empty();
  header.body_crc32 = static_cast<std::int32_t>(protocol::crc32_positive(content));
  protocol::ByteBuffer& frame = frames.emplace_back(content.size() + 1024);
  protocol::write_frame(frame, protocol::request_meta(protocol::RequestCode::register_broker, opaque), header, content);
  return {};
}

protocol::ByteBuffer Registration::encode_unregistration(std::int32_t opaque, std::string_view local_host) const {
  const std::string address = identity().address.as_seen_from(local_host);
  protocol::BrokerIdentityHeader header;
  header.broker_name = options_.broker_name;
  header.broker_address = address;
  header.cluster_name = options_.cluster;
  header.broker_id = options_.broker_id;
  protocol::ByteBuffer frame;
  protocol::write_frame(frame, protocol::request_meta(protocol::RequestCode::unregister_broker, opaque), header);
  return frame;
}

Result<RegistrationReply> Registration::decode_answer(const protocol::HeaderView& header) {
  protocol::Scratch scratch;
  if (header.code != static_cast<std::int32_t>(protocol::ResponseCode::success)) {
    const bool denied = header.code == static_cast<std::int32_t>(protocol::ResponseCode::no_permission);
    return Error{denied ? Errc::permission_denied : Errc::unavailable,
                 "registering with a name server: expected SUCCESS, found code " + std::to_string(header.code) + ": " +
                     std::string(header.remark_text(scratch))};
  }
  GANTRY_ASSIGN(const protocol::RegisterBrokerResponse fields,
                protocol::decode_fields<protocol::RegisterBrokerResponse>(header.ext, scratch));
  return RegistrationReply{std::string(fields.master_address), std::string(fields.ha_server_address)};
}

}  // namespace gantry::routing
