#pragma once
// The running broker, as plugins use it (gantry/abi/broker.h): topics, the store for reading, publishing in batches,
// how far groups have come, a word to a client.
//
//     gantry::sdk::Broker broker = host.broker();
//     broker.when_serving([this] { begin(); });

#include "gantry/abi/broker.h"
#include "gantry/abi/host.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/detail/host_work.hpp"
#include "gantry/sdk/messages.hpp"
#include "gantry/sdk/result.hpp"
#include "gantry/sdk/store_client.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::sdk {

struct TopicInfo {
  std::int32_t read_queues = 0;
  std::int32_t write_queues = 0;
  std::uint32_t permission = 0;  ///< 4 read, 2 write, 1 inherit
};

/// A handle as small as two pointers, valid as long as the plugin's instance; copies are equal. Every function is
/// [any-thread] and answers Errc::unavailable before the broker serves and after it stopped, unless it says otherwise.
class Broker {
 public:
  static constexpr std::size_t publish_count_max = GANTRY_PUBLISH_COUNT_MAX;

  explicit Broker(const gantry_host* host) noexcept
      : host_(host),
        table_(host->struct_size >= offsetof(gantry_host, broker) + sizeof host->broker ? host->broker : nullptr) {}

  /// Whether this host has a broker. Without one nothing below may be called.
  explicit operator bool() const noexcept { return table_ != nullptr; }

  /// [configured] Runs `work` once on the control thread as soon as the broker serves; never when it stops before.
  Status when_serving(std::function<void()> work) const {
    auto owned = std::make_unique<detail::HostWork>(detail::HostWork{host_, std::move(work)});
    const auto status = table_->when_serving(table_->context, &detail::HostWork::run_and_free, owned.get());
    if (status != GANTRY_OK) return Error{static_cast<Errc>(status), "the node is stopping"};
    static_cast<void>(owned.release());  // it frees itself
    return {};
  }

  /// [configured] The store, for reading, and for blobs on the control thread. The plugin requires GANTRY_STORE_ID.
  [[nodiscard]] Result<StoreClient> store() const {
    const gantry_store_table* table = nullptr;
    void* self = nullptr;
    const auto status = table_->store(table_->context, &table, &self);
    if (status != GANTRY_OK) return Error{static_cast<Errc>(status), "there is no store yet"};
    return StoreClient(table, self);
  }

  /// Nothing when there is no such topic, or the broker does not serve.
  [[nodiscard]] std::optional<TopicInfo> find_topic(std::string_view topic) const noexcept {
    gantry_topic_info info = {};
    info.struct_size = sizeof info;
    if (table_->topic_find(table_->context, detail::to_bytes(topic), &info) != GANTRY_OK) return std::nullopt;
    return TopicInfo{info.read_queues, info.write_queues, info.permission};
  }
  /// Creates the topic unless it exists; its name may be a system one.
  Status ensure_topic(std::string_view topic, std::int32_t queue_count, std::uint32_t permission = 6) const {
    detail::ErrorBuffer error;
    return error.to_status(
        table_->topic_ensure(table_->context, detail::to_bytes(topic), queue_count, permission, error.out()));
  }

  [[nodiscard]] std::optional<std::int64_t> find_offset(std::string_view group, std::string_view topic,
                                                        std::int32_t queue_id) const noexcept {
    std::int64_t offset = 0;
    const auto status =
        table_->offset_find(table_->context, detail::to_bytes(group), detail::to_bytes(topic), queue_id, &offset);
    if (status != GANTRY_OK) return std::nullopt;
    return offset;
  }
  Status set_offset(std::string_view group, std::string_view topic, std::int32_t queue_id, std::int64_t offset) const {
    const auto status =
        table_->offset_set(table_->context, detail::to_bytes(group), detail::to_bytes(topic), queue_id, offset);
    if (status == GANTRY_OK) return {};
    return Error{static_cast<Errc>(status), "the offset of the group was not set"};
  }

  /// One Published for each message, in their order; borrowed until the callback returns.
  using PublishedMany = std::function<void(std::span<const Published>)>;

  /// Publishes at most publish_count_max messages with one append, in order, without interceptors. On success `done` is
  /// called exactly once, on any thread, once what the node promises holds for all; on an error never.
  Status publish(std::span<const Outgoing> messages, PublishedMany done) const {
    struct Publication {
      const gantry_host* host;
      PublishedMany tell;
    };
    auto owned = std::make_unique<Publication>(Publication{host_, std::move(done)});
    std::vector<gantry_outgoing> outgoing;
    outgoing.reserve(messages.size());
    for (const Outgoing& message : messages) outgoing.push_back(detail::to_c(message));
    const auto tell = [](void* arg, const gantry_publish_outcome* outcomes, std::uint64_t stride,
                         std::uint64_t count) noexcept {
      const std::unique_ptr<Publication> self(static_cast<Publication*>(arg));
      detail::guarded_void(
          [&] {
            std::vector<Published> published;
            published.reserve(count);
            for (std::uint64_t i = 0; i < count; ++i) {
              published.push_back(detail::from_c(detail::at_stride(outcomes, stride, i)));
            }
            if (self->tell) self->tell(published);
          },
          [&self](std::string_view thrown) {
            self->host->fault(self->host->context, GANTRY_FAULT_DEGRADED, detail::to_bytes(thrown));
          });
    };
    detail::ErrorBuffer error;
    const auto status = table_->publish_many(table_->context, outgoing.data(), sizeof(gantry_outgoing), outgoing.size(),
                                             tell, owned.get(), error.out());
    if (status != GANTRY_OK) return error.to_error(status);
    static_cast<void>(owned.release());  // tell() frees it
    return {};
  }

  using Fields = std::span<const std::pair<std::string_view, std::string_view>>;

  /// Sends a request without an answer to a live member of the producer group. Errc::not_found when there is none.
  Status ask_producer(std::string_view group, std::int32_t code, Fields fields, std::string_view body) const {
    std::vector<gantry_bytes> pairs;
    pairs.reserve(fields.size() * 2);
    for (const auto& [name, value] : fields) {
      pairs.push_back(detail::to_bytes(name));
      pairs.push_back(detail::to_bytes(value));
    }
    const auto status = table_->ask_producer(table_->context, detail::to_bytes(group), code, pairs.data(), pairs.size(),
                                             detail::to_bytes(body));
    if (status == GANTRY_OK) return {};
    return Error{static_cast<Errc>(status), "no producer of the group [" + std::string(group) + "] is connected"};
  }

  /// [configured] The delays of the levels 1, 2, ... in milliseconds; lives as long as the plugin.
  [[nodiscard]] std::span<const std::int64_t> delay_levels() const noexcept {
    const std::int64_t* ms = nullptr;
    std::uint64_t count = 0;
    table_->delay_levels(table_->context, &ms, &count);
    return {ms, static_cast<std::size_t>(count)};
  }

  /// [configured] The broker's name (broker.name); lives as long as the plugin.
  [[nodiscard]] std::string_view name() const noexcept { return detail::to_view(table_->name(table_->context)); }

 private:
  const gantry_host* host_;
  const gantry_broker* table_;
};

}  // namespace gantry::sdk
