#pragma once
// A message as scripts see it, and what they want done with it.

#include "gantry/abi/filter.h"
#include "gantry/abi/interceptor.h"
#include "protocol/buffer.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::script {

/// Where a script's function is called.
enum class HookKind : std::uint8_t { filter, on_publish, select_queue, on_deliver, on_send_back, function };
inline constexpr std::size_t hook_kind_count = 6;

constexpr std::string_view to_string(HookKind kind) noexcept {
  constexpr std::string_view names[] = {"filter",     "on_publish",   "select_queue",
                                        "on_deliver", "on_send_back", "function"};
  return names[static_cast<std::size_t>(kind)];
}

/// A reusable view of one message; owns nothing but what a script put in place of what was there. Reading decodes only
/// what is asked for. One thread at a time; does not move (it refers to itself).
class Message {
 public:
  Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // ---- what it shows from now on; bytes are borrowed until the next of these calls ----

  /// A stored record whose properties are known. Nothing else of it is read until it is asked for.
  void show(const gantry_filter_message& stored, std::string_view group) noexcept;
  void show(const gantry_publishing& publishing) noexcept;
  /// Free-standing fields, for tests of scripts and what the broker publishes itself.
  struct Fields {
    std::string_view topic, properties, body, group;
    gantry_address born_host{};
    std::int64_t born_ms = 0, store_ms = 0, queue_offset = 0;
    std::int32_t queue_id = 0, queue_count = 0, flag = 0, sys_flag = 0, reconsume_count = 0;
  };
  void show(const Fields& fields) noexcept;

  // ---- reading ----

  /// Everything but the record's lazily decoded part is there without this call. False: the record is damaged.
  [[nodiscard]] const Fields& fields() noexcept {
    if (record_.size != 0) decode();
    return fields_;
  }
  /// Empty when it is absent.
  [[nodiscard]] std::string_view property(std::string_view name) noexcept {
    // One or two are found faster than all are indexed.
    if (index_size_ == unindexed && ++lookups_ > 2) index();
    if (index_size_ > index_max) return protocol::find_property(fields_.properties, name);
    for (std::size_t i = index_size_; i > 0; --i) {  // of equal names the last one counts
      const protocol::Property& each = index_[i - 1];
      if (each.name == name) return each.value;
    }
    return {};
  }
  [[nodiscard]] std::string_view properties() const noexcept { return fields_.properties; }
  [[nodiscard]] std::string_view group() const noexcept { return fields_.group; }

  // ---- writing; the message shows the new state at once ----

  void set_topic(std::string_view topic);
  void set_body(std::string_view body, std::int32_t sys_flag);
  void set_flag(std::int32_t flag) noexcept;
  void set_queue(std::int32_t queue) noexcept;
  /// An empty value removes it. False: name or value cannot be written.
  bool set_property(std::string_view name, std::string_view value);

  struct Changed {
    bool topic = false, properties = false, body = false, flag = false, queue = false;
    friend bool operator==(const Changed&, const Changed&) = default;
    [[nodiscard]] bool any() const noexcept { return topic || properties || body || flag || queue; }
  };
  [[nodiscard]] const Changed& changed() const noexcept { return changed_; }

 private:
  static constexpr std::size_t index_max = 64;
  static constexpr std::size_t unindexed = index_max + 1;
  static constexpr std::size_t overfull = index_max + 2;

  void restart() noexcept {
    record_ = {};
    index_size_ = unindexed;
    lookups_ = 0;
    changed_ = {};
  }
  void index() noexcept;
  void decode() noexcept;

  Fields fields_;
  gantry_bytes record_{};  // not decoded yet
  std::size_t index_size_ = unindexed;
  std::uint32_t lookups_ = 0;
  std::array<protocol::Property, index_max> index_;
  Changed changed_;
  std::string topic_;
  std::string body_;
  protocol::ByteBuffer properties_;
  protocol::ByteBuffer spare_;
};

/// What a hook wants done. Reused: clear() keeps the memory.
struct Verdict {
  bool accepted = true;  ///< filter: matches; on_deliver: delivered
  std::int32_t code = 0;
  std::int32_t queue = -1;  ///< select_queue; -1: no opinion
  std::string reason;

  void clear() noexcept {
    accepted = true;
    code = 0;
    queue = -1;
    reason.clear();
  }
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

}  // namespace gantry::script
