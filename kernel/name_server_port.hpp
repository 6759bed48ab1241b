#pragma once
// The NameServer's listener: carries requests to routing::NameServer and its answers back.

#include "kernel/base/channel.hpp"
#include "kernel/base/cidr.hpp"
#include "kernel/net/blocking_pool.hpp"
#include "kernel/routing/name_server.hpp"
#include "protocol/buffer.hpp"
#include "protocol/frame.hpp"
#include "protocol/header.hpp"

#include <memory>
#include <string>

namespace gantry {

/// One per shard. Requests that only look things up are answered at once; those that save a file go through the pool.
class NameServerPort final : public ChannelHandler {
 public:
  /// What all shards share. Everything referred to outlives the shards.
  struct Shared {
    routing::NameServer& name_server;
    Shards& shards;
    net::BlockingPool& pool;
    CidrSet trusted;     ///< peers that may register brokers
    CidrSet allow_from;  ///< peers that may administrate
  };

  explicit NameServerPort(Shared& shared) : shared_(shared) {}

  void on_open(Channel&) override {}
  Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes) override;
  void on_close(Channel& channel, std::string_view reason) override;

 private:
  void serve(Channel& channel, const protocol::FrameView& frame);

  Shared& shared_;
  protocol::HeaderView header_;
  protocol::Scratch scratch_;
  protocol::ByteBuffer out_;
};

}  // namespace gantry
