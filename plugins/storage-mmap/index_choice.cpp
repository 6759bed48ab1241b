#include "plugins/storage-mmap/index_choice.hpp"

#include <algorithm>
#include <utility>

namespace gantry::storage_mmap {
namespace {

struct Candidate {
  std::shared_ptr<IndexFile> file;
  IndexHeader header;
  std::string damage;
};

class Chooser {
 public:
  Chooser(const std::optional<IndexMark>& mark, const IndexStart& found, std::int64_t log_begin)
      : mark_(mark), found_(found), log_begin_(log_begin) {}

  Status open_all(Disk& disk, const std::string& folder, IndexGeometry geometry) {
    GANTRY_ASSIGN(const auto entries, disk.list(folder));
    std::vector<std::string> names;
    for (const auto& entry : entries) {
      if (entry.is_directory) continue;
      (is_index_file_name(entry.name) ? names : out_.strangers).push_back(entry.name);
    }
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      GANTRY_ASSIGN(auto opened, IndexFile::open(disk, folder, name, geometry));
      files_.push_back({std::move(opened.file), opened.header, std::move(opened.damage)});
    }
    return {};
  }

  Result<IndexChoice> run() {
    GANTRY_ASSIGN(const bool marked, believe_mark());
    if (!marked) believe_headers();
    drop_damaged();
    drop_behind_log_end();
    for (auto& candidate : files_) out_.files.push_back({std::move(candidate.file), candidate.header});
    if (!out_.position_is_known) {
      const auto* newest = newest_with_entries(out_.files);
      // Where RocketMQ added files without keys, the mark still knows more.
      out_.position_is_known = newest == nullptr && at_least_ == 0;
      out_.written_end = std::max(newest != nullptr ? newest->header.end_offset : log_begin_, at_least_);
    }
    out_.written_end = std::clamp(out_.written_end, log_begin_, std::max(log_begin_, found_.log_end));
    // Newest first: what an interruption leaves is a beginning of what was there.
    std::sort(out_.unwanted.begin(), out_.unwanted.end(), [](const auto& a, const auto& b) { return a.name > b.name; });
    return std::move(out_);
  }

 private:
  /// Takes files_[from..] away.
  void drop(std::size_t from, const std::string& reason) {
    for (auto i = from; i < files_.size(); ++i) out_.unwanted.push_back({files_[i].file->name(), reason, false});
    files_.resize(from);
  }

  /// The newest files are not what the position is about any more.
  void forget_position() {
    out_.position_is_known = false;
    out_.rewind = false;
    at_least_ = 0;
  }

  Result<bool> believe_mark() {
    if (!mark_ || (mark_->clean && !found_.closed_in_order)) return false;
    std::size_t behind = 0;  // first file that is newer than the marked one
    Candidate* marked = nullptr;
    if (!mark_->newest.empty()) {
      const auto at = std::find_if(files_.begin(), files_.end(),
                                   [&](const auto& candidate) { return candidate.file->name() == mark_->newest; });
      if (at == files_.end()) return false;
      // A header that is damaged, or older than the mark, is put right by rewinding, if the entries are there.
      GANTRY_ASSIGN(const auto damage, at->file->find_damage(mark_->header));
      if (!damage.empty()) return false;
      marked = &*at;
      behind = static_cast<std::size_t>(at - files_.begin()) + 1;
    }
    const bool as_marked = marked == nullptr || marked->header == mark_->header;
    const bool extended =
        files_.size() > behind || (!as_marked && marked->damage.empty() && marked->header.count > mark_->header.count);
    if (found_.closed_in_order && mark_->complete && extended) {
      at_least_ = mark_->written_end;
      return true;
    }
    drop(behind, "it is newer than what gantry/index says");
    if (marked != nullptr) {
      marked->header = mark_->header;
      marked->damage.clear();
      out_.rewind = !(found_.closed_in_order && mark_->clean && as_marked);
    }
    out_.written_end = mark_->written_end;
    out_.position_is_known = true;
    return true;
  }

  void believe_headers() {
    if (found_.closed_in_order) return;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (files_[i].damage.empty() && files_[i].header.end_ms <= found_.checkpoint_ms) continue;
      if (!files_[i].damage.empty()) return;  // drop_damaged() says what is wrong
      drop(i, "it ends behind the checkpoint of " + std::to_string(found_.checkpoint_ms) + ", and a crash came after");
      return;
    }
  }

  void drop_damaged() {
    std::int64_t end = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      auto& candidate = files_[i];
      auto damage = candidate.damage;
      if (damage.empty() && !candidate.header.is_empty() && candidate.header.begin_offset < end) {
        damage = "log offset of the first entry: expected at least " + std::to_string(end) + ", found " +
                 std::to_string(candidate.header.begin_offset);
      }
      if (!candidate.header.is_empty()) end = candidate.header.end_offset;
      if (damage.empty()) continue;
      const auto name = candidate.file->name();
      drop(i + 1, "the file before it, " + name + ", is damaged");
      drop(i, damage);
      out_.unwanted.back().is_damaged = true;
      forget_position();
      return;
    }
  }

  void drop_behind_log_end() {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const auto& header = files_[i].header;
      if (header.is_empty() || header.end_offset < found_.log_end) continue;
      drop(i, "it knows records up to " + std::to_string(header.end_offset) + ", and the log ends at " +
                  std::to_string(found_.log_end));
      forget_position();
      return;
    }
  }

  const std::optional<IndexMark>& mark_;
  const IndexStart& found_;
  const std::int64_t log_begin_;
  std::vector<Candidate> files_;
  std::int64_t at_least_ = 0;
  IndexChoice out_;
};

}  // namespace

const ListedIndexFile* newest_with_entries(const std::vector<ListedIndexFile>& files) {
  for (auto at = files.rbegin(); at != files.rend(); ++at) {
    if (!at->header.is_empty()) return &*at;
  }
  return nullptr;
}

Result<IndexChoice> choose_index_files(Disk& disk, const std::string& folder, IndexGeometry geometry,
                                       const std::optional<IndexMark>& mark, const IndexStart& found,
                                       std::int64_t log_begin) {
  Chooser chooser(mark, found, log_begin);
  GANTRY_TRY(chooser.open_all(disk, folder, geometry));
  return chooser.run();
}

}  // namespace gantry::storage_mmap
