#include "kernel/plugin/library.hpp"

#include "kernel/plugin/start_order.hpp"

#include <algorithm>
#include <dlfcn.h>
#include <filesystem>
#include <system_error>

namespace gantry::plugin {

namespace fs = std::filesystem;

namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ", ";
    text += part;
  }
  return text.empty() ? "nothing" : text;
}

/// Whether the file is where it seems to be: neither it nor a part below the folder is a link to elsewhere.
Status check_location(const std::string& folder, const std::string& path) {
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(path, failed);
  if (fs::is_symlink(status)) {
    return refuse(path, {"a regular file in a plugin folder", "a symbolic link",
                         "copy the library into the folder, or add the folder of its target to plugins.dir"});
  }
  if (!fs::is_regular_file(status)) {
    return refuse(path, {"a regular file in a plugin folder", "a directory, device or pipe", "remove it"});
  }
  const fs::path real_folder = fs::canonical(folder, failed);
  const fs::path real_file = failed ? fs::path() : fs::canonical(path, failed);
  if (failed || real_file.parent_path() != real_folder) {
    return refuse(path, {"a file inside the plugin folder " + folder,
                         failed ? failed.message() : "one in " + real_file.parent_path().string(),
                         "list the folder it lies in as plugins.dir"});
  }
  return {};
}

}  // namespace

std::vector<std::string> available_plugins(const std::vector<std::string>& folders) {
  constexpr std::size_t count_max = 1000;
  std::vector<std::string> ids;
  for (const std::string& folder : folders) {
    std::error_code failed;
    for (fs::directory_iterator file(folder, failed), end; !failed && file != end && ids.size() < count_max;
         file.increment(failed)) {
      if (file->path().extension() != ".so") continue;
      std::string id = file->path().stem().string();
      if (is_plugin_id(id)) ids.push_back(std::move(id));
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Result<std::string> find_plugin(const std::vector<std::string>& folders, std::string_view id) {
  if (!is_plugin_id(id)) {
    return refuse("plugins.load", {"plugin names of lower case letters, digits and '-'", "'" + std::string(id) + "'",
                                   "write the plugin's name, without folder and without .so"});
  }
  for (const std::string& folder : folders) {
    const std::string path = (fs::path(folder) / (std::string(id) + ".so")).string();
    std::error_code failed;
    if (fs::symlink_status(path, failed).type() == fs::file_type::not_found || failed) continue;
    GANTRY_TRY(check_location(folder, path));
    return path;
  }
  return refuse("plugins.load",
                {"a file " + std::string(id) + ".so in " + (folders.empty() ? "a plugin folder" : join(folders)),
                 "no such file there (available: " + join(available_plugins(folders)) + ")",
                 "install the plugin, correct its name, or add its folder to plugins.dir"},
                Errc::not_found);
}

Result<LoadedPlugin> load_library(const std::string& path, const ManifestRules& rules) {
  GANTRY_TRY(inspect_file(path));
  // An absolute path, so that the dynamic loader searches nowhere else.
  std::error_code failed;
  const fs::path absolute = fs::absolute(path, failed);
  // RTLD_NODELETE, because code is never unloaded: threads and callbacks may outlive any bookkeeping of ours.
  void* library = failed ? nullptr : dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* reason = failed ? nullptr : dlerror();
    return refuse(path, {"a library that can be loaded", reason != nullptr ? reason : "no absolute path to it",
                         "install what it needs, or build it for this system"});
  }
  const auto* table = static_cast<const gantry_plugin_table*>(dlsym(library, GANTRY_PLUGIN_SYMBOL));
  if (table == nullptr) {
    return refuse(path, {"the symbol " GANTRY_PLUGIN_SYMBOL, "none that the dynamic loader finds",
                         "give it default visibility, as GANTRY_PLUGIN() does"});
  }
  GANTRY_ASSIGN(Manifest manifest, read_manifest(*table, path, rules));
  return LoadedPlugin{std::move(manifest), table};
}

LoadResult load_plugins(const LoadRequest& request) {
  LoadResult result;
  for (auto id = request.load.begin(); id != request.load.end(); ++id) {
    if (std::find(request.load.begin(), id, *id) != id) {
      result.refusals.push_back(refuse("plugins.load", {"each plugin once", "'" + *id + "' twice", "remove one"}));
      continue;
    }
    auto path = find_plugin(request.folders, *id);
    if (!path) {
      result.refusals.push_back(std::move(path).error());
      continue;
    }
    auto loaded = load_library(*path, {.id = *id, .allow_draft = request.allow_draft});
    if (!loaded) {
      result.refusals.push_back(std::move(loaded).error());
      continue;
    }
    result.plugins.push_back(*std::move(loaded));
  }

  std::vector<const Manifest*> manifests;
  for (const LoadedPlugin& plugin : result.plugins) manifests.push_back(&plugin.manifest);
  StartOrder start = decide_start_order(manifests, request.need_store);
  result.start_order = std::move(start.order);
  const bool incomplete = !result.refusals.empty();
  for (Error& refusal : start.refusals) {
    // What is missing may be what was refused above; saying so twice would send the operator the wrong way.
    if (incomplete && refusal.code == Errc::not_found) continue;
    result.refusals.push_back(std::move(refusal));
  }
  return result;
}

}  // namespace gantry::plugin
