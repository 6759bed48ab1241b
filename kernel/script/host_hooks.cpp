// The part of ScriptHost that runs hooks over batches of messages.

#include "kernel/script/host.hpp"
#include "kernel/script/thread_runners.hpp"
#include "protocol/properties.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry::script {
namespace {

constexpr std::int32_t system_error = 1;  // clients try it again elsewhere, which is right for a fault of this broker

std::string_view to_text(const gantry_bytes& bytes) noexcept {
  return {static_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}

/// Copies bytes that a script made to where they live until the message is stored.
bool put(gantry_bytes& where, std::string_view bytes, const gantry_scratch& scratch) {
  if (bytes.empty()) {
    where = {};
    return true;
  }
  void* memory = scratch.allocate(scratch.context, bytes.size());
  if (memory == nullptr) return false;
  std::memcpy(memory, bytes.data(), bytes.size());
  where = {memory, bytes.size()};
  return true;
}

void refuse(gantry_publishing& message, std::string_view reason, std::int32_t code, const gantry_scratch& scratch) {
  message.verdict = GANTRY_VERDICT_REJECT;
  message.reject_code = code;
  if (!put(message.reject_reason, reason, scratch)) message.reject_reason = {};
}

/// Takes over what the hook changed; false: there is no memory left for it.
bool take_over(gantry_publishing& to, Message& from, const gantry_scratch& scratch) {
  const Message::Changed changed = from.changed();
  const Message::Fields& fields = from.fields();
  if (changed.topic) {
    if (!put(to.topic, fields.topic, scratch)) return false;
    // A queue of the old topic means nothing in the new one.
    if (!changed.queue) to.queue_id = -1;
  }
  if (changed.properties && !put(to.properties, fields.properties, scratch)) return false;
  if (changed.body) {
    if (!put(to.body, fields.body, scratch)) return false;
    to.sys_flag = fields.sys_flag;
  }
  if (changed.flag) to.flag = fields.flag;
  if (changed.queue) to.queue_id = fields.queue_id;
  return true;
}

bool same_outcome(const Verdict& a, Message& of_a, const Verdict& b, Message& of_b) {
  if (a != b) return false;
  if (!a.accepted) return true;
  if (!of_a.changed().any() && !of_b.changed().any()) return true;
  const Message::Fields& x = of_a.fields();
  const Message::Fields& y = of_b.fields();
  return x.topic == y.topic && x.properties == y.properties && x.body == y.body && x.flag == y.flag &&
         x.queue_id == y.queue_id;
}

/// Time and number of the calls of one batch, noted when it ends.
class BatchMeter {
 public:
  BatchMeter(ThreadRunners& runners, const Script* script, const Clock& clock)
      : runners_(runners), script_(script), clock_(clock), began_ns_(clock.steady_ns()) {}
  BatchMeter(const BatchMeter&) = delete;
  BatchMeter& operator=(const BatchMeter&) = delete;
  ~BatchMeter() {
    if (calls == 0 || script_ == nullptr) return;
    ScriptMetrics& counts = script_->identity->counts;
    counts.calls.add(calls);
    if (rejected > 0) counts.rejected.add(rejected);
    if (changed > 0) counts.changed.add(changed);
    if (differences > 0) counts.differences.add(differences);
    counts.call_ns.record(static_cast<std::uint64_t>(clock_.steady_ns() - began_ns_) / calls);
    runners_.note_memory(*script_);
  }

  std::uint64_t calls = 0;
  std::uint64_t rejected = 0;
  std::uint64_t changed = 0;
  std::uint64_t differences = 0;

 private:
  ThreadRunners& runners_;
  const Script* script_;
  const Clock& clock_;
  const std::int64_t began_ns_;
};

/// Remembers the answer for neighbours with the same topic and group, which most messages of a batch are.
class BoundMemo {
 public:
  explicit BoundMemo(const Binding& binding) : binding_(binding) {}
  bool operator()(std::string_view topic, std::string_view group) {
    if (known_ && topic == topic_ && group == group_) return bound_;
    known_ = true;
    topic_ = topic;
    group_ = group;
    return bound_ = binding_.binds(topic, group);
  }

 private:
  const Binding& binding_;
  bool known_ = false;
  bool bound_ = false;
  std::string_view topic_;
  std::string_view group_;
};

constexpr std::string_view no_runner = "the script cannot be loaded in this thread";

}  // namespace

void ScriptHost::publish(std::span<gantry_publishing> messages, std::span<const std::uint8_t> queue_open,
                         const gantry_scratch& scratch) {
  ThreadRunners& runners = here();
  const ScriptSet& set = runners.sync();
  for (const Binding& binding : set.of(HookKind::on_publish)) run_publishing(runners, binding, messages, scratch);
  if (set.of(HookKind::select_queue).empty()) return;
  // A queue that a publishing hook chose is chosen.
  thread_local std::vector<std::uint8_t> open;
  open.assign(queue_open.begin(), queue_open.end());
  open.resize(messages.size(), 0);
  for (const Binding& binding : set.of(HookKind::select_queue)) run_selectors(runners, binding, messages, open);
}

void ScriptHost::send_back(gantry_publishing& message, const gantry_scratch& scratch) {
  ThreadRunners& runners = here();
  for (const Binding& binding : runners.sync().of(HookKind::on_send_back)) {
    run_publishing(runners, binding, std::span(&message, 1), scratch);
  }
}

void ScriptHost::run_publishing(ThreadRunners& runners, const Binding& binding, std::span<gantry_publishing> messages,
                                const gantry_scratch& scratch) {
  const Script* const script = binding.live;
  const Script* const candidate = binding.candidate;
  BatchMeter meter(runners, script != nullptr ? script : candidate, clock_);
  BoundMemo bound(binding);
  for (gantry_publishing& message : messages) {
    if (message.verdict != GANTRY_VERDICT_ACCEPT || !bound(to_text(message.topic), to_text(message.producer_group))) {
      continue;
    }
    runners.message.show(message);
    runners.verdict.clear();
    Fault fault = Fault::none;
    bool ran = false;
    if (script != nullptr && !script->health.quarantined()) {
      Runner* runner = runners.of(*script);
      ran = runner != nullptr;
      fault = ran ? runner->run(binding.hook, runners.message, runners.verdict) : Fault::error;
      if (fault != Fault::none) {
        note_fault(*script, binding.hook, fault, ran ? runner->fault_text() : std::string(no_runner),
                   protocol::find_property(to_text(message.properties), protocol::property::uniq_key),
                   to_text(message.topic));
        if (fault == Fault::memory) runners.drop(*script);
      }
      ++meter.calls;
    } else if (script == nullptr) {
      ++meter.calls;
    }
    if (candidate != nullptr && !candidate->health.quarantined()) {
      Runner* runner = runners.of(*candidate);
      runners.shadow_message.show(message);
      const Fault failed = runner == nullptr
                               ? Fault::error
                               : runner->run(binding.candidate_hook, runners.shadow_message, runners.shadow_verdict);
      if (failed != Fault::none) {
        note_fault(*candidate, binding.candidate_hook, failed,
                   runner == nullptr ? std::string(no_runner) : runner->fault_text(),
                   protocol::find_property(to_text(message.properties), protocol::property::uniq_key),
                   to_text(message.topic));
        if (failed == Fault::memory) runners.drop(*candidate);
      }
      if (failed != fault ||
          !same_outcome(runners.verdict, runners.message, runners.shadow_verdict, runners.shadow_message)) {
        ++meter.differences;
      }
    }
    if (script == nullptr) continue;
    const bool put_aside = !ran && fault == Fault::none;
    if (fault != Fault::none || put_aside) {
      if (script->spec.on_error == OnError::reject) {
        refuse(message, "the script '" + script->spec.name + "' failed; the broker's log says why", system_error,
               scratch);
        ++meter.rejected;
      }
      continue;
    }
    if (!runners.verdict.accepted) {
      const std::string_view reason = runners.verdict.reason;
      refuse(message, reason.empty() ? "rejected by the script '" + script->spec.name + "'" : std::string(reason),
             runners.verdict.code, scratch);
      ++meter.rejected;
    } else if (runners.message.changed().any()) {
      const gantry_publishing before = message;
      if (!take_over(message, runners.message, scratch)) {
        message = before;
        refuse(message, "a script rewrote more than the broker's memory for one batch holds; send fewer at once",
               system_error, scratch);
      }
      ++meter.changed;
    }
  }
}

void ScriptHost::run_selectors(ThreadRunners& runners, const Binding& binding, std::span<gantry_publishing> messages,
                               std::span<std::uint8_t> open) {
  const Script* const script = binding.live;
  const Script* const candidate = binding.candidate;
  const Script& shown = script != nullptr ? *script : *candidate;
  const std::size_t shown_hook = script != nullptr ? binding.hook : binding.candidate_hook;
  const bool always = shown.hooks[shown_hook].always;
  BatchMeter meter(runners, &shown, clock_);
  BoundMemo bound(binding);
  const auto select = [&](const Script& by, std::size_t hook, gantry_publishing& message, Message& view,
                          Verdict& verdict) {
    verdict.clear();
    if (by.health.quarantined()) return false;
    Runner* runner = runners.of(by);
    view.show(message);
    Fault fault = runner == nullptr ? Fault::error : runner->run(hook, view, verdict);
    std::string text = runner == nullptr ? std::string(no_runner) : std::string();
    if (fault == Fault::none && verdict.queue >= message.queue_count) {
      text = "a select_queue hook answers 0 to msg.queue_count - 1 (" + std::to_string(message.queue_count - 1) +
             "), found " + std::to_string(verdict.queue);
      fault = Fault::error;
      verdict.clear();
    } else if (fault != Fault::none && runner != nullptr) {
      text = runner->fault_text();
    }
    if (fault == Fault::none) return true;
    note_fault(by, hook, fault, text, view.property(protocol::property::uniq_key), to_text(message.topic));
    if (fault == Fault::memory) runners.drop(by);
    return false;
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    gantry_publishing& message = messages[i];
    if (message.verdict != GANTRY_VERDICT_ACCEPT || (open[i] == 0 && !always)) continue;
    // The queues of a topic that a hook chose are not known here; the broker chooses one.
    if (message.queue_count <= 0 || message.queue_id < 0) continue;
    if (!bound(to_text(message.topic), to_text(message.producer_group))) continue;
    ++meter.calls;
    const bool ran = script != nullptr && select(*script, binding.hook, message, runners.message, runners.verdict);
    if (!ran) runners.verdict.clear();
    if (candidate != nullptr) {
      (void)select(*candidate, binding.candidate_hook, message, runners.shadow_message, runners.shadow_verdict);
      if (runners.shadow_verdict.queue != runners.verdict.queue) ++meter.differences;
    }
    if (!ran || runners.verdict.queue < 0) continue;
    if (message.queue_id != runners.verdict.queue) ++meter.changed;
    message.queue_id = runners.verdict.queue;
    open[i] = 0;  // the first one that has an opinion decides
  }
}

void ScriptHost::run_filter(ThreadRunners& runners, const Binding& binding,
                            std::span<const gantry_filter_message> messages, std::string_view group,
                            std::span<const Value> arguments, std::uint8_t* verdicts) {
  const Script* const script = binding.live;
  const Script* const candidate = binding.candidate;
  BatchMeter meter(runners, script != nullptr ? script : candidate, clock_);
  Runner* runner = script != nullptr && !script->health.quarantined() ? runners.of(*script) : nullptr;
  const bool unloadable = script != nullptr && runner == nullptr && !script->health.quarantined();
  const auto fail = [&](const Script& by, std::size_t hook, Fault fault, const std::string& text,
                        const gantry_filter_message& message) {
    runners.message.show(message, group);
    note_fault(by, hook, fault, text, runners.message.property(protocol::property::uniq_key),
               runners.message.fields().topic);
    if (fault == Fault::memory) runners.drop(by);
  };
  const bool passes_on_error = script == nullptr || script->spec.on_error != OnError::reject;
  Runner::Progress done;
  // The usual case: many messages in one call of Lua. What is left when the script is put aside meanwhile goes below.
  while (runner != nullptr && candidate == nullptr && done.at < messages.size()) {
    const Fault fault = runner->filter(binding.hook, runners.message, messages, group, arguments, verdicts, done);
    if (fault == Fault::none) break;
    fail(*script, binding.hook, fault, runner->fault_text(), messages[done.at]);
    if (!passes_on_error) {
      verdicts[done.at] = 0;
      ++done.rejected;
    }
    ++done.at;
    runner = script->health.quarantined() ? nullptr : runners.of(*script);
  }
  meter.calls += done.calls;
  meter.rejected += done.rejected;
  for (std::size_t i = done.at; i < messages.size(); ++i) {
    if (verdicts[i] == 0) continue;
    bool passes = passes_on_error;
    ++meter.calls;
    if (runner != nullptr) {
      runners.message.show(messages[i], group);
      const Fault fault = runner->run(binding.hook, runners.message, runners.verdict, arguments);
      passes = fault == Fault::none ? runners.verdict.accepted : passes_on_error;
      if (fault != Fault::none) {
        fail(*script, binding.hook, fault, runner->fault_text(), messages[i]);
        runner = script->health.quarantined() ? nullptr : runners.of(*script);
      }
    } else if (unloadable && !script->health.quarantined()) {
      fail(*script, binding.hook, Fault::error, std::string(no_runner), messages[i]);
    }
    if (candidate != nullptr && !candidate->health.quarantined()) {
      Runner* shadow = runners.of(*candidate);
      runners.shadow_message.show(messages[i], group);
      const Fault fault = shadow == nullptr ? Fault::error
                                            : shadow->run(binding.candidate_hook, runners.shadow_message,
                                                          runners.shadow_verdict, arguments);
      if (fault != Fault::none) {
        fail(*candidate, binding.candidate_hook, fault,
             shadow == nullptr ? std::string(no_runner) : shadow->fault_text(), messages[i]);
      }
      if (fault != Fault::none || runners.shadow_verdict.accepted != passes) ++meter.differences;
    }
    if (script == nullptr) continue;  // a candidate alone decides nothing
    if (!passes) ++meter.rejected;
    verdicts[i] = passes ? 1 : 0;
  }
}

}  // namespace gantry::script
