#include "client/publish_load.hpp"

#include "client/latency_histogram.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gantry::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t receive_bytes = 256 * 1024;
constexpr std::size_t opaque_digits = 10;
constexpr std::size_t key_digits = 32;
constexpr std::int32_t send_message_v2 = 310;
constexpr std::uint32_t first_json_opaque = 1'000'000'000;  // all opaques have ten digits, so frames keep their size

std::int64_t cpu_ns(clockid_t clock) {
  timespec at{};
  if (clock_gettime(clock, &at) != 0) return 0;
  return static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
}

void put_be32(std::string& out, std::uint32_t value) {
  const std::uint32_t be = htonl(value);
  out.append(reinterpret_cast<const char*>(&be), sizeof be);
}

void put_be16(std::string& out, std::uint16_t value) {
  const std::uint16_t be = htons(value);
  out.append(reinterpret_cast<const char*>(&be), sizeof be);
}

std::uint32_t load_be32(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return ntohl(value);
}

/// A published message as the Java client sends it, with the places that change from one to the next.
struct FrameTemplate {
  std::string bytes;
  std::size_t opaque_at = 0;
  std::size_t key_at = 0;
};

constexpr std::string_view blank_key = "7F0000010000000000000000000000AA";
static_assert(blank_key.size() == key_digits);

FrameTemplate json_frame(const PublishLoad& load, std::uint32_t queue_id, const std::string& body) {
  std::string header = R"({"code":310,"extFields":{"a":"bench_producer","b":")" + load.topic +
                       R"(","c":"TBW102","d":"4","e":")" + std::to_string(queue_id) +
                       R"(","f":"0","g":"1700000000000","h":"0","i":"UNIQ_KEY\u0001)";
  FrameTemplate frame;
  frame.key_at = 8 + header.size();
  header += blank_key;
  header += R"(\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002","j":"0","k":"false","m":"false","n":"broker-a"},)"
            R"("flag":0,"language":"JAVA","opaque":)";
  frame.opaque_at = 8 + header.size();
  header += std::to_string(first_json_opaque);
  header += R"(,"serializeTypeCurrentRPC":"JSON","version":479})";
  put_be32(frame.bytes, static_cast<std::uint32_t>(4 + header.size() + body.size()));
  put_be32(frame.bytes, static_cast<std::uint32_t>(header.size()));
  frame.bytes += header + body;
  return frame;
}

FrameTemplate binary_frame(const PublishLoad& load, std::uint32_t queue_id, const std::string& body) {
  FrameTemplate frame;
  std::string fields;
  std::size_t key_in_fields = 0;
  const auto field = [&fields](std::string_view name, std::string_view value) {
    put_be16(fields, static_cast<std::uint16_t>(name.size()));
    fields += name;
    put_be32(fields, static_cast<std::uint32_t>(value.size()));
    fields += value;
    return fields.size() - value.size();
  };
  field("a", "bench_producer");
  field("b", load.topic);
  field("c", "TBW102");
  field("d", "4");
  field("e", std::to_string(queue_id));
  field("f", "0");
  field("g", "1700000000000");
  field("h", "0");
  const std::string properties = "UNIQ_KEY\x01" + std::string(blank_key) + "\x02WAIT\x01true\x02TAGS\x01TagA\x02";
  key_in_fields = field("i", properties) + 9;
  field("j", "0");
  field("k", "false");
  field("m", "false");
  field("n", "broker-a");

  std::string header;
  put_be16(header, send_message_v2);
  header.push_back('\0');  // JAVA
  put_be16(header, 479);
  frame.opaque_at = 8 + header.size();
  put_be32(header, 0);
  put_be32(header, 0);  // flag
  put_be32(header, 0);  // no remark
  put_be32(header, static_cast<std::uint32_t>(fields.size()));
  frame.key_at = 8 + header.size() + key_in_fields;
  header += fields;
  put_be32(frame.bytes, static_cast<std::uint32_t>(4 + header.size() + body.size()));
  put_be32(frame.bytes, static_cast<std::uint32_t>(header.size()) | 0x01000000U);
  frame.bytes += header + body;
  return frame;
}

/// The code of an answer. JSON: the number behind "code":, wherever it stands; binary: the first two bytes.
std::int32_t response_code(const char* frame, std::size_t header_bytes, bool binary) {
  if (binary)
    return static_cast<std::int16_t>((static_cast<unsigned char>(frame[8]) << 8) |
                                     static_cast<unsigned char>(frame[9]));
  const std::string_view header(frame + 8, header_bytes);
  const auto at = header.find("\"code\":");
  std::int32_t code = -1;
  if (at != std::string_view::npos) std::from_chars(header.data() + at + 7, header.data() + header.size(), code);
  return code;
}

