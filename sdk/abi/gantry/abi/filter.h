/* gantry.filter/1 - one filter language (the expressionType of a subscription). One provider per language.
 *
 * An expression is compiled once per subscription and then matched against stored records in batches. */
#ifndef GANTRY_ABI_FILTER_H
#define GANTRY_ABI_FILTER_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_FILTER_ID "gantry.filter/1"

typedef struct gantry_filter_program gantry_filter_program; /* a compiled expression; immutable */

/* One candidate message. `record` is the whole stored record, `properties` lies inside it. */
typedef struct gantry_filter_message {
  gantry_bytes properties;
  gantry_bytes record;
  int64_t tag_code;
} gantry_filter_message;

typedef struct gantry_filter_table {
  uint32_t struct_size;
  uint32_t reserved;

  /* [any-thread][configured] The expressionType this serves, for example "SQL92". Static text. */
  gantry_bytes (*language)(void* self);
  /* [any-thread] INVALID_ARGUMENT with a text that names position, expected and found. Bounded in time and memory for
   * any input; must not block. */
  gantry_status (*compile)(void* self, gantry_bytes expression, gantry_filter_program** out, gantry_error* error);
  /* [any-thread, concurrently] verdicts[i] = 1 match, 0 no match. Never fails: what cannot be evaluated does not match.
   * The stride is the size of the caller's struct. Must not block. */
  void (*match)(void* self, const gantry_filter_program* program, const gantry_filter_message* messages,
                uint64_t stride, uint8_t* verdicts, uint64_t count);
  /* [any-thread] No match() with it is running or will follow. */
  void (*release)(void* self, gantry_filter_program* program);
} gantry_filter_table;

#ifdef __cplusplus
}
#endif
#endif
