#pragma once
// The listener of the name server: brings requests to routing's NameServer and its answers back.

#include "kernel/base/channel.hpp"
#include "kernel/base/cidr.hpp"
#include "kernel/broker/blocking_pool.hpp"
#include "kernel/broker/request.hpp"
#include "kernel/routing/name_server.hpp"
#include "protocol/buffer.hpp"
#include "protocol/header.hpp"

#include <span>
#include <string_view>

namespace gantry::broker {

struct NameServerPortOptions {
  CidrSet trusted;           ///< peers that may register brokers
  CidrSet admin_allow_from;  ///< peers that may change things
};

/// One per shard that listens for the name server. [shard] What may wait for the disk runs on the pool. All references
/// outlive it, and the pool is stopped before it goes.
class NameServerPort final : public ChannelHandler {
 public:
  NameServerPort(routing::NameServer& server, Shards& shards, BlockingPool& pool, const NameServerPortOptions& options);

  void on_open(Channel& channel) override;
  Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes) override;
  void on_close(Channel& channel, std::string_view reason) override;

 private:
  struct Asker;
  struct OwnedRequest;

  void serve(const Request& request);
  void serve_on_pool(const Request& request);
  [[nodiscard]] Asker asker_of(Channel& channel) const;

  routing::NameServer& server_;
  Shards& shards_;
  BlockingPool& pool_;
  const NameServerPortOptions& options_;
  protocol::HeaderView header_;
  protocol::Scratch scratch_;
  protocol::ByteBuffer out_;
};

}  // namespace gantry::broker
