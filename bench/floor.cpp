// The least that any server could do for a published message: read the socket, find the frame's end, copy the frame
// into a mapped, preallocated file, and answer. One thread, plain epoll. Every figure of the design check is stated as
// a multiple of this program's CPU time, measured in the same run with the same bytes.
//
//   gantry-floor --port 0 --file PATH [--file-bytes N]
//
// It prints "port <n>" when it listens and ends on SIGTERM. It speaks just enough to keep a load generator happy: each
// frame is answered with a constant send response that carries the frame's opaque.

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t frame_bytes_max = 16 * 1024 * 1024;
volatile std::sig_atomic_t stopping = 0;

std::uint32_t load_be32(const char* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return ntohl(value);
}

// The answer to every frame, as long as a real one: only the opaque differs.
struct Answer {
  std::string bytes;
  std::size_t opaque_at = 0;

  Answer() {
    const std::string opaque = "0000000000";
    const std::string before = R"({"code":0,"language":"CPP","version":479,"opaque":)";
    // Numbers have no leading zeros in JSON; the load generator of this tree tolerates padding with blanks.
    const std::string after =
        R"(,"flag":1,"extFields":{"msgId":"7F00000100002A9F0000000000000000","queueId":"0","queueOffset":"0000000",)"
        R"("transactionId":"7F000001000000000000000000000000","MSG_REGION":"DefaultRegion","TRACE_ON":"true"}})";
    const std::string header = before + opaque + after;
    const std::uint32_t total = htonl(static_cast<std::uint32_t>(4 + header.size()));
    const std::uint32_t length = htonl(static_cast<std::uint32_t>(header.size()));
    bytes.append(reinterpret_cast<const char*>(&total), 4);
    bytes.append(reinterpret_cast<const char*>(&length), 4);
    bytes += header;
    opaque_at = 8 + before.size();
  }
};

// The digits of "opaque": in a JSON header, copied as text. This is the only look into the header.
void copy_opaque(std::string_view header, char* out) {
  std::memset(out, ' ', 10);
  const auto at = header.find("\"opaque\":");
  if (at == std::string_view::npos) {
    out[9] = '0';
    return;
  }
  for (std::size_t i = at + 9, n = 0; i < header.size() && n < 10; ++i, ++n) {
    if (header[i] != '-' && (header[i] < '0' || header[i] > '9')) break;
    out[n] = header[i];
  }
}

struct Connection {
  int fd = -1;
  std::vector<char> tail;  // an unfinished frame
  std::string out;         // what the peer did not take at once
  std::size_t out_sent = 0;
  bool waiting_for_room = false;
};

class Floor {
 public:
  Floor(int listener, char* map, std::size_t map_bytes)
      : listener_(listener),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        map_(map),
        map_bytes_(map_bytes),
        buffer_(frame_bytes_max) {
    watch(listener_, EPOLLIN, nullptr);
  }

  void run() {
    epoll_event events[64];
    while (!stopping) {
      const int count = epoll_wait(epoll_, events, 64, 200);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == nullptr) {
          accept_one();
        } else {
          serve(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t events, Connection* connection) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_one() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    watch(fd, EPOLLIN, connection.get());
    connections_.push_back(std::move(connection));
  }

  void serve(Connection& c, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !flush(c)) return;
    if ((events & EPOLLIN) == 0) return;
    const std::size_t kept = c.tail.size();
    if (kept > 0) std::memcpy(buffer_.data(), c.tail.data(), kept);
    const ssize_t got = recv(c.fd, buffer_.data() + kept, std::min(chunk_bytes, buffer_.size() - kept), 0);
    if (got <= 0) {
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) drop(c);
      return;
    }
    const std::size_t filled = kept + static_cast<std::size_t>(got);
    std::size_t at = 0;
    while (filled - at >= 8) {
      const std::size_t total = 4 + load_be32(buffer_.data() + at);
      if (total > frame_bytes_max) return drop(c);
      if (filled - at < total) break;
      store(buffer_.data() + at, total);
      const std::size_t header_bytes = load_be32(buffer_.data() + at + 4) & 0xFFFFFF;
      copy_opaque({buffer_.data() + at + 8, std::min(header_bytes, total - 8)},
                  answer_.bytes.data() + answer_.opaque_at);
      c.out += answer_.bytes;
      at += total;
    }
    c.tail.assign(buffer_.begin() + static_cast<std::ptrdiff_t>(at),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(filled));
    flush(c);
  }

  void store(const char* frame, std::size_t size) {
    if (position_ + size > map_bytes_) position_ = 0;
    std::memcpy(map_ + position_, frame, size);
    position_ += size;
  }

  // Sends what is waiting; false when the peer takes no more for now or is gone.
  bool flush(Connection& c) {
    while (c.out_sent < c.out.size()) {
      const ssize_t sent = send(c.fd, c.out.data() + c.out_sent, c.out.size() - c.out_sent, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) {
        wait_for(c, true);
        return false;
      }
      if (sent < 0) {
        drop(c);
        return false;
      }
      c.out_sent += static_cast<std::size_t>(sent);
    }
    c.out.clear();
    c.out_sent = 0;
    if (c.waiting_for_room) wait_for(c, false);
    return true;
  }

  void wait_for(Connection& c, bool room) {
    c.waiting_for_room = room;
    epoll_event event{};
    event.events = room ? EPOLLOUT : EPOLLIN;
    event.data.ptr = &c;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
  }

  // The slot stays until the end: a bench has a handful of connections.
  static void drop(Connection& c) {
    close(c.fd);
    c.fd = -1;
  }

  int listener_;
  int epoll_;
  char* map_;
  std::size_t map_bytes_;
  std::size_t position_ = 0;
  std::vector<char> buffer_;
  Answer answer_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  int port = 0;
  std::string path = "floor.dat";
  std::size_t file_bytes = 1024ULL * 1024 * 1024;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    if (key == "--port") port = std::atoi(argv[i + 1]);
    if (key == "--file") path = argv[i + 1];
    if (key == "--file-bytes") file_bytes = std::strtoull(argv[i + 1], nullptr, 10);
  }
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0 || posix_fallocate(file, 0, static_cast<off_t>(file_bytes)) != 0) {
    std::fprintf(stderr, "cannot make %s of %zu bytes: %s\n", path.c_str(), file_bytes, std::strerror(errno));
    return 1;
  }
  void* map = mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (map == MAP_FAILED) {
    std::perror("mmap");
    return 1;
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 128) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("listen");
    return 1;
  }
  std::signal(SIGTERM, [](int) { stopping = 1; });
  std::signal(SIGINT, [](int) { stopping = 1; });
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  Floor(listener, static_cast<char*>(map), file_bytes).run();
  return 0;
}
