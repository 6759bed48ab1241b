#include "kernel/plugin_bridge.hpp"

#include <functional>
#include <utility>

namespace gantry {
namespace {

std::string_view text_of(const gantry_bytes& bytes) {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

class ProgramBridge final : public broker::CompiledFilter {
 public:
  explicit ProgramBridge(std::shared_ptr<const plugin::FilterProgram> program) : program_(std::move(program)) {}
  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const override {
    program_->match(messages, verdicts);
  }

 private:
  std::shared_ptr<const plugin::FilterProgram> program_;
};

class ScriptBridge final : public broker::CompiledFilter {
 public:
  explicit ScriptBridge(std::shared_ptr<const script::Filter> filter) : filter_(std::move(filter)) {}
  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const override {
    filter_->match(messages, verdicts);
  }

 private:
  std::shared_ptr<const script::Filter> filter_;
};

constexpr std::string_view sql92 = "SQL92";
constexpr std::string_view script_prefix = "lua:";

}  // namespace

class PluginSlotsBridge::Language final : public broker::FilterLanguage {
 public:
  /// `adapter` may be nullptr for SQL92, which then has nothing but the filters of scripts.
  Language(std::string_view name, const plugin::FilterAdapter* adapter, script::ScriptHost& scripts)
      : takes_scripts_(name == sql92), adapter_(adapter), scripts_(scripts) {}

  Result<std::shared_ptr<const broker::CompiledFilter>> compile(std::string_view expression) override {
    if (takes_scripts_ && expression.starts_with(script_prefix)) {
      GANTRY_ASSIGN(auto filter, scripts_.named_filter(expression.substr(script_prefix.size())));
      return std::shared_ptr<const broker::CompiledFilter>(std::make_shared<ScriptBridge>(std::move(filter)));
    }
    if (adapter_ == nullptr) return Error{Errc::unsupported, {}};
    GANTRY_ASSIGN(auto program, adapter_->compile(expression));
    return std::shared_ptr<const broker::CompiledFilter>(std::make_shared<ProgramBridge>(std::move(program)));
  }

 private:
  const bool takes_scripts_;
  const plugin::FilterAdapter* const adapter_;
  script::ScriptHost& scripts_;
};

class PluginSlotsBridge::Handler final : public broker::CommandHandler {
 public:
  explicit Handler(const plugin::CommandTable::Command& command) : command_(command) {}
  void execute(const gantry_command_request& request) override { command_.execute(request); }

 private:
  const plugin::CommandTable::Command& command_;
};

PluginSlotsBridge::PluginSlotsBridge(plugin::PluginSet& plugins, script::ScriptHost& scripts)
    : plugins_(plugins), scripts_(scripts) {}
PluginSlotsBridge::~PluginSlotsBridge() = default;

broker::FilterLanguage* PluginSlotsBridge::filter(std::string_view language) {
  const plugin::FilterAdapter* adapter = plugins_.filter(language);
  if (adapter == nullptr && language != sql92) return nullptr;
  const std::lock_guard lock(mutex_);
  auto& made = languages_[std::string(language)];
  if (!made) made = std::make_unique<Language>(language, adapter, scripts_);
  return made.get();
}

std::shared_ptr<const broker::CompiledFilter> PluginSlotsBridge::bound_filter(std::string_view topic,
                                                                              std::string_view group) {
  auto filter = scripts_.bound_filter(topic, group);
  return filter ? std::make_shared<ScriptBridge>(std::move(filter)) : nullptr;
}

broker::PluginSlots::Command PluginSlotsBridge::command(std::int32_t code) {
  const plugin::CommandTable::Command* command = plugins_.commands().find(code);
  if (command == nullptr) return {};
  const std::lock_guard lock(mutex_);
  auto& made = handlers_[code];
  if (!made) made = std::make_unique<Handler>(*command);
  return {made.get(), command->administrative};
}

HostBridge::HostBridge(const Clock& clock, MetricsRegistry& metrics, Executor& control, net::BlockingPool& pool,
                       const gantry_functions& functions, std::filesystem::path data_folder, Identity identity,
                       OnFatal on_fatal)
    : clock_(clock),
      metrics_(metrics),
      control_(control),
      pool_(pool),
      functions_(functions),
      data_folder_(std::filesystem::absolute(data_folder).lexically_normal().string()),
      identity_(std::move(identity)),
      on_fatal_(std::move(on_fatal)) {}

namespace {

const Error not_serving{Errc::unavailable, "messages can be published once the broker serves, and not after"};

broker::OutgoingMessage from_abi(const gantry_outgoing& message) noexcept {
  broker::OutgoingMessage outgoing;
  outgoing.topic = text_of(message.topic);
  outgoing.body = text_of(message.body);
  outgoing.properties = text_of(message.properties);
  outgoing.queue_id = message.queue_id;
  outgoing.flag = message.flag;
  outgoing.sys_flag = message.sys_flag;
  outgoing.reconsume_count = message.reconsume_count;
  outgoing.born_ms = message.born_ms;
  outgoing.prepared_offset = message.prepared_offset;
  outgoing.born_host = message.born_host;
  outgoing.after = (message.options & GANTRY_OUTGOING_AFTER) != 0;
  return outgoing;
}

gantry_publish_outcome to_abi(const Result<broker::PublishedMessage>& published) noexcept {
  gantry_publish_outcome outcome{};
  outcome.struct_size = sizeof outcome;
  if (published) {
    outcome.log_offset = published->log_offset;
    outcome.queue_offset = published->queue_offset;
    const std::string_view id = published->message_id.view();
    outcome.message_id = {id.data(), id.size()};
  } else {
    outcome.status = static_cast<gantry_status>(published.error().code);
  }
  return outcome;
}

}  // namespace

void HostBridge::attach(broker::Broker* broker) {
  broker_.store(broker, std::memory_order_release);
  std::vector<UniqueFunction<void()>> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(waiting_);
  }
  if (broker == nullptr) return;  // what waited, waited in vain
  for (auto& task : ready) task();
}

void HostBridge::when_serving(UniqueFunction<void()> task) {
  const std::lock_guard lock(mutex_);
  if (broker_.load(std::memory_order_acquire) != nullptr) return control_.post(std::move(task));
  waiting_.push_back(std::move(task));
}

Status HostBridge::publish(const gantry_outgoing& message, PublishDone done) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  return broker->publish(from_abi(message),
                         [done = std::move(done)](std::span<const Result<broker::PublishedMessage>> published) mutable {
                           done(to_abi(published.front()));
                         });
}

