#pragma once
// gantry.interceptor/1 in C++: looks at messages on their way in and may reject, rewrite or re-route them.

#include "gantry/abi/interceptor.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/properties.hpp"
#include "gantry/sdk/result.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace gantry::sdk {

/// One message that a client publishes. A view: valid until Interceptor::publish() returns.
///
/// The setters copy into memory that lives until the message is stored, so their arguments may be temporaries. They
/// answer false when that memory is used up; the message is then as it was.
class Publishing {
 public:
  Publishing(gantry_publishing& message, const gantry_scratch& scratch) noexcept
      : message_(&message), scratch_(&scratch) {}

  [[nodiscard]] std::string_view topic() const noexcept { return detail::to_view(message_->topic); }
  [[nodiscard]] std::string_view properties() const noexcept { return detail::to_view(message_->properties); }
  /// As the client sent it: compressed when sys_flag() says so.
  [[nodiscard]] std::string_view body() const noexcept { return detail::to_view(message_->body); }
  [[nodiscard]] std::string_view producer_group() const noexcept { return detail::to_view(message_->producer_group); }
  [[nodiscard]] const gantry_address& born_host() const noexcept { return message_->born_host; }
  [[nodiscard]] std::int64_t born_ms() const noexcept { return message_->born_ms; }
  [[nodiscard]] std::int32_t queue_id() const noexcept { return message_->queue_id; }
  [[nodiscard]] std::int32_t queue_count() const noexcept { return message_->queue_count; }
  [[nodiscard]] std::int32_t flag() const noexcept { return message_->flag; }
  [[nodiscard]] std::int32_t sys_flag() const noexcept { return message_->sys_flag; }
  [[nodiscard]] std::int32_t reconsume_count() const noexcept { return message_->reconsume_count; }
  [[nodiscard]] std::optional<std::string_view> property(std::string_view name) const {
    return find_property(properties(), name);
  }

  /// An interceptor earlier in the chain has said no. Nothing needs to be done with such a message.
  [[nodiscard]] bool is_rejected() const noexcept { return message_->verdict != GANTRY_VERDICT_ACCEPT; }

  /// Refuses the message. `reason` becomes the remark of the answer, so it should say the remedy; `code` is a RocketMQ
  /// response code, 0 = MESSAGE_ILLEGAL.
  void reject(std::string_view reason, std::int32_t code = 0) noexcept {
    message_->verdict = GANTRY_VERDICT_REJECT;
    message_->reject_code = code;
    if (!put(message_->reject_reason, reason)) message_->reject_reason = {};
  }

  bool set_topic(std::string_view topic) noexcept { return put(message_->topic, topic); }
  bool set_body(std::string_view body) noexcept { return put(message_->body, body); }
  bool set_properties(std::string_view properties) noexcept { return put(message_->properties, properties); }
  /// Sets one property, keeping the others. False also when name or value cannot be written.
  bool set_property(std::string_view name, std::string_view value) {
    return is_writable_property(name, value) && set_properties(with_property(properties(), name, value));
  }
  void set_queue_id(std::int32_t queue_id) noexcept { message_->queue_id = queue_id; }
  void set_flag(std::int32_t flag) noexcept { message_->flag = flag; }
  void set_sys_flag(std::int32_t sys_flag) noexcept { message_->sys_flag = sys_flag; }

  /// The interceptor has seen to what the message asks for: GANTRY_TAKEN_*. False, and nothing done: the broker is too
  /// old to know of it.
  bool take(std::uint32_t wishes) noexcept {
    if (!knows_wishes()) return false;
    message_->taken |= wishes;
    return true;
  }
  [[nodiscard]] bool is_taken(std::uint32_t wish) const noexcept {
    return knows_wishes() && (message_->taken & wish) != 0;
  }
  /// With what the producer may recall the message later; part of the answer.
  bool set_recall_handle(std::string_view handle) noexcept {
    return knows_wishes() && put(message_->recall_handle, handle);
  }

  [[nodiscard]] gantry_publishing& raw() noexcept { return *message_; }

