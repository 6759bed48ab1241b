#pragma once
// Calls to NameServers and brokers: connections, opaques, timeouts. What the producers, consumers and tools of this
// library stand on.

#include "gantry/sdk/result.hpp"
#include "kernel/base/channel.hpp"
#include "kernel/base/unique_function.hpp"
#include "protocol/buffer.hpp"
#include "protocol/codes.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/header.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::client {

struct RemotingOptions {
  std::chrono::milliseconds timeout{3'000};  ///< of a call that names none
  std::size_t pending_max = 65'536;          ///< calls under way; further ones fail with Errc::busy
  bool tls = false;                          ///< encrypt all connections
  bool tls_verify = true;                    ///< false accepts any certificate
  std::string tls_ca_file;                   ///< empty: the system's authorities
};

/// An answer, owned.
struct Reply {
  std::int32_t code = 0;  ///< protocol::ResponseCode
  std::string remark;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  [[nodiscard]] bool is_success() const noexcept { return code == 0; }
  /// The field's text; empty when there is none.
  [[nodiscard]] std::string_view field(std::string_view key) const noexcept;
  /// The field as a number; `fallback` when there is none.
  [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t fallback = -1) const noexcept;
  /// "<what>: <code name>: <remark>", for a reply that is not a success.
  [[nodiscard]] Error to_error(std::string_view what) const;
};

/// One connection per address, opened when first needed and again when lost. One thread of its own ("g-shard-0" of a
/// private pool) does the I/O.
///
/// Thread: every public function is [any-thread], except that call() must not be used inside callbacks, which run on
/// the I/O thread and must not block. Life: start(), use, destroy; destruction fails what is under way.
class RemotingClient {
 public:
  using Done = UniqueFunction<void(Result<Reply>)>;
  /// A request from a broker: its header, and its body. Runs on the I/O thread; nothing is answered.
  using OnRequest = UniqueFunction<void(const protocol::HeaderView& header, protocol::ByteView body)>;

  static Result<std::unique_ptr<RemotingClient>> start(const RemotingOptions& options);
  ~RemotingClient();
  RemotingClient(const RemotingClient&) = delete;
  RemotingClient& operator=(const RemotingClient&) = delete;

  /// Sends a request with the fields of `header` (a struct of protocol/*requests.hpp) and waits for its answer.
  template <typename Header>
  Result<Reply> call(const std::string& address, protocol::RequestCode code, const Header& header,
                     std::string_view body = {}) {
    return wait_for(address, encode(code, header, body), options_.timeout);
  }
  template <typename Header>
  Result<Reply> call_within(std::chrono::milliseconds timeout, const std::string& address, protocol::RequestCode code,
                            const Header& header, std::string_view body = {}) {
    return wait_for(address, encode(code, header, body), timeout);
  }
  /// The same without waiting; `done` runs exactly once, on the I/O thread.
  template <typename Header>
  void call_async(std::chrono::milliseconds timeout, const std::string& address, protocol::RequestCode code,
                  const Header& header, std::string_view body, Done done) {
    submit(address, encode(code, header, body), timeout, std::move(done));
  }
  /// Sends a request that is not answered.
  template <typename Header>
  void send_oneway(const std::string& address, protocol::RequestCode code, const Header& header,
                   std::string_view body = {}) {
    submit(address, encode(code, header, body, true), options_.timeout, nullptr);
  }

  /// Before the first call.
  void on_request(OnRequest handler);

  [[nodiscard]] const RemotingOptions& options() const noexcept { return options_; }

 private:
  struct Encoded {
    std::int32_t opaque = 0;
    protocol::ByteBuffer frame;
  };
  struct Impl;

  explicit RemotingClient(const RemotingOptions& options);

  template <typename Header>
  Encoded encode(protocol::RequestCode code, const Header& header, std::string_view body, bool is_oneway = false) {
    Encoded encoded;
    encoded.opaque = next_opaque_.fetch_add(1, std::memory_order_relaxed);
    encoded.frame.reserve(512 + body.size());
    protocol::write_frame(encoded.frame, protocol::request_meta(code, encoded.opaque, is_oneway), header,
                          protocol::as_bytes(body));
    return encoded;
  }

  void submit(const std::string& address, Encoded request, std::chrono::milliseconds timeout, Done done);
  Result<Reply> wait_for(const std::string& address, Encoded request, std::chrono::milliseconds timeout);

  RemotingOptions options_;
  std::atomic<std::int32_t> next_opaque_{1};
  std::unique_ptr<Impl> impl_;
};

/// For requests without fields.
struct NoFields {
  static constexpr std::string_view name = "no fields";
  template <class Self, class Visitor>
  static void visit(Self&, Visitor&) {}
};

}  // namespace gantry::client
