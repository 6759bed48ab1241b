// The switches that UPDATE_NAMESRV_CONFIG and GET_NAMESRV_CONFIG show and change while the process runs. They are not
// written anywhere: what holds after a restart is the configuration file's to say.

#include "kernel/base/log.hpp"
#include "kernel/routing/name_server.hpp"

#include <array>
#include <string>
#include <string_view>

namespace gantry::routing {

namespace {

using protocol::ResponseCode;

/// Keys with which somebody could choose what the process reads and writes.
constexpr std::array<std::string_view, 5> blacklist{"configBlackList", "configStorePath", "kvConfigPath",
                                                    "rocketmqHome", "configStorePathName"};

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

NameServerResponse refuse(ResponseCode code, std::string remark) { return {code, std::move(remark), {}, {}}; }

}  // namespace

NameServerResponse NameServer::update_config(const Request& request) {
  struct Setting {
    std::string_view key;
    void (*set)(NameServer& server, bool on);
  };
  static constexpr std::array<Setting, 4> settings{{
      {"orderMessageEnable", [](NameServer& server, bool on) { server.fill_order_conf_ = on; }},
      {"returnOrderTopicConfigToBroker", [](NameServer& server, bool on) { server.return_order_conf_ = on; }},
      {"supportActingMaster", [](NameServer& server, bool on) { server.routes_.set_acting_master(on); }},
      {"deleteTopicWithBrokerRegistration",
       [](NameServer& server, bool on) { server.routes_.set_delete_unlisted_topics(on); }},
  }};
  std::vector<std::pair<const Setting*, bool>> changes;
  std::string_view text = protocol::as_text(request.body);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::string_view key = trim(line.substr(0, equals));
    const std::string_view value = equals == line.size() ? std::string_view() : trim(line.substr(equals + 1));
    for (const std::string_view banned : blacklist) {
      if (key == banned) {
        return refuse(ResponseCode::no_permission, "\"" + std::string(key) + "\" cannot be changed over the network");
      }
    }
    const Setting* found = nullptr;
    for (const Setting& setting : settings) {
      if (setting.key == key) found = &setting;
    }
    if (found == nullptr || (value != "true" && value != "false")) {
      return refuse(ResponseCode::system_error,
                    "\"" + std::string(line.substr(0, 128)) +
                        "\": expected orderMessageEnable, returnOrderTopicConfigToBroker, supportActingMaster or "
                        "deleteTopicWithBrokerRegistration with true or false; other settings are in the "
                        "configuration file");
    }
    changes.emplace_back(found, value == "true");
  }
  for (const auto& [setting, on] : changes) {
    setting->set(*this, on);
    GANTRY_LOG(info, "nameserver.config.changed", field("key", setting->key), field("value", on),
               field("peer", request.peer));
  }
  return {};
}

NameServerResponse NameServer::get_config() const {
  const RouteTable::Switches switches = routes_.switches();
  const auto line = [](std::string_view key, bool on) { return std::string(key).append(on ? "=true\n" : "=false\n"); };
  NameServerResponse response;
  response.body = line("deleteTopicWithBrokerRegistration", switches.delete_unlisted_topics) +
                  line("orderMessageEnable", fill_order_conf_.load()) +
                  line("returnOrderTopicConfigToBroker", return_order_conf_.load()) +
                  line("supportActingMaster", switches.acting_master);
  return response;
}

}  // namespace gantry::routing
