#include "kernel/broker/runtime_info.hpp"

#include "kernel/broker/shared.hpp"
#include "protocol/codes.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace gantry::broker {

namespace {

constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

std::string three_decimals(const std::array<double, 3>& values) {
  std::array<char, 96> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.3f %.3f %.3f", values[0], values[1], values[2]);
  return std::string(text.data(), static_cast<std::size_t>(std::clamp(size, 0, 95)));
}

std::string describe_age(std::int64_t age_ms) {
  const std::int64_t seconds = std::max<std::int64_t>(age_ms, 0) / 1000;
  return "[ " + std::to_string(seconds / 86'400) + " days, " + std::to_string(seconds / 3'600 % 24) + " hours, " +
         std::to_string(seconds / 60 % 60) + " minutes, " + std::to_string(seconds % 60) + " seconds ]";
}

}  // namespace

void RateLog::sample(const Clock& clock, const Counters& counters) {
  const Totals now = totals_of(counters);
  const std::lock_guard lock(mutex_);
  samples_.push_back({clock.steady(), now});
  if (samples_.size() > samples_max) samples_.pop_front();
  if (const std::int64_t today = clock.now_ms() / day_ms; today != day_) {
    midnight_before_ = day_ < 0 ? Totals{} : last_midnight_;
    last_midnight_ = day_ < 0 ? Totals{} : now;
    day_ = today;
  }
}

RateLog::Rates RateLog::rates(const Clock& clock, const Counters& counters) const {
  const Totals now = totals_of(counters);
  Rates rates;
  const std::lock_guard lock(mutex_);
  constexpr std::array<std::chrono::seconds, 3> windows{std::chrono::seconds(10), std::chrono::seconds(60),
                                                        std::chrono::seconds(600)};
  for (std::size_t i = 0; i < windows.size(); ++i) {
    // The youngest sample that is at least as old as the window, or else the oldest.
    const Sample* from = nullptr;
    for (const Sample& sample : samples_) {
      if (from == nullptr || clock.steady() - sample.at >= windows[i]) from = &sample;
    }
    if (from == nullptr) continue;
    const double seconds = std::chrono::duration<double>(clock.steady() - from->at).count();
    if (seconds <= 0) continue;
    rates.put[i] = static_cast<double>(now.put - from->totals.put) / seconds;
    rates.got[i] = static_cast<double>(now.got - from->totals.got) / seconds;
    rates.found[i] = static_cast<double>(now.found - from->totals.found) / seconds;
    rates.missed[i] = static_cast<double>(now.missed - from->totals.missed) / seconds;
  }
  return rates;
}

RateLog::Totals RateLog::at_last_midnight() const {
  const std::lock_guard lock(mutex_);
  return last_midnight_;
}

RateLog::Totals RateLog::at_midnight_before() const {
  const std::lock_guard lock(mutex_);
  return midnight_before_;
}

std::map<std::string, std::string> describe_runtime(Shared& shared) {
  const Counters& counters = shared.counters;
  const Clock& clock = shared.env.clock;
  const RateLog::Rates rates = shared.rates.rates(clock, counters);
  const RateLog::Totals now = RateLog::totals_of(counters);
  const RateLog::Totals today = shared.rates.at_last_midnight();
  const RateLog::Totals yesterday = shared.rates.at_midnight_before();
  const gantry_store_positions positions = shared.env.store.positions();
  std::array<double, 3> total = rates.found;
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += rates.missed[i];

  std::map<std::string, std::string> info;
  info["brokerVersionDesc"] = "V5_3_3";
  info["brokerVersion"] = std::to_string(protocol::version::current);
  info["brokerActive"] = shared.stopping.load() ? "false" : "true";
  info["bootTimestamp"] = std::to_string(shared.started_ms);
  info["startAcceptSendRequestTimeStamp"] = "0";
  info["runtime"] = describe_age(clock.now_ms() - shared.started_ms);
  info["msgPutTotalYesterdayMorning"] = std::to_string(yesterday.put);
  info["msgPutTotalTodayMorning"] = std::to_string(today.put);
  info["msgPutTotalTodayNow"] = std::to_string(now.put);
  info["msgGetTotalYesterdayMorning"] = std::to_string(yesterday.got);
  info["msgGetTotalTodayMorning"] = std::to_string(today.got);
  info["msgGetTotalTodayNow"] = std::to_string(now.got);
  info["putTps"] = three_decimals(rates.put);
  info["getTransferredTps"] = three_decimals(rates.got);
  info["getFoundTps"] = three_decimals(rates.found);
  info["getMissTps"] = three_decimals(rates.missed);
  info["getTotalTps"] = three_decimals(total);
  info["putMessageTimesTotal"] = std::to_string(now.put);
  info["putMessageFailedTimes"] = std::to_string(counters.publish_refused.value());
  info["putMessageSizeTotal"] = std::to_string(counters.publish_bytes.value());
  info["putMessageAverageSize"] =
      std::to_string(now.put == 0 ? 0 : counters.publish_bytes.value() / std::max<std::uint64_t>(now.put, 1));
  info["earliestMessageTimeStamp"] = std::to_string(positions.oldest_store_ms);
  info["commitLogMinOffset"] = std::to_string(positions.log_begin);
  info["commitLogMaxOffset"] = std::to_string(positions.log_end);
  info["remainHowManyDataToFlush"] = std::to_string(positions.log_end - positions.durable_end) + " B";
  const double used = positions.disk_total_bytes <= 0 ? 0.0
                                                      : 1.0 - static_cast<double>(positions.disk_free_bytes) /
                                                                  static_cast<double>(positions.disk_total_bytes);
  info["commitLogDiskRatio"] = std::to_string(used);
  info["consumeQueueDiskRatio"] = std::to_string(used);
  info["commitLogDirCapacity"] = "Total : " + std::to_string(positions.disk_total_bytes >> 20) +
                                 " MiB, Free : " + std::to_string(positions.disk_free_bytes >> 20) + " MiB.";
  // Queue entries are written with the record, nothing is locked in the page cache, and no pools have queues: tools
  // parse these numbers, so they are there, and zero.
  for (const std::string_view key :
       {"dispatchBehindBytes", "dispatchMaxBuffer", "pageCacheLockTimeMills", "putMessageEntireTimeMax",
        "putMessageDistributeTime", "getMessageEntireTimeMax", "timerReadBehind", "timerOffsetBehind",
        "timerCongestNum", "timerEnqueueTps", "timerDequeueTps", "remainTransientStoreBufferNumbs",
        "EndTransactionQueueSize", "EndTransactionThreadPoolQueueCapacity"}) {
    info.emplace(key, "0");
  }
  info["remainHowManyDataToCommit"] = "0 B";
  for (const std::string pool : {"send", "pull", "litePull", "query", "ack"}) {
    info[pool + "ThreadPoolQueueSize"] = "0";
    info[pool + "ThreadPoolQueueCapacity"] = "0";
    info[pool + "ThreadPoolQueueHeadWaitTimeMills"] = "0";
  }
  return info;
}

}  // namespace gantry::broker
