#include "kernel/broker/testing/rig.hpp"

#include "protocol/frame.hpp"
#include "protocol/header.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace gantry::broker::testing {

std::vector<Frame> parse_frames(std::string_view bytes) {
  std::vector<Frame> frames;
  protocol::Scratch scratch;
  auto header = std::make_unique<protocol::HeaderView>();
  while (!bytes.empty()) {
    const auto cut = protocol::cut_frame(protocol::as_bytes(bytes));
    if (cut.outcome != protocol::CutOutcome::frame) throw std::runtime_error("the broker wrote no whole frame");
    if (!protocol::decode_header(cut.frame, *header)) throw std::runtime_error("the broker wrote a bad header");
    Frame& frame = frames.emplace_back();
    frame.code = header->code;
    frame.opaque = header->opaque;
    frame.flag = header->flag;
    frame.version = header->version;
    frame.type = header->type;
    frame.remark = header->remark_text(scratch);
    for (const protocol::ExtField& field : header->ext) {
      if (field.kind != protocol::ValueKind::text) throw std::runtime_error("a value of extFields is not a text");
      std::string_view value;
      if (!field.text(scratch, value)) throw std::runtime_error("no room");
      frame.ext[std::string(field.key)] = value;
    }
    frame.body = protocol::as_text(cut.frame.body);
    bytes.remove_prefix(cut.frame.size);
  }
  return frames;
}

std::string encode_request(const RequestShape& shape) {
  protocol::ByteBuffer out;
  protocol::FrameMeta meta;
  meta.type = shape.type;
  meta.code = shape.code;
  meta.opaque = shape.opaque;
  meta.flag = shape.oneway ? protocol::HeaderView::flag_oneway : 0;
  meta.language = shape.language;
  meta.version = shape.version;
  protocol::FrameWriter writer(out, meta);
  for (const auto& [key, value] : shape.fields) writer.field(key, std::string_view(value));
  writer.finish(protocol::as_bytes(shape.body));
  return std::string(out.text());
}

namespace {

class TagEquals final : public CompiledFilter {
 public:
  explicit TagEquals(std::string_view tag) : tag_(tag) {}
  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const override {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const std::string_view properties(static_cast<const char*>(messages[i].properties.data),
                                        messages[i].properties.size);
      verdicts[i] = protocol::find_property(properties, "TAGS") == tag_ ? 1 : 0;
    }
  }

 private:
  std::string tag_;
};

}  // namespace

class TestPlugins::EqualsLanguage final : public FilterLanguage {
 public:
  Result<std::shared_ptr<const CompiledFilter>> compile(std::string_view expression) override {
    if (expression == "unspoken") return Error{Errc::unsupported, {}};
    if (expression == "bad") return Error{Errc::invalid_argument, "position 1: expected a tag, found 'bad'"};
    return std::shared_ptr<const CompiledFilter>(std::make_shared<TagEquals>(expression));
  }
};

TestPlugins::TestPlugins() : language_(std::make_unique<EqualsLanguage>()) {}
TestPlugins::~TestPlugins() = default;

FilterLanguage* TestPlugins::filter(std::string_view language) {
  return has_filter && language == "SQL92" ? language_.get() : nullptr;
}

Options rig_options() {
  Options options;
  const std::vector<std::string> loopback{"loopback"};
  options.admin_allow_from = *CidrSet::parse(loopback);
  return options;
}

Rig::Rig(Options options, routing::TopicOptions topic_options, routing::GroupOptions group_options)
    : topics(std::move(topic_options), clock),
      groups(group_options, clock),
      broker(Environment{shards, control, clock, store, plugins, pool, metrics, node, topics, groups, offsets, clients,
                         locks, persistence},
             std::move(options)) {
  broker.start();
}

Rig::~Rig() {
  while (!connections_.empty()) disconnect(*connections_.back()->channel);
  run_all();
  EXPECT_EQ(store.owners, 0U) << "a read was not released";
}

FakeChannel& Rig::connect(std::uint32_t shard, bool fast_port) {
  const std::uint64_t id = next_channel_++ * shards.count() + shard;
  auto connection = std::make_unique<Connection>();
  connection->channel = std::make_unique<FakeChannel>(ChannelId(id), shards.at(ShardId(shard)));
  connection->handler = fast_port ? &broker.fast_port(ShardId(shard)) : &broker.main_port(ShardId(shard));
  FakeChannel& channel = *connection->channel;
  shards.add(channel);
  connection->handler->on_open(channel);
  connections_.push_back(std::move(connection));
  return channel;
}

Rig::Connection& Rig::find(FakeChannel& channel) {
  for (auto& connection : connections_) {
    if (connection->channel.get() == &channel) return *connection;
  }
  throw std::runtime_error("not connected");
}

void Rig::disconnect(FakeChannel& channel) {
  Connection& connection = find(channel);
  shards.remove(channel);
  connection.handler->on_close(channel, "test");
  std::erase_if(connections_, [&](const auto& each) { return each.get() == &connection; });
}

Consumed Rig::feed(FakeChannel& channel, std::string_view bytes) {
  Connection& connection = find(channel);
  connection.unread.append(bytes);
  const Consumed consumed =
      connection.handler->on_bytes(channel, protocol::as_bytes(std::string_view(connection.unread)));
  connection.unread.erase(0, consumed.bytes);
  return consumed;
}

std::vector<Frame> Rig::exchange(FakeChannel& channel, const RequestShape& shape) {
  feed(channel, encode_request(shape));
  shards.run();
  return received(channel);
}

