#pragma once
// One connection as the rest of the kernel sees it: a place to send bytes to, with a name. What the bytes mean is the
// business of the ChannelHandler; how they travel (plain, TLS) that of net.

#include "gantry/abi/store.h"
#include "gantry/abi/types.h"
#include "kernel/base/executor.hpp"
#include "kernel/base/ids.hpp"
#include "kernel/base/unique_function.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace gantry {

/// A connection, owned by its shard. It lives and dies on that shard, and all functions are [shard].
///
/// What is sent is kept in order and leaves by one writev per loop turn. Bound: while more than the configured
/// `out_bytes_max` is waiting, the channel reads nothing from its peer; it never drops or refuses what is sent.
class Channel {
 public:
  virtual ~Channel() = default;

  /// Unique in this process for ever; also says which shard owns the channel.
  [[nodiscard]] virtual ChannelId id() const noexcept = 0;
  [[nodiscard]] virtual Executor& shard() noexcept = 0;
  /// The other end, and the address by which it reached us (an IPv4-mapped IPv6 address is given as IPv4).
  [[nodiscard]] virtual const gantry_address& peer() const noexcept = 0;
  [[nodiscard]] virtual const gantry_address& local() const noexcept = 0;
  [[nodiscard]] virtual bool is_secure() const noexcept = 0;

  /// Sends a copy of `bytes`.
  virtual void send(std::span<const std::byte> bytes) = 0;

  /// Sends a copy of `head`, then the slices without copying them. `release` runs once they left or the channel closed,
  /// on this shard.
  virtual void send(std::span<const std::byte> head, std::span<const gantry_slice> slices,
                    UniqueFunction<void()> release) = 0;

  /// Bytes sent that the peer has not taken yet.
  [[nodiscard]] virtual std::size_t pending_bytes() const noexcept = 0;

  /// Ends the connection after what is waiting was written (or a short deadline passed). `reason` goes to the log.
  virtual void close(std::string_view reason) = 0;
};

/// What a handler did with the bytes it was shown.
struct Consumed {
  std::size_t bytes = 0;   ///< taken from the front; the rest is shown again with what arrives next
  std::size_t wanted = 0;  ///< size of the whole frame at the front of the rest, when known; 0 otherwise
  std::string_view fault;  ///< not empty: the bytes are beyond repair, close with this reason (text outlives the call)
};

/// Gives bytes their meaning: one per shard and listener, used by that shard only.
class ChannelHandler {
 public:
  virtual ~ChannelHandler() = default;

  /// A connection is ready (after the TLS handshake, if any).
  virtual void on_open(Channel& channel) = 0;

  /// Bytes arrived. `bytes` is valid until the call returns. Everything complete in it should be consumed in this call.
  virtual Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes) = 0;

  /// The connection is gone; `channel` is destroyed after the call.
  virtual void on_close(Channel& channel, std::string_view reason) = 0;
};

}  // namespace gantry
