/* gantry.observer/1 (draft) - is told what happened, in batches, after the fact. Drafts may change without notice and
 * are refused unless the configuration says `allow_draft = true`. */
#ifndef GANTRY_ABI_DRAFT_OBSERVER_H
#define GANTRY_ABI_DRAFT_OBSERVER_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_OBSERVER_ID "gantry.observer/1"

#define GANTRY_EVENT_APPENDED 1u
#define GANTRY_EVENT_DELIVERED 2u
#define GANTRY_EVENT_GROUP_CHANGED 3u

typedef struct gantry_event {
  uint32_t struct_size;
  uint32_t kind; /* GANTRY_EVENT_* */
  gantry_bytes topic;
  gantry_bytes group; /* empty for appended */
  int32_t queue_id;
  uint32_t count;       /* messages */
  int64_t queue_offset; /* of the first */
  int64_t byte_count;
} gantry_event;

typedef struct gantry_observer_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* [shard, concurrently on several shards][started] Must not block; the bytes are borrowed until it returns. Not
   * GANTRY_OK: the events could not be taken; an observer that fails too often is tripped. */
  gantry_status (*observe)(void* self, const gantry_event* events, uint64_t stride, uint64_t count,
                           gantry_error* error);
} gantry_observer_table;

#ifdef __cplusplus
}
#endif
#endif
