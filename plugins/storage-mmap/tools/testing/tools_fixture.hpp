#pragma once
// For tests: a store with messages in several topics, queues and log files, and hands to damage its files.

#include "plugins/storage-mmap/segment.hpp"
#include "plugins/storage-mmap/testing/store_harness.hpp"
#include "plugins/storage-mmap/tools/mmap_tools.hpp"
#include "plugins/storage-mmap/tools/testing/recording_report.hpp"

#include "sdk/check/store_probe.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace gantry::storage_mmap::tools {

class ToolsTest : public ::testing::Test {
 protected:
  struct Stored {
    std::string topic;
    std::int32_t queue = 0;
    std::string body;
    std::int64_t queue_offset = 0;
    std::int64_t log_offset = 0;
    std::uint32_t size = 0;
    std::int64_t store_ms = 0;
  };

  void open() {
    auto opened = check::StoreProbe::open(harness);
    ASSERT_TRUE(opened) << opened.error().text;
    probe = *std::move(opened);
  }
  void close() {
    probe.reset();
    const auto closed = harness.close();
    ASSERT_TRUE(closed) << closed.error().text;
  }
  void crash() {
    harness.crash();  // first: a probe that ends closes its store in order
    probe.reset();
  }
  /// Appends messages over three topics of two queues, with tags and keys.
  void append(int count, std::size_t body_size = 700) {
    for (int i = 0; i < count; ++i) {
      const std::string topic = "topic-" + std::to_string(i % 3);
      const auto queue = probe->queue(topic, i % 2);
      ASSERT_TRUE(queue);
      const auto body = "message " + std::to_string(stored.size()) + " " + std::string(body_size, 'x');
      const auto properties = check::property("TAGS", i % 4 == 0 ? "A" : "B") +
                              check::property("KEYS", "key-" + std::to_string(stored.size())) +
                              check::property("UNIQ_KEY", "unique-" + std::to_string(stored.size()));
      const auto result = probe->append_one(*queue, body, properties);
      ASSERT_TRUE(result) << result.error().text;
      stored.push_back(
          {topic, i % 2, body, result->queue_offset, result->log_offset, result->record_size, result->store_ms});
    }
  }

  [[nodiscard]] MmapTools tools() { return MmapTools(harness.options, harness.surroundings); }
  RecordingReport check(std::uint32_t options = 0) {
    RecordingReport report;
    sdk::StoreQuestion question;
    question.options = options;
    const auto done = tools().check(question, report);
    EXPECT_TRUE(done) << (done ? "" : done.error().text);
    return report;
  }

  /// Overwrites bytes of a file below the root.
  void poke(const std::string& file, std::int64_t position, const std::string& bytes) {
    std::fstream out(harness.path(file), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(out) << file;
    out.seekp(position);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] std::string peek(const std::string& file, std::int64_t position, std::size_t size) {
    std::ifstream in(harness.path(file), std::ios::binary);
    in.seekg(position);
    std::string bytes(size, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(size));
    return bytes;
  }
  [[nodiscard]] std::string segment_of(const Stored& message) const {
    const auto size = static_cast<std::int64_t>(harness.options.segment_size);
    return "commitlog/" + offset_name(message.log_offset / size * size);
  }
  [[nodiscard]] std::int64_t position_of(const Stored& message) const {
    return message.log_offset % static_cast<std::int64_t>(harness.options.segment_size);
  }
  [[nodiscard]] std::string queue_file_of(const Stored& message) const {
    const auto bytes = static_cast<std::int64_t>(harness.options.queue_file_entries) * 20;
    return "consumequeue/" + message.topic + "/" + std::to_string(message.queue) + "/" +
           offset_name(message.queue_offset * 20 / bytes * bytes);
  }
  [[nodiscard]] std::int64_t queue_position_of(const Stored& message) const {
    return message.queue_offset * 20 % (static_cast<std::int64_t>(harness.options.queue_file_entries) * 20);
  }

  MmapHarness harness;
  std::unique_ptr<check::StoreProbe> probe;
  std::vector<Stored> stored;
};

}  // namespace gantry::storage_mmap::tools