 private:
  [[nodiscard]] bool knows_wishes() const noexcept {
    return message_->struct_size >= offsetof(gantry_publishing, recall_handle) + sizeof(gantry_bytes);
  }
  bool put(gantry_bytes& where, std::string_view bytes) noexcept {
    if (bytes.empty()) {
      where = {};
      return true;
    }
    void* memory = scratch_->allocate(scratch_->context, bytes.size());
    if (memory == nullptr) return false;
    std::memcpy(memory, bytes.data(), bytes.size());
    where = {memory, bytes.size()};
    return true;
  }

  gantry_publishing* message_;
  const gantry_scratch* scratch_;
};

/// The messages of one call, in the order in which they will be stored.
class PublishBatch {
 public:
  PublishBatch(gantry_publishing* messages, std::uint64_t stride, std::uint64_t count,
               const gantry_scratch& scratch) noexcept
      : messages_(messages), stride_(stride), count_(count), scratch_(&scratch) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return count_; }
  [[nodiscard]] Publishing operator[](std::uint64_t index) const noexcept {
    return {detail::at_stride(messages_, stride_, index), *scratch_};
  }

  class Iterator {
   public:
    Iterator(const PublishBatch* batch, std::uint64_t index) noexcept : batch_(batch), index_(index) {}
    Publishing operator*() const noexcept { return (*batch_)[index_]; }
    Iterator& operator++() noexcept {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const noexcept { return index_ != other.index_; }

   private:
    const PublishBatch* batch_;
    std::uint64_t index_;
  };
  [[nodiscard]] Iterator begin() const noexcept { return {this, 0}; }
  [[nodiscard]] Iterator end() const noexcept { return {this, count_}; }

 private:
  gantry_publishing* messages_;
  std::uint64_t stride_;
  std::uint64_t count_;
  const gantry_scratch* scratch_;
};

class Interceptor {
 public:
  static constexpr const char* extension_id = GANTRY_INTERCEPTOR_ID;
  virtual ~Interceptor() = default;

  /// [shard, concurrently on several shards][started] Sees messages before they are stored. Must not block. An Error,
  /// or an exception, means that the interceptor could not do its work: the host undoes its changes to the batch and
  /// lets the plugin's `on_error` option decide.
  virtual Status publish(const PublishBatch& messages) = 0;

  /// [any-thread, concurrently][started] The same for messages that a consumer gave back: retries and dead letters.
  virtual Status send_back(const PublishBatch&) { return {}; }
};

namespace detail {

template <>
struct Accessor<Interceptor> {
  template <typename Plugin>
  static constexpr bool found = requires(Plugin& plugin) {
    { plugin.interceptor() } -> std::convertible_to<Interceptor&>;
  };
  template <typename Plugin>
  static Interceptor& of(Plugin& plugin) {
    return plugin.interceptor();
  }
};

template <typename Instance>
struct InterceptorTrampolines {
  static gantry_status publish(void* self, gantry_publishing* messages, std::uint64_t stride, std::uint64_t count,
                               const gantry_scratch* scratch, gantry_error* error) noexcept {
    return guarded(error, [=] {
      return extension_of<Interceptor>(static_cast<Instance*>(self)->plugin)
          .publish(PublishBatch(messages, stride, count, *scratch));
    });
  }

  static gantry_status send_back(void* self, gantry_publishing* messages, std::uint64_t stride, std::uint64_t count,
                                 const gantry_scratch* scratch, gantry_error* error) noexcept {
    return guarded(error, [=] {
      return extension_of<Interceptor>(static_cast<Instance*>(self)->plugin)
          .send_back(PublishBatch(messages, stride, count, *scratch));
    });
  }
};

template <typename Instance>
inline constexpr gantry_interceptor_table interceptor_table = {sizeof(gantry_interceptor_table), 0,
                                                               &InterceptorTrampolines<Instance>::publish,
                                                               &InterceptorTrampolines<Instance>::send_back};

}  // namespace detail
}  // namespace gantry::sdk