Status HostBridge::publish_many(const void* sender, std::vector<gantry_outgoing> messages, PublishManyDone done) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  std::vector<broker::OutgoingMessage> outgoing;
  outgoing.reserve(messages.size());
  for (const gantry_outgoing& message : messages) outgoing.push_back(from_abi(message));
  // One plugin's messages keep to one lane, which keeps their order.
  const auto lane = static_cast<std::uint32_t>(std::hash<const void*>()(sender) >> 6);
  return broker->publish(outgoing, lane,
                         [done = std::move(done)](std::span<const Result<broker::PublishedMessage>> published) mutable {
                           std::vector<gantry_publish_outcome> outcomes;
                           outcomes.reserve(published.size());
                           for (const auto& each : published) outcomes.push_back(to_abi(each));
                           done(outcomes);
                         });
}

Result<gantry_topic_info> HostBridge::find_topic(std::string_view name) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  const auto topic = broker->environment().topics.find(name);
  if (!topic) return Error{Errc::not_found, {}};
  gantry_topic_info info{};
  info.struct_size = sizeof info;
  info.read_queues = topic->config().read_queue_count;
  info.write_queues = topic->config().write_queue_count;
  info.permission = static_cast<std::uint32_t>(topic->config().perm);
  return info;
}

Status HostBridge::ensure_topic(std::string_view name, std::int32_t queues, std::uint32_t permission) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  protocol::TopicConfig config;
  config.topic_name = name;
  config.read_queue_count = queues;
  config.write_queue_count = queues;
  config.perm = static_cast<std::int32_t>(permission);
  const auto made = broker->environment().topics.ensure(std::move(config));
  if (!made) return made.error();
  return {};
}

Result<std::int64_t> HostBridge::find_offset(std::string_view group, std::string_view topic, std::int32_t queue_id) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  const auto offset = broker->environment().offsets.find({group, topic, queue_id});
  if (!offset) return Error{Errc::not_found, {}};
  return *offset;
}

Status HostBridge::set_offset(std::string_view group, std::string_view topic, std::int32_t queue_id,
                              std::int64_t offset) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  if (offset < 0) return Error{Errc::invalid_argument, "an offset is 0 or more"};
  if (!broker->environment().offsets.set({group, topic, queue_id}, offset)) {
    return Error{Errc::full, "the table of consumer offsets is full"};
  }
  return {};
}

Status HostBridge::ask_producer(std::string_view group, std::int32_t code, std::span<const gantry_bytes> fields,
                                std::string_view body) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return not_serving;
  return broker->ask_producer(group, code, fields, std::as_bytes(std::span(body)));
}

void HostBridge::answer(std::uint64_t ticket, std::int32_t code, std::string_view remark,
                        std::span<const gantry_bytes> fields, std::string_view body) {
  broker::Broker* const broker = broker_.load(std::memory_order_acquire);
  if (broker == nullptr) return;
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  pairs.reserve(fields.size() / 2);
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) pairs.emplace_back(text_of(fields[i]), text_of(fields[i + 1]));
  broker->answer(ticket, {code, remark, pairs, std::as_bytes(std::span(body))});
}

void HostBridge::fault(std::string_view plugin_id, plugin::FaultSeverity severity, std::string_view text) {
  if (severity != plugin::FaultSeverity::fatal) return;
  control_.post([this, reason = "plugin " + std::string(plugin_id) + ": " + std::string(text)]() mutable {
    if (auto on_fatal = std::exchange(on_fatal_, nullptr)) on_fatal(std::move(reason));
  });
}

}  // namespace gantry