class Connection {
 public:
  Connection(const PublishLoad& load, const std::vector<FrameTemplate>& frames, std::uint32_t index,
             std::uint32_t in_flight)
      : load_(load), frames_(frames), next_queue_(index), in_flight_(in_flight), sent_at_(in_flight) {}
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Status open() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(load_.port);
    if (inet_pton(AF_INET, load_.host.c_str(), &address.sin_addr) != 1) {
      return Error{Errc::invalid_argument, "the load's host must be an IPv4 address; found '" + load_.host + "'"};
    }
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      return Error{Errc::io, "connecting to " + load_.host + ":" + std::to_string(load_.port) + ": " +
                                 std::strerror(errno) + "; is the broker running?"};
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
    return {};
  }

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool wants_room() const { return out_sent_ < out_.size(); }
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }

  /// Whether what epoll must watch differs from what it watches; then it is assumed to be changed.
  bool watch_changes() { return std::exchange(watched_room_, wants_room()) != wants_room(); }

  /// Sends until `in_flight` messages are under way.
  Status fill(Clock::time_point now) {
    while (outstanding_ < in_flight_) {
      const FrameTemplate& frame = frames_[next_queue_++ % frames_.size()];
      const std::size_t at = out_.size();
      out_ += frame.bytes;
      stamp(frame, at);
      sent_at_[sequence_ % in_flight_] = now;
      ++sequence_;
      ++outstanding_;
    }
    return flush();
  }

  Status flush() {
    while (out_sent_ < out_.size()) {
      const ssize_t sent = ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EAGAIN) return {};
        return Error{Errc::io, std::string("sending to the broker: ") + std::strerror(errno)};
      }
      out_sent_ += static_cast<std::size_t>(sent);
    }
    out_.clear();
    out_sent_ = 0;
    return {};
  }

  /// Reads what is there; calls `answered(code, latency)` for each answer.
  template <typename Answered>
  Status receive(std::vector<char>& buffer, Answered&& answered) {
    std::copy(tail_.begin(), tail_.end(), buffer.begin());
    const ssize_t got = recv(fd_, buffer.data() + tail_.size(), buffer.size() - tail_.size(), 0);
    if (got == 0) return Error{Errc::io, "the broker closed the connection"};
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return {};
      return Error{Errc::io, std::string("receiving from the broker: ") + std::strerror(errno)};
    }
    const std::size_t filled = tail_.size() + static_cast<std::size_t>(got);
    const Clock::time_point now = Clock::now();
    std::size_t at = 0;
    while (filled - at >= 8) {
      const std::size_t total = 4 + load_be32(buffer.data() + at);
      if (total > buffer.size()) return Error{Errc::corrupt, "an answer of " + std::to_string(total) + " bytes"};
      if (filled - at < total) break;
      const std::size_t header_bytes = std::min<std::size_t>(load_be32(buffer.data() + at + 4) & 0xFFFFFF, total - 8);
      answered(response_code(buffer.data() + at, header_bytes, load_.binary_header),
               now - sent_at_[answered_ % in_flight_]);
      ++answered_;
      --outstanding_;
      at += total;
    }
    tail_.assign(buffer.begin() + static_cast<std::ptrdiff_t>(at),
                 buffer.begin() + static_cast<std::ptrdiff_t>(filled));
    return {};
  }

 private:
  // Ten digits of opaque and a running number in the unique key make every message its own.
  void stamp(const FrameTemplate& frame, std::size_t at) {
    const auto opaque = static_cast<std::uint32_t>(sequence_ % 1'000'000'000);
    if (load_.binary_header) {
      const std::uint32_t be = htonl(opaque);
      std::memcpy(out_.data() + at + frame.opaque_at, &be, sizeof be);
    } else {
      char digits[opaque_digits + 1];
      std::to_chars(digits, digits + opaque_digits, first_json_opaque + opaque);
      std::memcpy(out_.data() + at + frame.opaque_at, digits, opaque_digits);
    }
    constexpr char hex[] = "0123456789ABCDEF";
    char* key = out_.data() + at + frame.key_at + key_digits - 12;
    for (std::uint64_t rest = sequence_, i = 0; i < 12; ++i, rest >>= 4) key[11 - i] = hex[rest & 15];
  }

  const PublishLoad& load_;
  const std::vector<FrameTemplate>& frames_;
  std::uint32_t next_queue_;
  std::uint32_t in_flight_;
  std::vector<Clock::time_point> sent_at_;  // answers of one connection's publishes come in order
  int fd_ = -1;
  std::uint64_t sequence_ = 0;
  std::uint64_t answered_ = 0;
  std::uint32_t outstanding_ = 0;
  std::string out_;
  std::size_t out_sent_ = 0;
  bool watched_room_ = false;
  std::vector<char> tail_;
};

