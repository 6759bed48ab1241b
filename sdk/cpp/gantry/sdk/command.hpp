#pragma once
// gantry.command/1 in C++: serves remoting request codes that the kernel does not serve itself.

#include "gantry/abi/command.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/host.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace gantry::sdk {

/// A request; a view, valid until execute() returns. Keep copies of what a deferred answer needs, and the ticket.
class CommandRequest {
 public:
  explicit CommandRequest(const gantry_command_request& request) noexcept : request_(&request) {}

  [[nodiscard]] std::int32_t code() const noexcept { return request_->code; }
  /// For Host::answer().
  [[nodiscard]] std::uint64_t ticket() const noexcept { return request_->ticket; }
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const noexcept {
    for (const gantry_command_field& each : fields()) {
      if (detail::to_view(each.name) == name) return detail::to_view(each.value);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::span<const gantry_command_field> fields() const noexcept {
    return {request_->fields, static_cast<std::size_t>(request_->field_count)};
  }
  [[nodiscard]] std::string_view remark() const noexcept { return detail::to_view(request_->remark); }
  [[nodiscard]] std::string_view body() const noexcept { return detail::to_view(request_->body); }
  [[nodiscard]] const gantry_address& peer() const noexcept { return request_->peer; }
  /// "JAVA", "GO", ...
  [[nodiscard]] std::string_view language() const noexcept { return detail::to_view(request_->language); }
  [[nodiscard]] std::int32_t version() const noexcept { return request_->version; }
  /// The answer will be dropped; it must be given all the same.
  [[nodiscard]] bool is_oneway() const noexcept { return request_->oneway != 0; }

 private:
  const gantry_command_request* request_;
};

class Command {
 public:
  static constexpr const char* extension_id = GANTRY_COMMAND_ID;
  /// RocketMQ's SYSTEM_ERROR, answered when execute() throws.
  static constexpr std::int32_t system_error = 1;

  virtual ~Command() = default;

  /// [control][configured] The codes served; static data.
  [[nodiscard]] virtual std::span<const gantry_command_code> codes() const = 0;
  /// [shard][started] Takes the request and answers it through Host::answer(), at once or later, from any thread,
  /// exactly once. Must not block. It may throw only as long as it has not answered.
  virtual void execute(const CommandRequest& request) = 0;
};

namespace detail {

template <>
struct Accessor<Command> {
  template <typename Plugin>
  static constexpr bool found = requires(Plugin& plugin) {
    { plugin.command() } -> std::convertible_to<Command&>;
  };
  template <typename Plugin>
  static Command& of(Plugin& plugin) {
    return plugin.command();
  }
};

template <typename Instance>
struct CommandTrampolines {
  static Command& of(void* self) { return extension_of<Command>(static_cast<Instance*>(self)->plugin); }

  static const gantry_command_code* codes(void* self, std::uint64_t* out_count) noexcept {
    *out_count = 0;
    const gantry_command_code* first = nullptr;
    guarded_void(
        [=, &first] {
          const auto list = of(self).codes();
          first = list.data();
          *out_count = list.size();
        },
        [=](std::string_view thrown) { static_cast<Instance*>(self)->report_thrown("command", thrown); });
    return first;
  }

  static void execute(void* self, const gantry_command_request* request) noexcept {
    guarded_void([=] { of(self).execute(CommandRequest(*request)); },
                 [=](std::string_view thrown) {
                   const gantry_host* host = static_cast<Instance*>(self)->host.raw();
                   host->answer(host->context, request->ticket, Command::system_error, to_bytes(thrown), nullptr, 0,
                                gantry_bytes{});
                 });
  }
};

template <typename Instance>
inline constexpr gantry_command_table command_table = {
    sizeof(gantry_command_table), 0, &CommandTrampolines<Instance>::codes, &CommandTrampolines<Instance>::execute};

}  // namespace detail
}  // namespace gantry::sdk
