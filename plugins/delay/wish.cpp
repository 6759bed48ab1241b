#include "plugins/delay/wish.hpp"

#include "plugins/delay/names.hpp"

#include "gantry/sdk/properties.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace gantry::delay {
namespace {

Wish refused(std::string reason) { return {.kind = Wish::Kind::refused, .asks = true, .reason = std::move(reason)}; }

std::string shown(std::string_view name, std::string_view value) {
  return std::string(name) + ": expected a whole number of " +
         (name == property::delay       ? "a delay level"
          : name == property::delay_sec ? "seconds"
                                        : "milliseconds") +
         ", found \"" + std::string(value.substr(0, 64)) + "\"";
}

}  // namespace

std::optional<std::int64_t> read_number(std::string_view text) noexcept {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Wish read_wish(std::string_view properties, std::int64_t now_ms, const WishLimits& limits) {
  std::string_view delay, delay_sec, delay_ms, deliver_ms, out_ms, cancel;
  sdk::for_each_property(properties, [&](std::string_view name, std::string_view value) {
    if (name.size() < 5 || (name[0] != 'D' && name[0] != 'T')) return true;
    if (name == property::delay) delay = value;
    if (!name.starts_with("TIMER_")) return true;
    if (name == property::delay_sec) delay_sec = value;
    if (name == property::delay_ms) delay_ms = value;
    if (name == property::deliver_ms) deliver_ms = value;
    if (name == property::out_ms) out_ms = value;
    if (name == property::cancel_key) cancel = value;
    return true;
  });

  Wish wish;
  wish.is_cancel = !cancel.empty();
  if (!delay.empty()) {
    wish.asks = true;
    const auto level = read_number(delay);
    if (!level) return refused(shown(property::delay, delay));
    if (*level > 0) {
      wish.kind = Wish::Kind::level;
      wish.level = static_cast<std::int32_t>(std::min<std::int64_t>(*level, limits.level_count));
      return wish;
    }
  }
  const bool asks_for_timer = !delay_sec.empty() || !delay_ms.empty() || !deliver_ms.empty();
  wish.asks = wish.asks || asks_for_timer;
  // A message that has been a timer before carries TIMER_OUT_MS; its wish is fulfilled.
  if (!asks_for_timer || !out_ms.empty()) return wish;

  const std::string_view name =
      !delay_sec.empty() ? property::delay_sec : (!delay_ms.empty() ? property::delay_ms : property::deliver_ms);
  const std::string_view value = !delay_sec.empty() ? delay_sec : (!delay_ms.empty() ? delay_ms : deliver_ms);
  const auto number = read_number(value);
  if (!number) return refused(shown(name, value));
  if (*number < 0)
    return refused(std::string(name) + ": expected a number that is not negative, found " + std::string(value));
  const bool is_absolute = name == property::deliver_ms;
  const std::int64_t unit = name == property::delay_sec ? 1'000 : 1;
  // Compared in the property's own unit, so that nothing overflows.
  const std::int64_t ahead = is_absolute ? *number - now_ms : *number;
  if (ahead > limits.horizon_ms / unit) {
    return refused(std::string(name) + " " + std::string(value) + " is " + std::to_string(ahead) +
                   (unit == 1 ? " ms" : " s") + " ahead, and the horizon is " +
                   std::to_string(limits.horizon_ms / unit) + (unit == 1 ? " ms" : " s") +
                   "; it is the option \"horizon\" of the plugin delay");
  }
  wish.due_ms = is_absolute ? *number : now_ms + ahead * unit;
  if (wish.due_ms > now_ms) wish.kind = Wish::Kind::timer;
  return wish;
}

}  // namespace gantry::delay
