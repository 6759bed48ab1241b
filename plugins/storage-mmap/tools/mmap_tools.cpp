#include "plugins/storage-mmap/tools/mmap_tools.hpp"

#include "plugins/storage-mmap/tools/checker.hpp"
#include "plugins/storage-mmap/tools/copier.hpp"
#include "plugins/storage-mmap/tools/dumper.hpp"
#include "plugins/storage-mmap/tools/locator.hpp"
#include "plugins/storage-mmap/tools/rebuilder.hpp"
#include "plugins/storage-mmap/tools/statistics.hpp"

namespace gantry::storage_mmap::tools {

Status MmapTools::check(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return check_store(disk_, options_, question, report);
}
Status MmapTools::stat(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return describe_store(disk_, options_, question, report);
}
Status MmapTools::dump(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return dump_records(disk_, options_, question, report);
}
Status MmapTools::locate(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return locate_bytes(disk_, options_, question, report);
}
Status MmapTools::rebuild(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return rebuild_store(disk_, options_, surroundings_, question, report);
}
Status MmapTools::copy(const sdk::StoreQuestion& question, sdk::StoreReport& report) {
  return copy_store(disk_, options_, question, report);
}

}  // namespace gantry::storage_mmap::tools
