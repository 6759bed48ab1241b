// The part of ScriptHost that is asked by name: filters of subscriptions, and exported functions.

#include "kernel/script/host.hpp"
#include "kernel/script/thread_runners.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <utility>

namespace gantry::script {
namespace {

/// "name", or "name(1, 2.5, 'it''s', true, nil)".
struct NamedCall {
  std::string name;
  std::vector<Value> arguments;
};

class CallParser {
 public:
  explicit CallParser(std::string_view text) : text_(text) {}

  Result<NamedCall> parse() {
    NamedCall call;
    skip_blanks();
    while (at_ < text_.size() && text_[at_] != '(' && !is_blank(text_[at_])) call.name += text_[at_++];
    if (call.name.empty()) return expected("the name of a filter");
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '(') {
      ++at_;
      GANTRY_TRY(parse_arguments(call));
    }
    skip_blanks();
    if (at_ < text_.size()) return expected("the end of the expression");
    return call;
  }

 private:
  static bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  [[nodiscard]] Error expected(std::string_view what) const {
    std::string found = at_ < text_.size() ? "\"" + std::string(text_.substr(at_, 16)) + "\"" : "the end";
    return Error{Errc::invalid_argument, "lua:" + std::string(text_.substr(0, 128)) + ": expected " +
                                             std::string(what) + " at position " + std::to_string(at_ + 5) +
                                             ", found " + found};
  }

  Status parse_arguments(NamedCall& call) {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == ')') return ++at_, Status();
    while (true) {
      if (call.arguments.size() == Runner::argument_count_max - 1) return expected("at most 15 arguments");
      skip_blanks();
      GANTRY_ASSIGN(Value value, parse_value());
      call.arguments.push_back(std::move(value));
      skip_blanks();
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      if (at_ < text_.size() && text_[at_] == ')') return ++at_, Status();
      return expected("\",\" or \")\"");
    }
  }

  Result<Value> parse_value() {
    if (at_ < text_.size() && text_[at_] == '\'') return parse_text();
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != ',' && text_[end] != ')' && !is_blank(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    Value value;
    std::int64_t integer = 0;
    double number = 0;
    const char* const last = word.data() + word.size();
    if (word == "true" || word == "false") {
      value = word == "true";
    } else if (word == "nil") {
      value = std::monostate();
    } else if (const auto read = std::from_chars(word.data(), last, integer);
               read.ec == std::errc() && read.ptr == last) {
      value = integer;
    } else if (const auto real = std::from_chars(word.data(), last, number);
               real.ec == std::errc() && real.ptr == last) {
      value = number;
    } else {
      return expected("a number, a text in single quotes, true, false or nil");
    }
    at_ = end;
    return value;
  }

  Result<Value> parse_text() {
    std::string text;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != '\'') {
        text += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '\'') {
        text += '\'';
        ++at_;
      } else {
        ++at_;
        return Value(std::move(text));
      }
    }
    return expected("a closing quote");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string names_of(const std::map<std::string, Binding, std::less<>>& table) {
  std::string names;
  for (const auto& [name, binding] : table) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none" : names;
}

}  // namespace

class ScriptHost::BoundFilter final : public Filter {
 public:
  BoundFilter(ScriptHost& host, std::string_view topic, std::string_view group)
      : host_(host), topic_(topic), group_(group) {}

  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const override {
    std::fill_n(verdicts, messages.size(), std::uint8_t{1});
    ThreadRunners& runners = host_.here();
    const ScriptSet& set = runners.sync();
    for (const HookKind kind : {HookKind::filter, HookKind::on_deliver}) {
      for (const Binding& binding : set.of(kind)) {
        if (binding.binds(topic_, group_)) host_.run_filter(runners, binding, messages, group_, {}, verdicts);
      }
    }
  }

 private:
  ScriptHost& host_;
  const std::string topic_;
  const std::string group_;
};