Frame Rig::ask(FakeChannel& channel, const RequestShape& shape) {
  feed(channel, encode_request(shape));
  run_all();
  std::vector<Frame> frames = received(channel);
  std::erase_if(frames, [](const Frame& frame) { return (frame.flag & 1) == 0; });
  if (frames.size() != 1) {
    throw std::runtime_error("expected one answer to code " + std::to_string(shape.code) + ", got " +
                             std::to_string(frames.size()));
  }
  EXPECT_EQ(frames[0].opaque, shape.opaque);
  return frames[0];
}

void Rig::run_all() {
  for (int round = 0; round < 8; ++round) {
    shards.run();
    control.run();
    pool.run();
    clock.advance(std::chrono::milliseconds(0));
    (void)persistence.save_due();
  }
}

void Rig::make_topic(std::string_view name, std::int32_t queues, std::int32_t perm, bool order) {
  protocol::TopicConfig config;
  config.topic_name = name;
  config.read_queue_count = queues;
  config.write_queue_count = queues;
  config.perm = perm;
  config.order = order;
  const auto made = topics.ensure(config);
  ASSERT_TRUE(made) << made.error().text;
  (*made)->queues()->mark_saved();
}

void Rig::make_group(std::string_view name, const std::function<void(protocol::SubscriptionGroupConfig&)>& change) {
  protocol::SubscriptionGroupConfig config;
  config.group_name = name;
  if (change) change(config);
  const auto made = groups.put(config);
  ASSERT_TRUE(made) << made.error().text;
}

void Rig::subscribe(FakeChannel& channel, std::string_view group, std::string_view topic, std::string_view expression,
                    std::int64_t version, std::string_view type, std::string_view model) {
  protocol::HeartbeatData heartbeat;
  heartbeat.client_id = "client-" + std::to_string(channel.id().value());
  protocol::ConsumerData consumer;
  consumer.group = group;
  consumer.message_model =
      model == "BROADCASTING" ? protocol::MessageModel::broadcasting : protocol::MessageModel::clustering;
  protocol::SubscriptionData subscription = protocol::make_tag_subscription(topic, expression, version);
  subscription.expression_type = type;
  consumer.subscriptions.push_back(subscription);
  heartbeat.consumers.push_back(consumer);
  RequestShape shape;
  shape.code = 34;
  shape.body = protocol::encode_body(heartbeat);
  const Frame answer = ask(channel, shape);
  ASSERT_EQ(answer.code, 0) << answer.remark;
}

RequestShape send_request(const SendShape& shape) {
  RequestShape request;
  request.code = shape.code;
  request.opaque = shape.opaque;
  request.oneway = shape.oneway;
  request.body = shape.body;
  const bool long_names = shape.code == 10;
  const auto add = [&](const char* letter, const char* name, std::string value) {
    request.fields.emplace_back(long_names ? name : letter, std::move(value));
  };
  add("a", "producerGroup", "pg");
  add("b", "topic", shape.topic);
  add("c", "defaultTopic", "TBW102");
  add("d", "defaultTopicQueueNums", "4");
  add("e", "queueId", std::to_string(shape.queue_id));
  add("f", "sysFlag", std::to_string(shape.sys_flag));
  add("g", "bornTimestamp", "1700000000001");
  add("h", "flag", "7");
  add("i", "properties", shape.properties);
  add("j", "reconsumeTimes", std::to_string(shape.reconsume_count));
  add("k", "unitMode", "false");
  if (shape.reconsume_count_max >= 0) add("l", "maxReconsumeTimes", std::to_string(shape.reconsume_count_max));
  add("m", "batch", shape.batch ? "true" : "false");
  return request;
}

RequestShape pull_request(const PullShape& shape) {
  RequestShape request;
  request.code = shape.code;
  request.opaque = shape.opaque;
  request.fields = {{"consumerGroup", shape.group},
                    {"topic", shape.topic},
                    {"queueId", std::to_string(shape.queue_id)},
                    {"queueOffset", std::to_string(shape.offset)},
                    {"maxMsgNums", std::to_string(shape.count_max)},
                    {"sysFlag", std::to_string(shape.sys_flag)},
                    {"commitOffset", std::to_string(shape.commit_offset)},
                    {"suspendTimeoutMillis", std::to_string(shape.suspend_ms)},
                    {"subscription", shape.subscription},
                    {"subVersion", std::to_string(shape.sub_version)}};
  if (!shape.expression_type.empty()) request.fields.emplace_back("expressionType", shape.expression_type);
  if (shape.bytes_max > 0) request.fields.emplace_back("maxMsgBytes", std::to_string(shape.bytes_max));
  return request;
}

std::vector<Message> parse_records(std::string_view body) {
  std::vector<Message> messages;
  while (!body.empty()) {
    protocol::RecordView view;
    if (protocol::decode_record(protocol::as_bytes(body), view, protocol::CheckBody::crc) !=
        protocol::RecordOutcome::ok) {
      throw std::runtime_error("the body holds something that is no record");
    }
    messages.push_back({view.queue_offset, view.log_offset, view.queue_id, view.sys_flag, view.reconsume_count,
                        std::string(view.topic), std::string(protocol::as_text(view.body)),
                        std::string(view.properties)});
    body.remove_prefix(view.size);
  }
  return messages;
}

std::string property(std::string_view properties, std::string_view name) {
  return std::string(protocol::find_property(properties, name));
}

}  // namespace gantry::broker::testing
