#pragma once
// Half messages and op records: what their stored records say, and the records that follow from them.

#include "gantry/sdk/messages.hpp"
#include "gantry/sdk/record.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::txn {

/// A half message, or a discarded one. Views into the bytes of its record.
struct HalfMessage {
  sdk::Record record;
  std::string_view real_topic;
  std::string_view group;
  std::string_view uniq_key;  ///< empty in messages of very old clients
  std::int32_t real_queue = 0;
  std::int32_t checks = 0;             ///< how often its producer was asked
  std::int64_t first_half_offset = 0;  ///< of its first copy
  /// How long its producer wants not to be asked; nothing: as the broker has it.
  std::optional<std::int64_t> immunity_ms;

  /// What names the transaction in answers and reports: UNIQ_KEY, or "@<offset of the first copy>".
  [[nodiscard]] std::string id() const;
  /// The same transaction's copies have the same key. It differs from run to run, so that nobody can aim at another
  /// one's transaction.
  [[nodiscard]] std::uint64_t key() const;
};

/// The key of the transaction that a group calls so (HalfMessage::id()).
std::uint64_t key_of(std::string_view group, std::string_view id);

/// Reads a half message, or a discarded one, at the start of `bytes`. The error says what was expected and found.
Result<HalfMessage> read_half_message(std::string_view bytes);

/// How a transaction ended, as an op record of ours says.
enum class Outcome : std::uint8_t { unknown, committed, rolled_back, discarded, superseded };
std::string_view to_string(Outcome outcome) noexcept;

/// Properties of a copy of a half message.
std::string copy_properties(const HalfMessage& half, std::int32_t checks);
/// Properties of the copy in the discard topic.
std::string discard_properties(const HalfMessage& half, std::string_view reason);
/// Properties of a discarded half message that becomes one again.
std::string resume_properties(const HalfMessage& half);

/// Copies of the half message, to any topic; `properties` outlives the use.
sdk::Outgoing make_copy(const HalfMessage& half, std::string_view topic, std::string_view properties);
/// The message that consumers get. `queue_id` is the wanted queue, or -1.
sdk::Outgoing make_committed(const HalfMessage& half, std::int32_t queue_id);

/// An op record's bytes.
struct OpText {
  std::string body;
  std::string properties;
  [[nodiscard]] sdk::Outgoing outgoing(std::int64_t now_ms) const;
};
/// `offsets` are those of the half queue that are done with. Group and id may be empty (superseded copies).
OpText make_op(Outcome outcome, std::string_view group, std::string_view id, const std::vector<std::int64_t>& offsets);

/// What an op record says, of RocketMQ 4, 5 or ours.
struct OpRecord {
  Outcome outcome = Outcome::unknown;
  std::string_view group;  ///< views into the record
  std::string_view id;
  std::vector<std::int64_t> offsets;
};
/// Nothing when it is none; numbers that are none are left out.
std::optional<OpRecord> read_op_record(const sdk::Record& record);

/// The whole text as a number; nothing when it is none, or does not fit.
std::optional<std::int64_t> parse_number(std::string_view text) noexcept;

}  // namespace gantry::txn
