#pragma once
// A broker for the unit tests of plugins that use gantry/sdk/broker.hpp: topics, offsets and producers are maps,
// messages go into the Store that the test brings (storage-memory, say). For tests only.
//
//     TestBroker broker(store);
//     TestHost host;
//     broker.join(host);
//     ... make and start the plugin ...
//     broker.serve();

#include "gantry/sdk/broker.hpp"
#include "gantry/sdk/held_bytes.hpp"
#include "gantry/sdk/record.hpp"
#include "gantry/sdk/store_table.hpp"
#include "gantry/sdk/testing.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace gantry::sdk::testing {

/// A stored message with bytes of its own.
struct StoredMessage {
  Record record;  ///< its views point into `bytes`
  std::string bytes;
  [[nodiscard]] std::string_view body() const { return record.body; }
  [[nodiscard]] std::optional<std::string_view> property(std::string_view name) const {
    return find_property(record.properties, name);
  }
};

/// [any-thread] like the real one; publishing is done when it returns. The members without a lock of their own are the
/// test's to set while the plugin is quiet. Outlives the plugin under test.
class TestBroker {
 public:
  struct Asked {
    std::string group;
    std::int32_t code = 0;
    std::map<std::string, std::string> fields;
    std::string body;
  };

  explicit TestBroker(Store& store) : store_{{store}} {
    table_.struct_size = sizeof table_;
    table_.context = this;
    table_.when_serving = [](void* self, void (*fn)(void*), void* arg) -> gantry_status {
      if (of(self).serving_) {
        fn(arg);
      } else {
        of(self).waiting_.emplace_back(fn, arg);
      }
      return GANTRY_OK;
    };
    table_.store = [](void* self, const gantry_store_table** table, void** store_self) -> gantry_status {
      *table = &detail::store_table<StoreHolder>;
      *store_self = &of(self).store_;
      return GANTRY_OK;
    };
    table_.topic_find = [](void* self, gantry_bytes topic, gantry_topic_info* out) -> gantry_status {
      const std::lock_guard lock(of(self).mutex_);
      const auto found = of(self).topics_.find(std::string(detail::to_view(topic)));
      if (found == of(self).topics_.end()) return GANTRY_E_NOT_FOUND;
      detail::assign_sized(*out, found->second);
      return GANTRY_OK;
    };
    table_.topic_ensure = [](void* self, gantry_bytes topic, std::int32_t queues, std::uint32_t permission,
                             gantry_error*) -> gantry_status {
      const std::lock_guard lock(of(self).mutex_);
      of(self).topics_.try_emplace(std::string(detail::to_view(topic)),
                                   gantry_topic_info{sizeof(gantry_topic_info), queues, queues, permission});
      return GANTRY_OK;
    };
    table_.offset_find = [](void* self, gantry_bytes group, gantry_bytes topic, std::int32_t queue,
                            std::int64_t* out) -> gantry_status {
      const auto found = of(self).find_offset(detail::to_view(group), detail::to_view(topic), queue);
      if (!found) return GANTRY_E_NOT_FOUND;
      *out = *found;
      return GANTRY_OK;
    };
    table_.offset_set = [](void* self, gantry_bytes group, gantry_bytes topic, std::int32_t queue,
                           std::int64_t offset) -> gantry_status {
      const std::lock_guard lock(of(self).mutex_);
      of(self).offsets_[key(detail::to_view(group), detail::to_view(topic), queue)] = offset;
      return GANTRY_OK;
    };
    table_.publish_many = [](void* self, const gantry_outgoing* messages, std::uint64_t stride, std::uint64_t count,
                             void (*done)(void*, const gantry_publish_outcome*, std::uint64_t, std::uint64_t),
                             void* arg, gantry_error* error) -> gantry_status {
      std::vector<gantry_publish_outcome> outcomes;
      if (const Status refused = of(self).append(messages, stride, count, outcomes); !refused) {
        detail::fill_error(error, refused.error().text);
        return static_cast<gantry_status>(refused.error().code);
      }
      done(arg, outcomes.data(), sizeof(gantry_publish_outcome), outcomes.size());
      return GANTRY_OK;
    };
    table_.ask_producer = [](void* self, gantry_bytes group, std::int32_t code, const gantry_bytes* fields,
                             std::uint64_t field_count, gantry_bytes body) -> gantry_status {
      const std::lock_guard lock(of(self).mutex_);
      const std::string group_name(detail::to_view(group));
      if (std::find(of(self).producers.begin(), of(self).producers.end(), group_name) == of(self).producers.end()) {
        return GANTRY_E_NOT_FOUND;
      }
      Asked asked{group_name, code, {}, std::string(detail::to_view(body))};
      for (std::uint64_t i = 0; i + 1 < field_count; i += 2) {
        asked.fields[std::string(detail::to_view(fields[i]))] = std::string(detail::to_view(fields[i + 1]));
      }
      of(self).asked_.push_back(std::move(asked));
      return GANTRY_OK;
    };
    table_.delay_levels = [](void* self, const std::int64_t** ms, std::uint64_t* count) {
      *ms = of(self).delay_levels.data();
      *count = of(self).delay_levels.size();
    };
    table_.name = [](void* self) { return detail::to_bytes(of(self).name); };
  }
  TestBroker(const TestBroker&) = delete;
  TestBroker& operator=(const TestBroker&) = delete;

