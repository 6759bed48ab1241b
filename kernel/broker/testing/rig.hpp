#pragma once
// A whole broker on the test's own thread: fake shards, channels, pool, clock and store, and the real tables.

#include "kernel/broker/broker.hpp"
#include "kernel/broker/testing/fake_store.hpp"
#include "kernel/broker/testing/fake_threads.hpp"
#include "protocol/codes.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/send_header.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::broker::testing {

/// A decoded answer (or a request of the broker's own).
struct Frame {
  std::int32_t code = 0;
  std::int32_t opaque = 0;
  std::int32_t flag = 0;
  std::int32_t version = 0;
  protocol::SerializeType type = protocol::SerializeType::json;
  std::string remark;
  std::map<std::string, std::string> ext;
  std::string body;
};
std::vector<Frame> parse_frames(std::string_view bytes);

/// Fields of a request, in their text form.
using Fields = std::vector<std::pair<std::string, std::string>>;

struct RequestShape {
  std::int32_t code = 0;
  std::int32_t opaque = 1;
  Fields fields;
  std::string body;
  bool oneway = false;
  std::int32_t version = protocol::version::v5_3_3;
  protocol::Language language = protocol::Language::java;
  protocol::SerializeType type = protocol::SerializeType::json;
};
std::string encode_request(const RequestShape& shape);

/// Plugins made of functions.
class TestPlugins final : public PluginSlots, public CommandHandler {
 public:
  class EqualsLanguage;  // matches messages whose TAGS equal the expression; "bad" does not compile

  TestPlugins();
  ~TestPlugins() override;
  [[nodiscard]] FilterLanguage* filter(std::string_view language) override;
  [[nodiscard]] bool intercepts_publish() const noexcept override { return static_cast<bool>(interceptor); }
  void intercept_publish(std::span<gantry_publishing> messages, std::span<const std::uint8_t> queue_open,
                         const gantry_scratch& scratch) override {
    last_queue_open.assign(queue_open.begin(), queue_open.end());
    interceptor(messages, scratch);
  }
  [[nodiscard]] bool binds_filters() const noexcept override { return static_cast<bool>(binder); }
  [[nodiscard]] std::uint64_t bindings_version() const noexcept override { return binder_version; }
  [[nodiscard]] std::shared_ptr<const CompiledFilter> bound_filter(std::string_view topic,
                                                                   std::string_view group) override {
    return binder(topic, group);
  }
  [[nodiscard]] bool intercepts_send_back() const noexcept override { return static_cast<bool>(sender_back); }
  void intercept_send_back(gantry_publishing& message, const gantry_scratch& scratch) override {
    sender_back(message, scratch);
  }
  [[nodiscard]] Command command(std::int32_t code) override {
    return code == command_code ? Command{this, command_is_administrative} : Command{};
  }
  void execute(const gantry_command_request& request) override { executor(request); }

  std::function<void(std::span<gantry_publishing>, const gantry_scratch&)> interceptor;
  std::vector<std::uint8_t> last_queue_open;
  std::function<std::shared_ptr<const CompiledFilter>(std::string_view topic, std::string_view group)> binder;
  std::uint64_t binder_version = 1;
  std::function<void(gantry_publishing&, const gantry_scratch&)> sender_back;
  std::int32_t command_code = -1;
  bool command_is_administrative = false;
  std::function<void(const gantry_command_request&)> executor;
  bool has_filter = false;

 private:
  std::unique_ptr<EqualsLanguage> language_;
};

class TestNode final : public NodeControl {
 public:
  [[nodiscard]] std::string describe_config() const override { return "brokerName=broker-a\n"; }
  [[nodiscard]] std::string describe_scripts() const override { return R"({"scripts":[]})"; }
  std::string reload_scripts() override { return R"({"changed":[]})"; }
  void permission_changed(int permission) override { permissions.push_back(permission); }
  void store_failed(std::string_view reason) override { store_failures.emplace_back(reason); }

  std::vector<int> permissions;             ///< what was set
  std::vector<std::string> store_failures;  ///< what the broker gave as reasons
};