class ScriptHost::NamedFilter final : public Filter {
 public:
  NamedFilter(ScriptHost& host, NamedCall call, const Binding& binding)
      : host_(host), call_(std::move(call)), passes_when_gone_(passes_on_error(binding)) {}

  void match(std::span<const gantry_filter_message> messages, std::uint8_t* verdicts) const override {
    std::fill_n(verdicts, messages.size(), std::uint8_t{1});
    ThreadRunners& runners = host_.here();
    const ScriptSet& set = runners.sync();
    const auto found = set.filters.find(call_.name);
    if (found == set.filters.end()) {
      if (!passes_when_gone_.load(std::memory_order_relaxed)) std::fill_n(verdicts, messages.size(), std::uint8_t{0});
      return;
    }
    passes_when_gone_.store(passes_on_error(found->second), std::memory_order_relaxed);
    host_.run_filter(runners, found->second, messages, {}, call_.arguments, verdicts);
  }

 private:
  static bool passes_on_error(const Binding& binding) noexcept {
    return binding.live == nullptr || binding.live->spec.on_error != OnError::reject;
  }

  ScriptHost& host_;
  const NamedCall call_;
  mutable std::atomic<bool> passes_when_gone_;  // what the script's policy was when it was last seen
};

std::shared_ptr<const Filter> ScriptHost::bound_filter(std::string_view topic, std::string_view group) {
  const auto set = set_.load();
  const auto binds = [&](const Binding& binding) { return binding.binds(topic, group); };
  for (const HookKind kind : {HookKind::filter, HookKind::on_deliver}) {
    const auto& bindings = set->of(kind);
    if (std::any_of(bindings.begin(), bindings.end(), binds)) {
      return std::make_shared<BoundFilter>(*this, topic, group);
    }
  }
  return nullptr;
}

Result<std::shared_ptr<const Filter>> ScriptHost::named_filter(std::string_view expression) {
  GANTRY_ASSIGN(NamedCall call, CallParser(expression).parse());
  const auto set = set_.load();
  const auto found = set->filters.find(call.name);
  if (found == set->filters.end()) {
    return Error{Errc::not_found, "lua:" + call.name +
                                      ": expected the name of a script's filter, found none of that "
                                      "name; there are: " +
                                      names_of(set->filters)};
  }
  return std::shared_ptr<const Filter>(std::make_shared<NamedFilter>(*this, std::move(call), found->second));
}

Status ScriptHost::check_function(std::string_view name) const {
  const auto set = set_.load();
  if (set->functions.contains(name)) return {};
  return Error{Errc::not_found, "no script exports a function '" + std::string(name.substr(0, 128)) +
                                    "'; there are: " + names_of(set->functions)};
}

Result<Value> ScriptHost::call_function(std::string_view name, std::span<const Value> arguments,
                                        const gantry_filter_message* message) {
  ThreadRunners& runners = here();
  const ScriptSet& set = runners.sync();
  const auto found = set.functions.find(name);
  if (found == set.functions.end()) return Error{Errc::not_found, "no script exports that function any more"};
  const Script& script = *found->second.live;
  if (script.health.quarantined()) return Error{Errc::unavailable, "the script is quarantined"};
  Runner* runner = runners.of(script);
  Value value;
  Message* shown = nullptr;
  if (message != nullptr) {
    runners.message.show(*message, {});
    shown = &runners.message;
  }
  const std::int64_t began_ns = clock_.steady_ns();
  const Fault fault = runner == nullptr ? Fault::error : runner->call(found->second.hook, arguments, shown, value);
  ScriptMetrics& counts = script.identity->counts;
  counts.calls.add();
  counts.call_ns.record(static_cast<std::uint64_t>(clock_.steady_ns() - began_ns));
  if (fault == Fault::none) return value;
  const std::string text = runner == nullptr ? "the script cannot be loaded in this thread" : runner->fault_text();
  note_fault(script, found->second.hook, fault, text, {}, {});
  if (fault == Fault::memory) runners.drop(script);
  return Error{Errc::internal, text};
}

}  // namespace gantry::script
