#include "kernel/broker/selector.hpp"

#include "kernel/broker/remarks.hpp"
#include "protocol/java_hash.hpp"
#include "protocol/properties.hpp"
#include "protocol/stored_record.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace gantry::broker {

namespace {

// No tag has this code: tag codes are 32-bit numbers. It stands for "nothing".
constexpr std::int64_t code_of_nothing = std::numeric_limits<std::int64_t>::min();

std::string_view trim(std::string_view text) noexcept {
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

bool parse_tag_expression(std::string_view expression, std::vector<std::int64_t>& codes) {
  codes.clear();
  if (expression.empty() || expression == "*") return true;
  bool has_parts = false;
  for (std::size_t at = 0; at <= expression.size();) {
    const std::size_t separator = std::min(expression.find("||", at), expression.size());
    const std::string_view part = expression.substr(at, separator - at);
    has_parts = has_parts || !part.empty();
    if (const std::string_view tag = trim(part); !tag.empty()) codes.push_back(protocol::tag_code(tag));
    at = separator + 2;
  }
  if (codes.empty()) codes.push_back(code_of_nothing);
  return has_parts;
}

bool passes_tags(const protocol::SubscriptionData& subscription, std::int64_t tag_code) {
  const auto& codes = subscription.tag_codes;
  return codes.empty() || std::find(codes.begin(), codes.end(), tag_code) != codes.end();
}

Result<std::shared_ptr<const CompiledFilter>> compile_filter(PluginSlots& plugins, std::string_view language,
                                                             std::string_view expression) {
  FilterLanguage* slot = plugins.filter(language);
  if (slot == nullptr) return Error{Errc::unsupported, {}};
  return slot->compile(expression);
}

FilterRefusal filter_refusal(std::string_view language, const Error& error) {
  using protocol::ResponseCode;
  if (error.code == Errc::unsupported) return {ResponseCode::system_error, remark::language_unknown(language)};
  return {ResponseCode::subscription_parse_failed, error.text};
}

Result<std::shared_ptr<const CompiledFilter>> FilterCache::find(PluginSlots& plugins, std::string_view language,
                                                                std::string_view expression) {
  follow_bindings(plugins);
  key_.assign(language).push_back('\n');
  key_.append(expression);
  if (const auto found = filters_.find(std::string_view(key_)); found != filters_.end()) return found->second;
  GANTRY_ASSIGN(std::shared_ptr<const CompiledFilter> filter, compile_filter(plugins, language, expression));
  if (filters_.size() >= count_max) filters_.clear();
  filters_.emplace(key_, filter);
  return filter;
}

// What was compiled may name filters and functions of scripts that are no longer there.
void FilterCache::follow_bindings(PluginSlots& plugins) {
  const std::uint64_t version = plugins.bindings_version();
  if (version == version_) return;
  filters_.clear();
  bound_.clear();
  version_ = version;
}

std::shared_ptr<const CompiledFilter> FilterCache::find_bound(PluginSlots& plugins, std::string_view topic,
                                                              std::string_view group) {
  if (!plugins.binds_filters()) return nullptr;
  follow_bindings(plugins);
  key_.assign(topic).push_back('\n');
  key_.append(group);
  if (const auto found = bound_.find(std::string_view(key_)); found != bound_.end()) return found->second;
  auto filter = plugins.bound_filter(topic, group);
  if (bound_.size() >= count_max) bound_.clear();
  bound_.emplace(key_, filter);
  return filter;
}

void Selector::select_subscription(const protocol::SubscriptionData& subscription) {
  select_all();
  if (subscription.takes_all()) return;
  for (const std::int32_t code : subscription.tag_codes) codes_.push_back(code);
  // Old clients send tags without codes.
  if (codes_.empty()) {
    for (const std::string& tag : subscription.tags) codes_.push_back(protocol::tag_code(tag));
  }
  if (codes_.empty()) codes_.push_back(code_of_nothing);
}

const gantry_matcher* Selector::matcher() {
  if (codes_.empty() && !filter_ && !bound_) return nullptr;
  matcher_.struct_size = sizeof matcher_;
  matcher_.tag_code_count = static_cast<std::uint32_t>(codes_.size());
  matcher_.tag_codes = codes_.data();
  matcher_.context = this;
  matcher_.match = filter_ || bound_ ? &Selector::match : nullptr;
  return &matcher_;
}

// In groups that fit the stack: the subscription's own filter first, then what is bound, over what is left.
void Selector::match(void* context, const gantry_bytes* records, std::uint8_t* verdicts, std::uint64_t count) {
  constexpr std::size_t group_max = 32;
  const Selector& self = *static_cast<const Selector*>(context);
  std::array<gantry_filter_message, group_max> messages;
  std::array<std::uint8_t, group_max> decided;
  std::array<std::uint64_t, group_max> places;
  for (std::uint64_t next = 0; next < count;) {
    std::size_t filled = 0;
    for (; next < count && filled < group_max; ++next) {
      verdicts[next] = 0;
      protocol::RecordView record;
      const protocol::ByteView bytes(static_cast<const std::byte*>(records[next].data), records[next].size);
      if (protocol::decode_record(bytes, record) != protocol::RecordOutcome::ok) continue;
      const std::string_view tag = protocol::find_property(record.properties, protocol::property::tags);
      messages[filled] = {{record.properties.data(), record.properties.size()}, records[next], protocol::tag_code(tag)};
      places[filled++] = next;
    }
    for (const CompiledFilter* filter : {self.filter_.get(), self.bound_.get()}) {
      if (filter == nullptr) continue;
      filter->match(std::span(messages).first(filled), decided.data());
      std::size_t left = 0;
      for (std::size_t i = 0; i < filled; ++i) {
        if (decided[i] == 0) continue;
        messages[left] = messages[i];
        places[left++] = places[i];
      }
      filled = left;
    }
    for (std::size_t i = 0; i < filled; ++i) verdicts[places[i]] = 1;
  }
}

}  // namespace gantry::broker
