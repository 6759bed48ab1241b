#pragma once
// A store for tests of this room: it keeps blobs and gives out queue handles, and fails when told to.

#include "gantry/sdk/store.hpp"

#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::routing::testing {

class FakeStore final : public sdk::Store {
 public:
  struct Blob {
    std::string newest;
    std::string backup;
    bool has_newest = false;
    bool has_backup = false;
  };
  std::map<std::string, Blob, std::less<>> blobs;
  int saves = 0;
  int failing_saves = 0;  ///< so many of the next saves fail
  Errc load_error = Errc::ok;
  std::int64_t log_end = 0;  ///< above 0: there are messages
  std::atomic<int> opened{0};

  void put(std::string_view name, std::string content) {
    blobs[std::string(name)] = Blob{std::move(content), {}, true, false};
  }

  void listen(const gantry_store_listener&) override {}
  Result<gantry_queue*> open_queue(std::string_view, std::int32_t) override {
    return reinterpret_cast<gantry_queue*>(static_cast<std::uintptr_t>(0x1000 + 16 * ++opened));
  }
  Bounds bounds(gantry_queue*) override { return {}; }
  void append(std::span<const gantry_append_item>, std::span<gantry_append_result>) override {}
  void want_durable(std::int64_t) override {}
  Status read(const gantry_read_request&, gantry_read_result&) override { return unsupported(); }
  Status read_record(std::int64_t, std::uint32_t, gantry_read_result&) override { return unsupported(); }
  void release(gantry_read_owner*) override {}
  Result<gantry_queue_entry> entry(gantry_queue*, std::int64_t, std::uint32_t) override { return unsupported(); }
  Result<std::int64_t> search_time(gantry_queue*, std::int64_t, std::uint32_t, std::uint32_t) override {
    return unsupported();
  }
  gantry_store_positions positions() override {
    gantry_store_positions out{};
    out.struct_size = sizeof out;
    out.log_end = log_end;
    return out;
  }
  Status delete_topic(std::string_view) override { return {}; }

  Status save_blob(std::string_view name, std::string_view content) override {
    ++saves;
    if (failing_saves > 0) {
      --failing_saves;
      return Error{Errc::io, "no space left on the fake disk"};
    }
    Blob& blob = blobs[std::string(name)];
    blob.backup = std::move(blob.newest);
    blob.has_backup = blob.has_newest;
    blob.newest = content;
    blob.has_newest = true;
    return {};
  }
  Result<std::string> load_blob(std::string_view name, sdk::BlobVersion version) override {
    if (load_error != Errc::ok) return Error{load_error, "the fake disk does not answer"};
    const auto found = blobs.find(name);
    const bool newest = version == sdk::BlobVersion::newest;
    if (found == blobs.end() || !(newest ? found->second.has_newest : found->second.has_backup)) {
      return Error{Errc::not_found, "no such blob"};
    }
    return newest ? found->second.newest : found->second.backup;
  }

 private:
  static Error unsupported() { return Error{Errc::unsupported, "not in tests of this room"}; }
};

}  // namespace gantry::routing::testing
