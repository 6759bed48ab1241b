#pragma once
// What one connection may take: memory, time and turns. The same for servers and clients.

#include <chrono>
#include <cstddef>

namespace gantry::net {

/// Bounds of one connection. Times are measured coarsely (about an eighth of the shortest one, at most one second): a
/// connection is never closed before its time, and normally at most three such steps after it; time in which the loop
/// stood still does not count. 0 switches a time limit off.
struct SessionLimits {
  /// Bytes sent that the peer has not taken. Above it, nothing more is read from this peer until half of it is gone.
  std::size_t out_bytes_max = 16 * 1024 * 1024;

  /// Bytes of one unfinished frame that are kept for this connection; the peer is cut off when its frame needs more.
  std::size_t unfinished_bytes_max = 16 * 1024 * 1024 + 4;

  std::chrono::milliseconds idle_timeout{120'000};        ///< neither read nor written for so long: close
  std::chrono::milliseconds first_byte_timeout{30'000};   ///< accepted, and never sent a byte: close
  std::chrono::milliseconds handshake_timeout{10'000};    ///< TLS handshake begun and not finished: close
  std::chrono::milliseconds frame_timeout{120'000};       ///< a frame begun and not completed: close
  std::chrono::milliseconds write_stall_timeout{60'000};  ///< the peer takes none of what waits for it: close
  std::chrono::milliseconds close_timeout{5'000};         ///< Channel::close() writes what waits for at most this long
  std::chrono::milliseconds linger_timeout{500};          ///< then waits so long for the peer to close its side too
};

}  // namespace gantry::net
