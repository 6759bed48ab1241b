#include "kernel/plugin/elf_file.hpp"

#include "kernel/plugin/refusal.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <system_error>
#include <vector>

namespace gantry::plugin {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
#else
#error "tell the plugin loader what ELF machine this is"
#endif

constexpr const char* copy_again = "copy or build the file again";

/// Reads one file in pieces, with every offset checked against its size.
class Reader {
 public:
  explicit Reader(const std::string& path) : stream_(path, std::ios::binary) {
    if (!stream_) return;
    stream_.seekg(0, std::ios::end);
    size_ = static_cast<std::uint64_t>(stream_.tellg());
  }

  [[nodiscard]] bool is_open() const { return stream_.is_open(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size_ && length <= size_ - offset;
  }

  template <typename T>
  bool read(std::uint64_t offset, T* out, std::uint64_t count) {
    const std::uint64_t length = count * sizeof(T);
    if (!holds(offset, length)) return false;
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(reinterpret_cast<char*>(out), static_cast<std::streamsize>(length));
    return stream_.good();
  }

 private:
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

Error truncated(const std::string& path, const Reader& file, const std::string& what) {
  return refuse(path,
                {.expected = "a complete shared library",
                 .found = what + " beyond the end of the file at " + std::to_string(file.size()) + " bytes",
                 .remedy = std::string("the file is truncated or damaged: ") + copy_again},
                Errc::corrupt);
}

Status check_header(const std::string& path, const Elf64_Ehdr& header) {
  const std::string expected = "a 64-bit ELF shared library";
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return refuse(path, {expected, "an ELF file of another word size or byte order", "build it for this machine"});
  }
  if (header.e_type != ET_DYN) {
    return refuse(path, {expected, "ELF type " + std::to_string(header.e_type) + " (3 is a shared library)",
                         "link the plugin as a module, as gantry_add_plugin() does"});
  }
  if (header.e_machine != this_machine) {
    return refuse(path, {"ELF machine " + std::to_string(this_machine), "machine " + std::to_string(header.e_machine),
                         "build it for this machine"});
  }
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_shnum == 0 ||
      header.e_phnum == 0 || header.e_shstrndx >= header.e_shnum) {
    return refuse(path, {expected, "an ELF header that contradicts itself", copy_again}, Errc::corrupt);
  }
  return {};
}

Status check_sections(const std::string& path, Reader& file, const Elf64_Ehdr& header) {
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!file.read(header.e_shoff, sections.data(), sections.size())) return truncated(path, file, "a section table");
  const std::uint64_t names_size = sections[header.e_shstrndx].sh_size;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
        !file.holds(section.sh_offset, section.sh_size)) {
      return truncated(path, file, "a section");
    }
    if (section.sh_name >= names_size) {
      return refuse(path, {"a section table with names", "a name outside its table", copy_again}, Errc::corrupt);
    }
  }
  return {};
}

Status check_segments(const std::string& path, Reader& file, const Elf64_Ehdr& header) {
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  if (!file.read(header.e_phoff, segments.data(), segments.size())) return truncated(path, file, "a segment table");
  bool dynamic = false;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_NULL && !file.holds(segment.p_offset, segment.p_filesz)) {
      return truncated(path, file, "a segment");
    }
    if (segment.p_type == PT_LOAD && segment.p_filesz > segment.p_memsz) {
      return refuse(path, {"segments that fit their memory", "one that does not", copy_again}, Errc::corrupt);
    }
    dynamic = dynamic || segment.p_type == PT_DYNAMIC;
  }
  if (!dynamic) {
    return refuse(path, {"a shared library", "an ELF file without dynamic linking information", copy_again});
  }
  return {};
}

}  // namespace

Status check_shared_library(const std::string& path) {
  Reader file(path);
  if (!file.is_open()) {
    return refuse(path, {"a readable file", std::generic_category().message(errno), "check the file's permissions"},
                  Errc::io);
  }
  Elf64_Ehdr header = {};
  std::array<unsigned char, SELFMAG> magic = {};
  if (!file.read(0, magic.data(), magic.size()) || std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0) {
    return refuse(path, {"an ELF shared library", file.size() == 0 ? "an empty file" : "a file of another kind",
                         "name a plugin that was built with the Gantry SDK"});
  }
  if (!file.read(0, &header, 1)) return truncated(path, file, "the ELF header");
  GANTRY_TRY(check_header(path, header));
  GANTRY_TRY(check_sections(path, file, header));
  return check_segments(path, file, header);
}

}  // namespace gantry::plugin
