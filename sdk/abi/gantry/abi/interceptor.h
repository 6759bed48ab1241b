/* gantry.interceptor/1 - looks at messages on their way in and may reject, rewrite or re-route them.
 *
 * Interceptors form a chain in the order of the configuration's `load` list; each sees what the one before it left. An
 * empty chain costs nothing. When an interceptor fails, the host undoes what it changed in the batch and lets its
 * `on_error` option decide about the messages; it trips an interceptor that fails too often. */
#ifndef GANTRY_ABI_INTERCEPTOR_H
#define GANTRY_ABI_INTERCEPTOR_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_INTERCEPTOR_ID "gantry.interceptor/1"

#define GANTRY_VERDICT_ACCEPT 0u
#define GANTRY_VERDICT_REJECT 1u

/* Memory for rewritten bytes; valid until the host has stored the batch. NULL when `size` exceeds what is left. */
typedef struct gantry_scratch {
  void* context;
  void* (*allocate)(void* context, uint64_t size);
} gantry_scratch;

/* Bits of `taken`: what a message asks for and an interceptor has seen to. Without its bit such a message is refused,
 * because a broker that ignores the wish would deliver too early. */
#define GANTRY_TAKEN_DELAY 1u       /* DELAY, TIMER_DELAY_SEC, TIMER_DELAY_MS, TIMER_DELIVER_MS */
#define GANTRY_TAKEN_TRANSACTION 2u /* TRAN_MSG, or the transaction bits of sys_flag */

/* One message that a client publishes. An interceptor may change the members marked (rw); bytes it puts there come
 * from the scratch memory or live as long as the plugin. */
typedef struct gantry_publishing {
  uint32_t struct_size;
  uint32_t verdict;        /* (rw) GANTRY_VERDICT_* */
  gantry_bytes topic;      /* (rw) must exist, or the message is refused with TOPIC_NOT_EXIST */
  gantry_bytes properties; /* (rw) */
  gantry_bytes body;       /* (rw) compressed when sys_flag says so */
  gantry_bytes producer_group;
  gantry_bytes reject_reason; /* (rw) becomes the remark of the answer */
  gantry_address born_host;
  int64_t born_ms;
  int32_t queue_id;    /* (rw) */
  int32_t queue_count; /* write queues of `topic` as it arrived */
  int32_t flag;        /* (rw) */
  int32_t sys_flag;    /* (rw) */
  int32_t reconsume_count;
  int32_t reject_code; /* (rw) RocketMQ response code; 0 = MESSAGE_ILLEGAL */
  /* Since ABI 1.3 (struct_size says whether they are there). */
  uint32_t taken; /* (rw) GANTRY_TAKEN_* */
  uint32_t reserved;
  gantry_bytes recall_handle; /* (rw) for the answer; empty: none */
} gantry_publishing;

typedef struct gantry_interceptor_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* [shard, concurrently on several shards][started] Sees `count` messages before they are stored. The stride is the
   * host's sizeof(gantry_publishing). Must not block. Not GANTRY_OK: the interceptor could not do its work (a rejection
   * is a verdict, not a failure). */
  gantry_status (*publish)(void* self, gantry_publishing* messages, uint64_t stride, uint64_t count,
                           const gantry_scratch* scratch, gantry_error* error);

  /* Since ABI 1.3, may be NULL: [any-thread, concurrently][started] The same for messages that a consumer gave back:
   * `topic` is the retry topic or the dead letter topic of the group in `producer_group`, and DELAY among the
   * properties of a retry says how long it waits. */
  gantry_status (*send_back)(void* self, gantry_publishing* messages, uint64_t stride, uint64_t count,
                             const gantry_scratch* scratch, gantry_error* error);
} gantry_interceptor_table;

#ifdef __cplusplus
}
#endif
#endif
