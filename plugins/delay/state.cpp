#include "plugins/delay/state.hpp"

#include "plugins/delay/codec.hpp"
#include "plugins/delay/crc32c.hpp"

#include <algorithm>
#include <optional>

namespace gantry::delay {
namespace {

constexpr std::uint8_t snapshot_frame = 1;
constexpr std::uint8_t step_frame = 2;
constexpr std::uint32_t format_version = 1;

template <typename T>
void put_all(std::string& out, const std::vector<T>& values) {
  put_value(out, static_cast<std::uint32_t>(values.size()));
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
template <typename T>
void take_all(ValueReader& in, std::vector<T>& values) {
  values.resize(in.take_count(sizeof(T)));
  for (T& value : values) value = in.take<T>();
}

void put_levels(std::string& out, const std::map<std::int32_t, std::int64_t>& levels) {
  put_value(out, static_cast<std::uint32_t>(levels.size()));
  for (const auto& [level, offset] : levels) {
    put_value(out, level);
    put_value(out, offset);
  }
}
void take_levels(ValueReader& in, std::map<std::int32_t, std::int64_t>& levels) {
  for (std::size_t left = in.take_count(12); left > 0; --left) {
    const auto level = in.take<std::int32_t>();
    levels[level] = in.take<std::int64_t>();
  }
}

std::string framed(const std::string& payload) {
  std::string frame;
  frame.reserve(payload.size() + 8);
  put_value(frame, static_cast<std::uint32_t>(payload.size()));
  put_value(frame, crc32c(payload.data(), payload.size()));
  frame += payload;
  return frame;
}

/// The payload of the frame at the front, which is taken off; nothing when there is no whole one.
std::optional<std::string_view> take_frame(std::string_view& content) {
  ValueReader header(content);
  const auto size = header.take<std::uint32_t>();
  const auto checksum = header.take<std::uint32_t>();
  const std::string_view payload = header.take_text(size);
  if (!header.ok() || payload.empty() || crc32c(payload.data(), payload.size()) != checksum) return std::nullopt;
  content.remove_prefix(payload.size() + 8);
  return payload;
}

std::optional<Snapshot> decode_snapshot(std::string_view payload) {
  ValueReader in(payload);
  if (in.take<std::uint8_t>() != snapshot_frame || in.take<std::uint32_t>() != format_version) return std::nullopt;
  Snapshot snapshot;
  snapshot.log_end_needed = in.take<std::int64_t>();
  snapshot.scan_offset = in.take<std::int64_t>();
  take_all(in, snapshot.retired);
  snapshot.next_run_id = in.take<std::uint64_t>();
  take_all(in, snapshot.runs);
  for (std::size_t left = in.take_count(13); left > 0; --left) {
    const auto hash = in.take<std::uint32_t>();
    TopicCount& count = snapshot.run_counts[hash];
    count.pending = in.take<std::int64_t>();
    count.name = in.take_text(in.take<std::uint8_t>());
  }
  take_all(in, snapshot.cancels);
  take_levels(in, snapshot.levels);
  snapshot.watermark = in.take<Watermark>();
  if (!in.complete()) return std::nullopt;
  return snapshot;
}

std::optional<Step> decode_step(std::string_view payload) {
  ValueReader in(payload);
  if (in.take<std::uint8_t>() != step_frame) return std::nullopt;
  Step step;
  step.log_end_needed = in.take<std::int64_t>();
  take_all(in, step.retired);
  take_all(in, step.runs);
  for (std::size_t left = in.take_count(8); left > 0; --left) {
    const auto hash = in.take<std::uint32_t>();
    step.run_counts[hash] = in.take<std::uint32_t>();
  }
  take_all(in, step.cancels);
  take_levels(in, step.levels);
  if (!in.complete()) return std::nullopt;
  return step;
}

}  // namespace

std::string encode_frame(const Snapshot& snapshot) {
  std::string payload;
  put_value(payload, snapshot_frame);
  put_value(payload, format_version);
  put_value(payload, snapshot.log_end_needed);
  put_value(payload, snapshot.scan_offset);
  put_all(payload, snapshot.retired);
  put_value(payload, snapshot.next_run_id);
  put_all(payload, snapshot.runs);
  put_value(payload, static_cast<std::uint32_t>(snapshot.run_counts.size()));
  for (const auto& [hash, count] : snapshot.run_counts) {
    const std::string_view name = std::string_view(count.name).substr(0, UINT8_MAX);
    put_value(payload, hash);
    put_value(payload, count.pending);
    put_value(payload, static_cast<std::uint8_t>(name.size()));
    payload += name;
  }
  put_all(payload, snapshot.cancels);
  put_levels(payload, snapshot.levels);
  put_value(payload, snapshot.watermark);
  return framed(payload);
}

std::string encode_frame(const Step& step) {
  std::string payload;
  put_value(payload, step_frame);
  put_value(payload, step.log_end_needed);
  put_all(payload, step.retired);
  put_all(payload, step.runs);
  put_value(payload, static_cast<std::uint32_t>(step.run_counts.size()));
  for (const auto& [hash, count] : step.run_counts) {
    put_value(payload, hash);
    put_value(payload, count);
  }
  put_all(payload, step.cancels);
  put_levels(payload, step.levels);
  return framed(payload);
}

void apply(Snapshot& to, const Step& step) {
  to.log_end_needed = std::max(to.log_end_needed, step.log_end_needed);
  to.retired.insert(to.retired.end(), step.retired.begin(), step.retired.end());
  for (const auto& [id, retired] : step.runs) {
    for (RunState& run : to.runs) {
      if (run.id == id) run.retired = std::max(run.retired, retired);
    }
  }
  for (const auto& [hash, count] : step.run_counts) {
    if (const auto found = to.run_counts.find(hash); found != to.run_counts.end()) found->second.pending -= count;
  }
  to.cancels.insert(to.cancels.end(), step.cancels.begin(), step.cancels.end());
  for (const auto& [level, offset] : step.levels) to.levels[level] = offset;
}

Result<Snapshot> replay_state(std::string_view content, std::int64_t log_end) {
  const auto first = take_frame(content);
  auto snapshot = first ? decode_snapshot(*first) : std::nullopt;
  if (!snapshot) return Error{Errc::corrupt, "expected a snapshot at its start, found none that is whole"};
  if (snapshot->log_end_needed > log_end) {
    return Error{Errc::not_found, "it relies on a log that reaches to " + std::to_string(snapshot->log_end_needed) +
                                      ", but the log ends at " + std::to_string(log_end)};
  }
  while (const auto payload = take_frame(content)) {
    const auto step = decode_step(*payload);
    if (!step || step->log_end_needed > log_end) break;
    apply(*snapshot, *step);
  }
  return *std::move(snapshot);
}

std::filesystem::path state_path(const std::filesystem::path& folder, std::uint64_t generation) {
  return folder / ("state-" + std::to_string(generation));
}

}  // namespace gantry::delay