Options rig_options();

class Rig {
 public:
  explicit Rig(Options options = rig_options(), routing::TopicOptions topic_options = {},
               routing::GroupOptions group_options = {});
  ~Rig();

  /// A connected client on a shard.
  FakeChannel& connect(std::uint32_t shard = 0, bool fast_port = false);
  void disconnect(FakeChannel& channel);

  /// Gives bytes to the broker, as one readable chunk. Returns what the handler said.
  Consumed feed(FakeChannel& channel, std::string_view bytes);
  /// One request; runs everything that became due (not the pool); returns all frames that came back.
  std::vector<Frame> exchange(FakeChannel& channel, const RequestShape& shape);
  /// The same when exactly one answer must come back.
  Frame ask(FakeChannel& channel, const RequestShape& shape);
  /// Runs shards, control, the pool and due saves until nothing is left.
  void run_all();
  std::vector<Frame> received(FakeChannel& channel) { return parse_frames(channel.take_sent()); }
  void advance(std::chrono::milliseconds by) {
    clock.advance(by);
    shards.run();
  }

  void make_topic(std::string_view name, std::int32_t queues = 4, std::int32_t perm = 6, bool order = false);
  void make_group(std::string_view name, const std::function<void(protocol::SubscriptionGroupConfig&)>& change = {});
  /// A consumer group with one member on the channel, subscribed to a topic.
  void subscribe(FakeChannel& channel, std::string_view group, std::string_view topic,
                 std::string_view expression = "*", std::int64_t version = 1, std::string_view type = "TAG",
                 std::string_view model = "CLUSTERING");

  ManualClock clock;
  FakeShards shards{2, clock};
  FakeExecutor control{clock};
  FakePool pool;
  FakeStore store;
  TestPlugins plugins;
  MetricsRegistry metrics;
  TestNode node;
  routing::TopicTable topics;
  routing::GroupTable groups;
  routing::OffsetTable offsets{clock};
  routing::ClientRegistry clients{clock};
  routing::RebalanceLocks locks{clock};
  routing::Persistence persistence{store, topics, groups, offsets, clock};
  Broker broker;

 private:
  struct Connection {
    std::unique_ptr<FakeChannel> channel;
    ChannelHandler* handler = nullptr;
    std::string unread;
  };
  std::vector<std::unique_ptr<Connection>> connections_;
  std::uint64_t next_channel_ = 1;
  Connection& find(FakeChannel& channel);
};

// ---- common requests ----

struct SendShape {
  std::string topic = "T";
  std::string body = "hello";
  std::string properties = {};
  std::int32_t queue_id = 0;
  std::int32_t sys_flag = 0;
  std::int32_t reconsume_count = 0;
  std::int32_t reconsume_count_max = -1;  ///< below 0: not sent
  bool batch = false;
  std::int32_t code = 310;
  std::int32_t opaque = 1;
  bool oneway = false;
};
RequestShape send_request(const SendShape& shape = {});

struct PullShape {
  std::string group = "g";
  std::string topic = "T";
  std::int32_t queue_id = 0;
  std::int64_t offset = 0;
  std::int32_t count_max = 32;
  std::int32_t sys_flag = 4;  ///< subscription in the request
  std::int64_t commit_offset = 0;
  std::int64_t suspend_ms = 15'000;
  std::string subscription = "*";
  std::int64_t sub_version = 0;
  std::string expression_type = {};
  std::int32_t bytes_max = 0;  ///< 0: not sent
  std::int32_t code = 11;
  std::int32_t opaque = 1;
};
RequestShape pull_request(const PullShape& shape = {});

/// Decodes the records of a pull's body; expects nothing else in it.
struct Message {
  std::int64_t queue_offset = 0;
  std::int64_t log_offset = 0;
  std::int32_t queue_id = 0;
  std::int32_t sys_flag = 0;
  std::int32_t reconsume_count = 0;
  std::string topic;
  std::string body;
  std::string properties;
};
std::vector<Message> parse_records(std::string_view body);
std::string property(std::string_view properties, std::string_view name);

}  // namespace gantry::broker::testing
