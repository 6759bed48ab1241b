#include "kernel/plugin/survey.hpp"

#include <algorithm>
#include <filesystem>

namespace gantry::plugin {

namespace {

SurveyEntry look_at(const LoadRequest& request, const std::string& id, bool listed) {
  SurveyEntry entry{.id = id, .listed = listed};
  auto path = find_plugin(request.folders, id);
  if (!path) {
    entry.state = "refused";
    entry.refusal = path.error().text;
    return entry;
  }
  entry.file = *path;
  if (!listed) {
    const Status verified = inspect_file(entry.file);
    entry.state = verified ? "available" : "refused";
    if (!verified) entry.refusal = verified.error().text;
    return entry;
  }
  auto loaded = load_library(entry.file, {.id = id, .allow_draft = request.allow_draft});
  entry.state = loaded ? "loaded" : "refused";
  if (loaded) {
    entry.manifest = std::move(loaded->manifest);
  } else {
    entry.refusal = loaded.error().text;
  }
  return entry;
}

}  // namespace

Survey survey_plugins(const LoadRequest& request) {
  Survey survey;
  for (const std::string& id : request.load) survey.entries.push_back(look_at(request, id, true));
  for (const std::string& id : available_plugins(request.folders)) {
    if (std::find(request.load.begin(), request.load.end(), id) != request.load.end()) continue;
    survey.entries.push_back(look_at(request, id, false));
  }
  survey.refusals = load_plugins(request).refusals;
  return survey;
}

Result<Manifest> describe_plugin(const std::vector<std::string>& folders, const std::string& file_or_id) {
  std::string path = file_or_id;
  if (is_plugin_id(file_or_id)) {
    GANTRY_ASSIGN(path, find_plugin(folders, file_or_id));
  }
  const std::string id = std::filesystem::path(path).stem().string();
  GANTRY_ASSIGN(LoadedPlugin loaded, load_library(path, {.id = id, .allow_draft = true}));
  return std::move(loaded.manifest);
}

}  // namespace gantry::plugin