Status check(const PublishLoad& load) {
  if (load.connection_count == 0 || load.connection_count > 10'000) {
    return Error{Errc::invalid_argument,
                 "connections: expected 1 to 10000, found " + std::to_string(load.connection_count)};
  }
  if (load.in_flight < load.connection_count) {
    return Error{Errc::invalid_argument, "in-flight: expected at least one message per connection (" +
                                             std::to_string(load.connection_count) + "), found " +
                                             std::to_string(load.in_flight)};
  }
  if (load.queue_count == 0) return Error{Errc::invalid_argument, "queues: expected at least 1, found 0"};
  if (load.body_bytes == 0 || load.body_bytes > 4U * 1024 * 1024) {
    return Error{Errc::invalid_argument, "size: expected 1 byte to 4 MiB, found " + std::to_string(load.body_bytes)};
  }
  return {};
}

}  // namespace

Result<PublishReport> run_publish_load(const PublishLoad& load) {
  GANTRY_TRY(check(load));
  clockid_t server_clock = CLOCK_MONOTONIC;
  if (load.server_pid != 0 && clock_getcpuclockid(load.server_pid, &server_clock) != 0) {
    return Error{Errc::not_found, "no process has the id " + std::to_string(load.server_pid)};
  }
  const std::string body(load.body_bytes, 'x');
  std::vector<FrameTemplate> frames;
  for (std::uint32_t queue = 0; queue < load.queue_count; ++queue) {
    frames.push_back(load.binary_header ? binary_frame(load, queue, body) : json_frame(load, queue, body));
  }

  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } closer{epoll};
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::uint32_t i = 0; i < load.connection_count; ++i) {
    const std::uint32_t share =
        load.in_flight / load.connection_count + (i < load.in_flight % load.connection_count ? 1 : 0);
    connections.push_back(std::make_unique<Connection>(load, frames, i, share));
    GANTRY_TRY(connections.back()->open());
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections.back()->fd(), &event);
  }

  PublishReport report;
  LatencyHistogram latencies;
  std::vector<char> buffer(receive_bytes);
  bool counting = false;
  const auto start = Clock::now();
  const auto count_from = start + load.warm_up;
  const auto end = count_from + load.duration;
  Clock::time_point counted_from = start;
  std::int64_t server_cpu = 0;
  std::int64_t own_cpu = 0;
  const auto answered = [&](std::int32_t code, Clock::duration latency) {
    if (!counting) return;
    if (code == 0) {
      ++report.message_count;
      latencies.record(std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count());
    } else {
      ++report.refused[code];
    }
  };

  const auto watch = [&](std::uint32_t index) {
    Connection& connection = *connections[index];
    if (!connection.watch_changes()) return;
    epoll_event event{};
    event.events = connection.wants_room() ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u32 = index;
    epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd(), &event);
  };
  for (std::uint32_t i = 0; i < connections.size(); ++i) {
    GANTRY_TRY(connections[i]->fill(Clock::now()));
    watch(i);
  }
  std::vector<epoll_event> events(256);
  for (Clock::time_point now = start; now < end; now = Clock::now()) {
    if (!counting && now >= count_from) {
      counting = true;
      counted_from = now;
      server_cpu = load.server_pid != 0 ? cpu_ns(server_clock) : 0;
      own_cpu = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    }
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      Connection& connection = *connections[events[static_cast<std::size_t>(i)].data.u32];
      if (connection.wants_room()) GANTRY_TRY(connection.flush());
      const std::uint32_t before = connection.outstanding();
      GANTRY_TRY(connection.receive(buffer, answered));
      if (connection.outstanding() != before) GANTRY_TRY(connection.fill(Clock::now()));
      watch(events[static_cast<std::size_t>(i)].data.u32);
    }
  }

  report.seconds = std::chrono::duration<double>(Clock::now() - counted_from).count();
  const double messages = std::max<double>(1, static_cast<double>(report.message_count));
  if (load.server_pid != 0) {
    report.server_cpu_us_per_message = static_cast<double>(cpu_ns(server_clock) - server_cpu) / 1000.0 / messages;
  }
  report.load_cpu_us_per_message = static_cast<double>(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - own_cpu) / 1000.0 / messages;
  report.messages_per_second = static_cast<double>(report.message_count) / report.seconds;
  report.p50_us = latencies.quantile_us(0.50);
  report.p99_us = latencies.quantile_us(0.99);
  report.p999_us = latencies.quantile_us(0.999);
  report.max_us = latencies.quantile_us(1.0);
  return report;
}

}  // namespace gantry::client
