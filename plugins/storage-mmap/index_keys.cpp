#include "plugins/storage-mmap/index_keys.hpp"

#include "protocol/java_hash.hpp"
#include "protocol/properties.hpp"
#include "protocol/sys_flag.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace gantry::storage_mmap {
namespace {

struct Found {
  std::string_view uniq_key;
  std::string_view keys;
};

/// The value of a segment that begins with that name; empty when it does not.
std::string_view value_after(std::string_view segment, std::string_view name) {
  if (segment.size() < name.size() + 2 || segment[name.size()] != protocol::property_name_end) return {};
  if (std::memcmp(segment.data(), name.data(), name.size()) != 0) return {};
  return segment.substr(name.size() + 1);
}

/// Not PropertyRange: only two names matter here, so that there is no need to look for the ends of the others.
void scan(std::string_view text, Found& found) {
  while (!text.empty()) {
    const void* end = std::memchr(text.data(), protocol::property_end, text.size());
    const auto size =
        end == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(end) - text.data());
    const auto segment = text.substr(0, size);
    if (const auto value = value_after(segment, protocol::property::uniq_key); !value.empty()) {
      found.uniq_key = value;
    } else if (const auto words = value_after(segment, protocol::property::keys); !words.empty()) {
      found.keys = words;
    }
    text.remove_prefix(std::min(size + 1, text.size()));
  }
}

}  // namespace

IndexSeed index_seed(std::string_view topic) noexcept {
  return protocol::java_hash_continue(protocol::java_hash_continue(0, topic), "#");
}

std::int32_t index_hash(IndexSeed seed, std::string_view key) noexcept {
  const auto hash = static_cast<std::int32_t>(protocol::java_hash_continue(seed, key));
  if (hash == INT32_MIN) return 0;
  return hash < 0 ? -hash : hash;
}

std::int32_t index_hash(std::string_view topic, std::string_view key) noexcept {
  return index_hash(index_seed(topic), key);
}

void record_keys(IndexSeed seed, std::string_view properties, std::string_view properties_more, std::int32_t sys_flag,
                 std::vector<std::int32_t>& hashes) {
  hashes.clear();
  if (protocol::sys_flag::transaction_of(sys_flag) == protocol::sys_flag::transaction_rollback) return;
  Found found;
  thread_local std::string joined;
  if (properties_more.empty() || protocol::ends_in_separator(properties)) {
    scan(properties, found);
    scan(properties_more, found);
  } else {
    // The second text goes on in the middle of a property of the first.
    joined.assign(properties).append(properties_more);
    scan(joined, found);
  }
  if (!found.uniq_key.empty()) hashes.push_back(index_hash(seed, found.uniq_key));
  for (auto words = found.keys; !words.empty();) {
    const auto size = std::min(words.find(' '), words.size());
    if (size > 0) hashes.push_back(index_hash(seed, words.substr(0, size)));
    words.remove_prefix(std::min(size + 1, words.size()));
  }
}

void record_keys(std::string_view topic, std::string_view properties, std::string_view properties_more,
                 std::int32_t sys_flag, std::vector<std::int32_t>& hashes) {
  record_keys(index_seed(topic), properties, properties_more, sys_flag, hashes);
}

}  // namespace gantry::storage_mmap
