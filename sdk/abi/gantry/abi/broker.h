/* What the running broker lends to its plugins: its topics, what is stored, publishing in batches, how far groups have
 * come, and a word to a client. Enough for delayed delivery and transactions to live outside the kernel.
 *
 * Every function is [any-thread] and answers UNAVAILABLE before the broker serves and after it stopped, unless it says
 * otherwise. Since ABI 1.3. */
#ifndef GANTRY_ABI_BROKER_H
#define GANTRY_ABI_BROKER_H

#include "gantry/abi/store.h"
#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gantry_outgoing;
struct gantry_publish_outcome;

typedef struct gantry_topic_info {
  uint32_t struct_size;
  int32_t read_queues;
  int32_t write_queues;
  uint32_t permission; /* RocketMQ's bits: 4 read, 2 write, 1 inherit */
} gantry_topic_info;

/* Messages in one call of publish_many(). */
#define GANTRY_PUBLISH_COUNT_MAX 1024u

typedef struct gantry_broker {
  uint32_t struct_size;
  uint32_t reserved;
  void* context; /* first argument of every function below */

  /* [configured] Runs fn(arg) once on the control thread as soon as the broker serves, at once (but not from within
   * this call) when it does already; never when the node stops before. */
  gantry_status (*when_serving)(void* context, void (*fn)(void* arg), void* arg);

  /* [configured] The store of this node, for reading: bounds, reads, entries, searches, queries, and blobs on the
   * control thread. Plugins append through publish_many(), which keeps what the node promises about acknowledged
   * messages. The plugin requires "gantry.store/1", so that the store has started before it. */
  gantry_status (*store)(void* context, const gantry_store_table** out_table, void** out_self);

  /* Does not block. NOT_FOUND when there is no such topic. */
  gantry_status (*topic_find)(void* context, gantry_bytes topic, gantry_topic_info* out);
  /* Creates the topic, whose name may be a system one; an existing topic stays as it is. On the disk soon after. */
  gantry_status (*topic_ensure)(void* context, gantry_bytes topic, int32_t queue_count, uint32_t permission,
                                gantry_error* error);

  /* Where a group has come to in a queue, saved with the offsets of consumers. NOT_FOUND: nowhere yet. Do not block. */
  gantry_status (*offset_find)(void* context, gantry_bytes group, gantry_bytes topic, int32_t queue_id, int64_t* out);
  gantry_status (*offset_set)(void* context, gantry_bytes group, gantry_bytes topic, int32_t queue_id, int64_t offset);

  /* Publishes up to GANTRY_PUBLISH_COUNT_MAX messages, without interceptors: in order, with one append to the store.
   * Each has its own outcome. Calls of one plugin that follow each other are stored in their order.
   *
   * On OK done(arg, outcomes, stride, count) is called exactly once, on any thread, after what the node promises about
   * acknowledged messages holds for all; the outcomes are borrowed until it returns. An outcome TIMED_OUT was stored,
   * but its promise was not kept in time. BUSY: too many messages of plugins wait; try again. Bytes are borrowed until
   * publish_many() returns. The stride is the plugin's sizeof(gantry_outgoing). */
  gantry_status (*publish_many)(void* context, const struct gantry_outgoing* messages, uint64_t stride, uint64_t count,
                                void (*done)(void* arg, const struct gantry_publish_outcome* outcomes, uint64_t stride,
                                             uint64_t count),
                                void* arg, gantry_error* error);

  /* Sends a request without an answer to one live member of the producer group, another one each time. NOT_FOUND when
   * there is none. Fields are pairs: name, value, name, value. Does not block; everything is copied. */
  gantry_status (*ask_producer)(void* context, gantry_bytes group, int32_t code, const gantry_bytes* fields,
                                uint64_t field_count, gantry_bytes body);

  /* [configured] The delays of the levels 1, 2, ... in milliseconds (broker.delay_levels). The array lives as long as
   * the plugin. */
  void (*delay_levels)(void* context, const int64_t** out_ms, uint64_t* out_count);

  /* [configured] The broker's name (broker.name). Lives as long as the plugin. */
  gantry_bytes (*name)(void* context);
} gantry_broker;

#ifdef __cplusplus
}
#endif
#endif