  /// Before the plugin is made.
  void join(TestHost& host) noexcept { host.provide(table_); }
  /// Runs what waits for the broker to serve.
  void serve() {
    serving_ = true;
    for (const auto& [fn, arg] : std::exchange(waiting_, {})) fn(arg);
  }

  void add_topic(std::string_view topic, std::int32_t queues) {
    table_.topic_ensure(this, detail::to_bytes(topic), queues, 6, nullptr);
  }
  void remove_topic(std::string_view topic) {
    const std::lock_guard lock(mutex_);
    topics_.erase(std::string(topic));
  }
  [[nodiscard]] std::optional<std::int64_t> find_offset(std::string_view group, std::string_view topic,
                                                        std::int32_t queue) {
    const std::lock_guard lock(mutex_);
    const auto found = offsets_.find(key(group, topic, queue));
    if (found == offsets_.end()) return std::nullopt;
    return found->second;
  }
  /// What clients were asked since the last call.
  [[nodiscard]] std::vector<Asked> take_asked() {
    const std::lock_guard lock(mutex_);
    return std::exchange(asked_, {});
  }

  /// Puts a message there as a client would, past interceptors. Its offsets.
  gantry_append_result put(std::string_view topic, std::int32_t queue_id, std::string_view body,
                           std::string_view properties, std::int64_t born_ms = 0, std::int32_t sys_flag = 0) {
    Outgoing message{.topic = topic,
                     .body = body,
                     .properties = properties,
                     .queue_id = queue_id,
                     .born_ms = born_ms,
                     .sys_flag = sys_flag};
    const gantry_append_item item = to_item(detail::to_c(message), queue_id);
    gantry_append_result result = {};
    store().append({&item, 1}, {&result, 1});
    return result;
  }
  /// All messages of a queue.
  [[nodiscard]] std::vector<StoredMessage> stored(std::string_view topic, std::int32_t queue_id) {
    std::vector<StoredMessage> all;
    gantry_queue* const queue = *store().open_queue(topic, queue_id);
    const auto bounds = store().bounds(queue);
    for (std::int64_t offset = bounds.min; offset < bounds.max; ++offset) {
      const auto entry = store().entry(queue, offset, GANTRY_READ_MAY_BLOCK);
      if (!entry) continue;
      const auto held = HeldBytes::read(store(), entry->log_offset);
      if (!held) continue;
      StoredMessage& message = all.emplace_back();
      message.bytes = held->bytes();
      if (!read_record(message.bytes)) all.pop_back();
    }
    // The bytes may have moved with the list (short strings do): the views come last.
    for (StoredMessage& message : all) message.record = *read_record(message.bytes);
    return all;
  }
  [[nodiscard]] Store& store() noexcept { return store_.plugin.behind; }

