/* What the broker offers to a plugin. One table for each instance, alive as long as the instance.
 *
 * Every function is [any-thread] and does not block unless it says otherwise. */
#ifndef GANTRY_ABI_HOST_H
#define GANTRY_ABI_HOST_H

#include "gantry/abi/broker.h"
#include "gantry/abi/functions.h"
#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_LOG_TRACE 0u
#define GANTRY_LOG_DEBUG 1u
#define GANTRY_LOG_INFO 2u
#define GANTRY_LOG_WARN 3u
#define GANTRY_LOG_ERROR 4u

#define GANTRY_METRIC_COUNTER 1u
#define GANTRY_METRIC_GAUGE 2u
#define GANTRY_METRIC_HISTOGRAM 3u /* of nanoseconds, bytes or counts, as the name's ending says */

typedef struct gantry_metric gantry_metric;

/* What a plugin does with a fault it cannot handle itself. */
#define GANTRY_FAULT_DEGRADED 1u /* it goes on with less; shown to the operator */
#define GANTRY_FAULT_FATAL 2u    /* the node must stop serving; the host begins an orderly stop */

/* Of a message in a batch: it is stored only when the one before it was, else its outcome is UNAVAILABLE. */
#define GANTRY_OUTGOING_AFTER 1u

/* A message for the host to publish on the plugin's behalf. Bytes are borrowed until publish() returns. */
typedef struct gantry_outgoing {
  uint32_t struct_size;
  int32_t queue_id; /* -1: the host chooses */
  gantry_bytes topic;
  gantry_bytes body;
  gantry_bytes properties;
  int64_t born_ms;
  int64_t prepared_offset;
  int32_t flag;
  int32_t sys_flag;
  int32_t reconsume_count;
  uint32_t reserved;
  gantry_address born_host;
  /* Since ABI 1.3 (struct_size says whether they are there). */
  uint32_t options; /* GANTRY_OUTGOING_* */
  uint32_t reserved2;
} gantry_outgoing;

typedef struct gantry_publish_outcome {
  uint32_t struct_size;
  gantry_status status;
  int64_t log_offset;
  int64_t queue_offset;
  gantry_bytes message_id; /* offset message id; borrowed until the callback returns */
} gantry_publish_outcome;

typedef struct gantry_host {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void* context; /* first argument of every function below */

  /* `event` names what happened ("storage.recovered"), `text` holds "key=value" fields for people. */
  void (*log)(void* context, uint32_t level, gantry_bytes event, gantry_bytes text);
  int (*log_enabled)(void* context, uint32_t level);

  int64_t (*wall_ms)(void* context);
  int64_t (*steady_ns)(void* context);

  /* Runs fn(arg) on the bounded pool for blocking work. BUSY when its queue is full: fn will not run. What was accepted
   * runs exactly once, before destroy(). */
  gantry_status (*run_blocking)(void* context, void (*fn)(void* arg), void* arg);
  /* Runs fn(arg) once on the control thread after delay_ms. Writes an id for timer_cancel. fn must not block. BUSY when
   * the plugin has too many timers. Timers that are pending at destroy() never run. */
  gantry_status (*timer_start)(void* context, int64_t delay_ms, void (*fn)(void* arg), void* arg, uint64_t* out_id);
  /* 1 when the timer will not run; 0 when it ran or is running. */
  int (*timer_cancel)(void* context, uint64_t id);

  /* A metric of this plugin: the name is prefixed with the plugin's id. The handle is valid until destroy. NULL when
   * the name exists with another kind. */
  gantry_metric* (*metric)(void* context, uint32_t kind, gantry_bytes name, gantry_bytes help);
  void (*metric_add)(gantry_metric* metric, int64_t value);    /* counter, gauge */
  void (*metric_set)(gantry_metric* metric, int64_t value);    /* gauge */
  void (*metric_record)(gantry_metric* metric, int64_t value); /* histogram */

  void (*fault)(void* context, uint32_t severity, gantry_bytes text);

  /* [any-thread][started] Publishes through the normal path (without interceptors) into an existing or system topic.
   * done(arg, outcome) is called exactly once, on any thread, after the topic's acknowledgement promise is kept. */
  gantry_status (*publish)(void* context, const gantry_outgoing* message,
                           void (*done)(void* arg, const gantry_publish_outcome* outcome), void* arg,
                           gantry_error* error);

  /* Answers a request that a gantry.command left open. Exactly once per ticket; body and fields are copied. Fields are
   * pairs: name, value, name, value. */
  void (*answer)(void* context, uint64_t ticket, int32_t code, gantry_bytes remark, const gantry_bytes* fields,
                 uint64_t field_count, gantry_bytes body);

  /* The node's data folder as an absolute path: the root of the store. A plugin that is no store keeps its files in
   * "gantry/<plugin id>" below it. Valid as long as the instance. */
  gantry_bytes (*data_folder)(void* context);

  /* Since ABI 1.2: functions that filter expressions may call. NULL: this host provides none. The same pointer as long
   * as the instance. */
  const gantry_functions* functions;

  /* Since ABI 1.3: the running broker. NULL: this host has none (a tool). The same pointer as long as the instance. */
  const gantry_broker* broker;
} gantry_host;

#ifdef __cplusplus
}
#endif
#endif
