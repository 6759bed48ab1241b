#pragma once
// A pull as a request to one broker, and its answer as a PullResult.

#include "client/consumer.hpp"
#include "protocol/pull_header.hpp"

#include <chrono>
#include <string>

namespace gantry::client {

/// Borrows both arguments.
class PullCall {
 public:
  PullCall(const std::string& group, const PullRequest& request) : group_(group), request_(request) {}

  [[nodiscard]] protocol::PullHeader header() const;
  /// How long to wait for the answer: longer than the broker may hold the request.
  [[nodiscard]] std::chrono::milliseconds timeout() const;

  static Result<PullResult> result_of(const Reply& reply, const std::string& broker_name);

 private:
  const std::string& group_;
  const PullRequest& request_;
};

}  // namespace gantry::client