  std::string name = "broker-a";
  std::vector<std::int64_t> delay_levels = {1'000, 5'000, 10'000, 30'000};
  std::vector<std::string> producers;  ///< groups with a live member
  /// An Error refuses the whole call of publish; a status is the outcome of each message.
  std::function<Status()> refuse_publish;

 private:
  struct StoreHolder {
    struct Plugin {
      Store& behind;
      Store& store() { return behind; }
    } plugin;
    void report_thrown(std::string_view, std::string_view) {}
  };
  using Key = std::tuple<std::string, std::string, std::int32_t>;
  static Key key(std::string_view group, std::string_view topic, std::int32_t queue) {
    return {std::string(group), std::string(topic), queue};
  }
  static TestBroker& of(void* self) noexcept { return *static_cast<TestBroker*>(self); }

  gantry_append_item to_item(const gantry_outgoing& message, std::int32_t queue_id) {
    gantry_append_item item = {};
    item.queue = *store().open_queue(detail::to_view(message.topic), queue_id);
    item.body = message.body;
    item.properties = message.properties;
    item.born_ms = message.born_ms;
    item.prepared_offset = message.prepared_offset;
    item.flag = message.flag;
    item.sys_flag = message.sys_flag;
    item.reconsume_count = message.reconsume_count;
    item.born_host = message.born_host;
    if (item.born_host.ip_size == 0) item.born_host.ip_size = 4;
    item.store_host.ip_size = 4;
    return item;
  }

  Status append(const gantry_outgoing* messages, std::uint64_t stride, std::uint64_t count,
                std::vector<gantry_publish_outcome>& outcomes) {
    if (refuse_publish) GANTRY_TRY(refuse_publish());
    const std::lock_guard lock(append_mutex_);
    for (std::uint64_t i = 0; i < count; ++i) {
      const gantry_outgoing& message = detail::at_stride(messages, stride, i);
      gantry_publish_outcome outcome = {sizeof outcome, GANTRY_OK, -1, -1, {}};
      std::optional<gantry_topic_info> topic;
      {
        const std::lock_guard map_lock(mutex_);
        const auto found = topics_.find(std::string(detail::to_view(message.topic)));
        if (found != topics_.end()) topic = found->second;
      }
      if ((message.options & GANTRY_OUTGOING_AFTER) != 0 && !outcomes.empty() && outcomes.back().status != GANTRY_OK) {
        outcome.status = GANTRY_E_UNAVAILABLE;
      } else if (!topic) {
        outcome.status = GANTRY_E_NOT_FOUND;
      } else if (message.queue_id >= topic->write_queues) {
        outcome.status = GANTRY_E_INVALID_ARGUMENT;
      } else {
        const gantry_append_item item = to_item(message, std::max(message.queue_id, 0));
        gantry_append_result result = {};
        store().append({&item, 1}, {&result, 1});
        outcome.status = result.status;
        outcome.log_offset = result.log_offset;
        outcome.queue_offset = result.queue_offset;
      }
      outcomes.push_back(outcome);
    }
    return {};
  }

  gantry_broker table_ = {};
  StoreHolder store_;
  bool serving_ = false;
  std::vector<std::pair<void (*)(void*), void*>> waiting_;
  std::mutex append_mutex_;  // messages of one call stay together
  std::mutex mutex_;         // guards what follows
  std::map<std::string, gantry_topic_info> topics_;
  std::map<Key, std::int64_t> offsets_;
  std::vector<Asked> asked_;
};

}  // namespace gantry::sdk::testing
