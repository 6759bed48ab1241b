/* How a shared library says that it is a Gantry plugin, what it offers, and how it is brought up and down.
 *
 * A plugin exports exactly one object, `gantry_plugin`, placed in the ELF section `.gantry`, and one marker symbol
 * `gantry_plugin_abi_<major>` in the same section. The host reads the section's symbols before it loads the library,
 * so that a foreign or outdated file is refused without running any of its code.
 *
 * Life:  listed in the configuration -> verified -> loaded -> create -> configure -> start -> (running) -> quiesce ->
 * stop -> destroy. Loaded code is never unloaded. All functions of this table are called on the control thread, one at
 * a time, and may block unless they say otherwise. A plugin is trusted code in the broker's process. */
#ifndef GANTRY_ABI_PLUGIN_H
#define GANTRY_ABI_PLUGIN_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gantry_host;

/* Kinds of option values. Durations are milliseconds and sizes bytes, both in `integer`. */
#define GANTRY_OPTION_BOOL 1
#define GANTRY_OPTION_INTEGER 2
#define GANTRY_OPTION_DURATION_MS 3
#define GANTRY_OPTION_BYTES 4
#define GANTRY_OPTION_TEXT 5
#define GANTRY_OPTION_CHOICE 6 /* one of `choices`, separated by '|' */

#define GANTRY_OPTION_LIVE 1u /* flag: takes effect by reconfigure(), without a restart */

/* One declaration per option; parsing, checks and documentation are generated from it. It lives as long as the code. */
typedef struct gantry_option {
  const char* key; /* below [plugins.<id>], for example "flush_interval" */
  uint32_t type;   /* GANTRY_OPTION_* */
  uint32_t flags;
  const char* fallback; /* the default, as it would be written in TOML without quotes: "500ms", "1GiB", "true" */
  int64_t minimum;      /* bounds of integers, durations and sizes; both 0 = unbounded */
  int64_t maximum;
  const char* choices;  /* for GANTRY_OPTION_CHOICE, else NULL */
  const char* sentence; /* what it does, for an operator */
} gantry_option;

/* A validated value, in the order of the declarations. */
typedef struct gantry_option_value {
  const char* key;
  uint32_t type;
  uint32_t reserved;
  int64_t integer;   /* bool (0 or 1), integer, duration (ms), size (bytes) */
  gantry_bytes text; /* text and choice */
} gantry_option_value;

/* The table behind the exported object `gantry_plugin`. */
typedef struct gantry_plugin_table {
  uint8_t magic[8]; /* GANTRY_PLUGIN_MAGIC */
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  const char* id;      /* lower case letters, digits and '-', the same as the file's name without .so */
  const char* version; /* of the plugin itself, for people */
  const char* summary; /* one sentence */
  const gantry_option* options;
  uint64_t option_stride; /* the plugin's sizeof(gantry_option) */
  uint64_t option_count;
  const char* const* provides; /* extension ids with revision, for example "gantry.store/1" */
  uint64_t provides_count;
  const char* const* requires_; /* extension ids that must be provided by a plugin started before this one */
  uint64_t requires_count;

  /* Makes the instance. `host` outlives it. NULL with `error` filled on failure. Starts no thread, opens no file. */
  void* (*create)(const struct gantry_host* host, gantry_error* error);
  /* Takes the values of all declared options, in the order of the declarations. Called once, before start. The stride
   * is the host's sizeof(gantry_option_value). */
  gantry_status (*configure)(void* self, const gantry_option_value* values, uint64_t stride, uint64_t count,
                             gantry_error* error);
  /* Opens files, recovers, starts threads. After success the extensions may be used. */
  gantry_status (*start)(void* self, gantry_error* error);
  /* The values of all options again, after live ones changed while running. NULL when no option is live. All or
   * nothing: after an error the old values stay in force. */
  gantry_status (*reconfigure)(void* self, const gantry_option_value* values, uint64_t stride, uint64_t count,
                               gantry_error* error);
  /* No new work arrives after this; finish what is inside. Returns at once. */
  void (*quiesce)(void* self);
  /* Ends threads, closes files. No extension is called during or after it. Called once after a successful start, even
   * when the plugin reported a fatal fault. */
  gantry_status (*stop)(void* self, gantry_error* error);
  /* Frees the instance. Also called after a failed configure or start (then without stop). */
  void (*destroy)(void* self);
  /* The table of an extension named in `provides`, else NULL. Static data: same answer every time. Asked for after
   * configure; `self` is the first argument of the table's functions. [any-thread], does not block. */
  const void* (*get_extension)(void* self, const char* extension_id);
} gantry_plugin_table;

#define GANTRY_PLUGIN_MAGIC \
  { 'G', 'A', 'N', 'T', 'R', 'Y', 'P', 1 }
#define GANTRY_PLUGIN_SECTION ".gantry"
#define GANTRY_PLUGIN_SYMBOL "gantry_plugin"
#define GANTRY_PLUGIN_ABI_MARKER "gantry_plugin_abi_" /* followed by the major version */

#ifdef __cplusplus
}
#endif
#endif
