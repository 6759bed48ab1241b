#include "kernel/plugin/start_order.hpp"

#include "gantry/abi/store.h"
#include "kernel/plugin/extension_catalog.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace gantry::plugin {

namespace {

using Indices = std::vector<std::size_t>;

Indices providers_of(const std::vector<const Manifest*>& manifests, std::string_view extension) {
  Indices found;
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    if (manifests[i]->offers(extension)) found.push_back(i);
  }
  return found;
}

void check_counts(const std::vector<const Manifest*>& manifests, bool need_store, Refusals& refusals) {
  for (const ExtensionPoint& point : extension_points()) {
    const Indices providers = providers_of(manifests, point.id);
    if (point.exactly_one && providers.size() > 1) {
      std::string names;
      for (const std::size_t i : providers) names += (names.empty() ? "" : ", ") + manifests[i]->file;
      refusals.push_back(
          refuse("plugins.load", {"one provider of " + std::string(point.id),
                                  std::to_string(providers.size()) + " (" + names + ")", "list only one of them"}));
    }
    if (point.id == GANTRY_STORE_ID && need_store && providers.empty()) {
      refusals.push_back(refuse("plugins.load",
                                {"a plugin that provides " GANTRY_STORE_ID, "none among those listed",
                                 "add \"storage-mmap\" or another store"},
                                Errc::not_found));
    }
  }
}

/// Depth-first: a plugin is placed once all that it requires is placed. The depth is bounded by the number of plugins.
class Sorter {
 public:
  explicit Sorter(const std::vector<const Manifest*>& manifests)
      : manifests_(manifests), marks_(manifests.size(), Mark::unseen) {}

  StartOrder sort() && {
    for (std::size_t i = 0; i < manifests_.size(); ++i) place(i);
    return std::move(result_);
  }

 private:
  enum class Mark : std::uint8_t { unseen, open, placed };

  void place(std::size_t index) {
    if (marks_[index] == Mark::placed) return;
    if (marks_[index] == Mark::open) return refuse_cycle(index);
    marks_[index] = Mark::open;
    path_.push_back(index);
    for (const std::string& required : manifests_[index]->required) place_providers(index, required);
    path_.pop_back();
    marks_[index] = Mark::placed;
    result_.order.push_back(index);
  }

  void place_providers(std::size_t index, const std::string& required) {
    bool found = false;
    for (const std::size_t provider : providers_of(manifests_, required)) {
      if (provider == index) continue;  // what a plugin offers itself does not start before it
      found = true;
      place(provider);
    }
    if (!found) {
      result_.refusals.push_back(refuse(
          manifests_[index]->file,
          {"another listed plugin that provides " + required + ", which '" + manifests_[index]->id + "' requires",
           "none", "add one to plugins.load"},
          Errc::not_found));
    }
  }

  void refuse_cycle(std::size_t index) {
    std::string cycle;
    for (auto at = std::find(path_.begin(), path_.end(), index); at != path_.end(); ++at) {
      cycle += manifests_[*at]->id + " -> ";
    }
    cycle += manifests_[index]->id;
    result_.refusals.push_back(
        refuse(manifests_[index]->file, {"plugins that can be started one after the other",
                                         "a cycle of requirements: " + cycle, "remove one of them from plugins.load"}));
  }

  const std::vector<const Manifest*>& manifests_;
  std::vector<Mark> marks_;
  Indices path_;
  StartOrder result_;
};

}  // namespace

StartOrder decide_start_order(const std::vector<const Manifest*>& manifests, bool need_store) {
  StartOrder result = Sorter(manifests).sort();
  check_counts(manifests, need_store, result.refusals);
  return result;
}

}  // namespace gantry::plugin
