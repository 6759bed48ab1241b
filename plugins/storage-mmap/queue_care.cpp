#include "plugins/storage-mmap/queue_care.hpp"

#include "plugins/storage-mmap/log_scanner.hpp"

#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string_view>
#include <unordered_map>

namespace gantry::storage_mmap {

namespace {

constexpr std::size_t batch_entries = 512;
constexpr std::int64_t batched_entries_max = 2'000'000;  // over all queues of a pass
constexpr auto progress_interval = std::chrono::seconds(1);

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

}  // namespace

/// A queue under repair.
struct QueueCare::Patient {
  MessageQueue* queue = nullptr;
  std::int64_t min = 0;  // what it held when the repair began: [min, end) is to be made again
  std::int64_t end = 0;
  std::int64_t deleted_at = -1;
  std::int64_t first = -1;  // first offset found, and its record
  std::int64_t first_record = -1;
  std::int64_t next = -1;  // behind the last entry taken
  std::int64_t batch_begin = 0;
  std::int64_t holes = 0;
  std::vector<protocol::QueueEntry> batch;
};

void QueueCare::log(std::uint32_t level, std::string_view event, const std::string& text) const {
  if (parts_.surroundings.log) parts_.surroundings.log(level, event, text);
}

bool QueueCare::report(MessageQueue& queue, std::uint32_t repairs, std::string_view why) {
  {
    const std::lock_guard lock(mutex_);
    if (queue.is_repairing() || queue.is_dead() || queue.repairs() != repairs) return false;
    queue.set_repairing(true);
    reported_.push_back(&queue);
    has_work_ = true;
  }
  log(GANTRY_LOG_WARN, "storage.queue_damaged",
      "queue=" + queue.name() + " why=\"" + std::string(why) + "\" its entries are made again from the log");
  return true;
}

bool QueueCare::is_unfinished() const {
  const auto queues = parts_.queues.all();
  return std::any_of(queues.begin(), queues.end(), [](const MessageQueue* queue) { return queue->is_repairing(); });
}

Status QueueCare::check_all() {
  std::uint64_t checked = 0;
  std::uint64_t wrong = 0;
  auto next_progress = std::chrono::steady_clock::now() + progress_interval;
  const auto queues = parts_.queues.all();
  for (auto* queue : queues) {
    if (parts_.stopping()) return {};
    QueueFiles::Finding found;
    const auto repairs = queue->repairs();
    {
      // Under the lock, so that no file of it comes or goes meanwhile.
      const std::lock_guard lock(parts_.files_mutex);
      if (queue->is_dead() || queue->is_repairing()) continue;
      GANTRY_ASSIGN(found, parts_.files.check(*queue, queue->extent()));
    }
    ++checked;
    if (!found.foreign.empty()) {
      log(GANTRY_LOG_WARN, "storage.foreign_file",
          "file=" + found.foreign + " expected consume-queue files only; RocketMQ refuses to start with such a file");
    }
    if (!found.wrong.empty() && report(*queue, repairs, found.wrong)) ++wrong;
    if (std::chrono::steady_clock::now() >= next_progress) {
      next_progress += progress_interval;
      log(GANTRY_LOG_INFO, "storage.checking_queues",
          "checked=" + std::to_string(checked) + " of=" + std::to_string(queues.size()) +
              " damaged=" + std::to_string(wrong));
    }
  }
  if (wrong > 0) {
    log(GANTRY_LOG_WARN, "storage.queues_checked",
        "checked=" + std::to_string(checked) + " damaged=" + std::to_string(wrong));
  }
  return put_strangers_aside();
}

Status QueueCare::put_strangers_aside() {
  GANTRY_ASSIGN(const auto names, parts_.files.list());
  for (const auto& name : names) {
    if (parts_.stopping()) return {};
    const std::lock_guard lock(parts_.files_mutex);
    if (parts_.queues.find(name.topic, name.id) != nullptr) continue;
    GANTRY_TRY(parts_.files.put_aside(name, parts_.damaged_folder));
    log(GANTRY_LOG_WARN, "storage.queue_unknown",
        "queue=" + name.topic + "/" + std::to_string(name.id) + " folder=" + parts_.damaged_folder +
            " neither the ledger nor the log behind it has messages of this queue; its files are put aside");
  }
  return {};
}

Status QueueCare::begin(Patient& patient) {
  const std::lock_guard lock(parts_.files_mutex);
  auto& queue = *patient.queue;
  const auto extent = queue.extent();
  patient.min = extent.min;
  patient.end = queue.is_dead() ? extent.min : extent.written;
  patient.deleted_at = parts_.deleted_at(queue.topic());
  if (queue.is_dead()) return {};
  return parts_.files.remove(queue);
}

Status QueueCare::flush(Patient& patient) {
  if (patient.batch.empty()) return {};
  const std::lock_guard lock(parts_.files_mutex);
  if (!patient.queue->is_dead()) GANTRY_TRY(parts_.files.write(*patient.queue, patient.batch_begin, patient.batch));
  patient.batch.clear();
  return {};
}

Status QueueCare::take(Patient& patient, const protocol::RecordView& record, std::int64_t position) {
  const auto offset = record.queue_offset;
  if (offset < patient.min || offset >= patient.end || offset < patient.next || position < patient.deleted_at) {
    return {};
  }
  if (patient.first < 0) {
    patient.first = offset;
    patient.first_record = position;
  } else if (offset > patient.next) {
    GANTRY_TRY(flush(patient));
    patient.holes += offset - patient.next;
    const std::lock_guard lock(parts_.files_mutex);
    if (!patient.queue->is_dead()) GANTRY_TRY(parts_.files.write_blanks(*patient.queue, patient.next, offset));
  }
  if (patient.batch.empty()) patient.batch_begin = offset;
  const auto tag = protocol::entry_tag(parts_.delay_levels_ms, record.topic, record.properties);
  patient.batch.push_back({position, static_cast<std::int32_t>(record.size), tag.at(record.store_ms)});
  patient.next = offset + 1;
  return {};
}

Status QueueCare::finish(Patient& patient) {
  GANTRY_TRY(flush(patient));
  auto& queue = *patient.queue;
  const std::lock_guard lock(parts_.files_mutex);
  if (!queue.is_dead()) {
    const auto next = patient.first < 0 ? patient.end : patient.next;
    if (next < patient.end) {
      patient.holes += patient.end - next;
      GANTRY_TRY(parts_.files.write_blanks(queue, next, patient.end));
    }
    if (patient.first < 0) {
      queue.set_min(patient.end, -1);
      // Entries that came meanwhile may have made the file.
      if (queue.extent().written > patient.end) {
        GANTRY_TRY(parts_.files.write_blanks(queue, parts_.files.file_begin(patient.end), patient.end));
      }
    } else {
      GANTRY_TRY(parts_.files.write_blanks(queue, parts_.files.file_begin(patient.first), patient.first));
      queue.set_min(patient.first, patient.first_record);
    }
  }
  if (patient.holes > 0) {
    log(GANTRY_LOG_ERROR, "storage.queue_gap",
        "queue=" + queue.name() + " offsets=" + std::to_string(patient.holes) +
            " between=" + std::to_string(patient.first) + " and=" + std::to_string(patient.end) +
            " have no whole record in the log any more; consumers skip them");
  }
  return {};
}

Status QueueCare::repair_reported() {
  std::vector<Patient> patients;
  {
    const std::lock_guard lock(mutex_);
    for (auto* queue : reported_) patients.emplace_back().queue = queue;
    reported_.clear();
    has_work_ = false;
  }
  if (patients.empty()) return {};
  const auto give_back = [&] {
    const std::lock_guard lock(mutex_);
    for (const auto& patient : patients) reported_.push_back(patient.queue);
    has_work_ = true;
  };
  std::unordered_map<std::string, std::vector<Patient*>, NameHash, std::equal_to<>> by_topic;
  for (auto& patient : patients) {
    if (auto begun = begin(patient); !begun) {
      give_back();
      return begun;
    }
    by_topic[patient.queue->topic()].push_back(&patient);
  }
  // What ends behind it has its entries in memory: they are written by the checkpoint, as always.
  const auto from = parts_.log.begin();
  const auto until = parts_.log.durable_end();
  LogScanner scanner(parts_.log, parts_.disk, LogScanner::Cache::drop);
  auto next_progress = std::chrono::steady_clock::now() + progress_interval;
  std::int64_t batched = 0;
  std::int64_t records = 0;
  const auto pass = [&]() -> Status {
    for (auto position = from; position < until;) {
      protocol::RecordView view;
      std::string reason;
      GANTRY_ASSIGN(auto item, scanner.inspect(position, view, reason));
      if (item == LogItem::end) {
        const auto damaged_at = position;
        GANTRY_ASSIGN(const auto found, scanner.find_record(position + 1, until));
        position = found >= 0 ? found : scanner.next(position, LogItem::blank, view);
        if (damaged_at < parts_.log.begin()) continue;  // that file was removed meanwhile
        log(GANTRY_LOG_ERROR, "storage.log_damaged",
            "log_offset=" + std::to_string(damaged_at) + " bytes=" + std::to_string(position - damaged_at) +
                " reason=\"" + reason + "\" the messages there are lost");
        continue;
      }
      if (item == LogItem::record) {
        ++records;
        const auto found = by_topic.find(view.topic);
        if (found != by_topic.end() && protocol::sys_flag::takes_queue_offset(view.sys_flag)) {
          for (auto* patient : found->second) {
            if (patient->queue->id() != view.queue_id) continue;
            GANTRY_TRY(take(*patient, view, position));
            ++batched;
            if (patient->batch.size() >= batch_entries) GANTRY_TRY(flush(*patient));
          }
        }
        if (batched >= batched_entries_max) {
          for (auto& patient : patients) GANTRY_TRY(flush(patient));
          batched = 0;
        }
      }
      position = scanner.next(position, item, view);
      if ((records & 0xFFF) != 0) continue;
      if (parts_.stopping()) return Error{Errc::unavailable, "the store stops"};
      if (std::chrono::steady_clock::now() < next_progress) continue;
      next_progress += progress_interval;
      log(GANTRY_LOG_INFO, "storage.rebuilding_queues",
          "queues=" + std::to_string(patients.size()) + " log_offset=" + std::to_string(position) +
              " of=" + std::to_string(until) + " percent=" + std::to_string((position - from) * 100 / (until - from)) +
              " records=" + std::to_string(records));
    }
    for (auto& patient : patients) GANTRY_TRY(finish(patient));
    const std::lock_guard lock(parts_.files_mutex);
    return parts_.files.sync();
  };
  if (auto done = pass(); !done) {
    give_back();
    return done;
  }
  for (const auto& patient : patients) patient.queue->set_repairing(false);
  repaired_.fetch_add(patients.size(), std::memory_order_relaxed);
  log(GANTRY_LOG_INFO, "storage.queues_rebuilt",
      "queues=" + std::to_string(patients.size()) + " records_read=" + std::to_string(records) +
          " log_begin=" + std::to_string(from) + " log_end=" + std::to_string(until));
  return {};
}

}  // namespace gantry::storage_mmap
