/* gantry.store/1 - the log of messages and its queues. Exactly one plugin provides it.
 *
 * A store keeps one log of records (RocketMQ's stored-record layout) and, for each (topic, queue id), a message queue:
 * a sequence of entries that point into the log. It assigns queue offsets, log offsets and store timestamps.
 *
 * Log offsets are byte positions in the log, queue offsets count messages of one queue; both start at 0 and never
 * decrease. Timestamps are milliseconds since the epoch. Thread tags: [any-thread] functions may run concurrently with
 * everything; [control] ones with everything but each other. "Never blocks" means no system call that can wait for a
 * disk and no lock that is held across one. */
#ifndef GANTRY_ABI_STORE_H
#define GANTRY_ABI_STORE_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_STORE_ID "gantry.store/1"

typedef struct gantry_queue gantry_queue;           /* one message queue; owned by the store, valid until destroy() */
typedef struct gantry_read_owner gantry_read_owner; /* keeps the bytes of one read in place */

/* ---- append ---- */

/* The item belongs to the same client batch as the one before it: all of them or none, consecutive in the log and in
 * the queue, with one store timestamp. */
#define GANTRY_APPEND_JOINED 1u

/* One message to append; all bytes are borrowed until append() returns. */
typedef struct gantry_append_item {
  gantry_queue* queue;
  gantry_bytes body;            /* at least 1 byte */
  gantry_bytes properties;      /* RocketMQ's "name 0x01 value 0x02" text; ends in 0x02 when properties_more follows */
  gantry_bytes properties_more; /* appended to it, for what the broker adds; may be empty */
  int64_t born_ms;
  int64_t prepared_offset; /* log offset of the half message that this commits, else 0 */
  int32_t flag;            /* the application's, stored as given */
  int32_t sys_flag;        /* RocketMQ's bits; the address-family bits are set by the store */
  int32_t reconsume_count;
  uint32_t options; /* GANTRY_APPEND_* */
  gantry_address born_host;
  gantry_address store_host;
} gantry_append_item;

typedef struct gantry_append_result {
  gantry_status status; /* GANTRY_OK, or why this item was not stored (the table below) */
  uint32_t record_size; /* the record occupies [log_offset, log_offset + record_size) */
  int64_t log_offset;
  int64_t queue_offset;
  int64_t store_ms;
} gantry_append_result;
/* append statuses: BUSY (a bound was reached, retry), FULL (disk), UNAVAILABLE (stopping, failed, or the queue was
 * deleted), TOO_LARGE (record does not fit a segment, or properties over 32767 bytes), INVALID_ARGUMENT (no body). */

/* ---- read ---- */

/* Decides which messages a read returns. Both stages must be free of side effects; they run on the reading thread. */
typedef struct gantry_matcher {
  uint32_t struct_size;
  uint32_t tag_code_count;  /* 0: every tag code passes */
  const int64_t* tag_codes; /* else an entry's tag code must be one of these */
  void* context;
  /* NULL: the tag codes decide. Else: sets verdicts[i] to 1 (return it) or 0 for each whole stored record. */
  void (*match)(void* context, const gantry_bytes* records, uint8_t* verdicts, uint64_t count);
} gantry_matcher;

/* The read may wait for the disk. Without it a read whose bytes are not in memory answers WOULD_BLOCK at once. */
#define GANTRY_READ_MAY_BLOCK 1u

typedef struct gantry_read_request {
  uint32_t struct_size;
  uint32_t options;
  gantry_queue* queue;
  int64_t offset;              /* first wanted queue offset */
  int64_t visible_end;         /* records that end beyond this log offset are not shown; INT64_MAX: all */
  const gantry_matcher* match; /* NULL: everything matches */
  uint32_t message_count_max;  /* at least 1 */
  uint32_t bytes_max;          /* the first message is returned whatever its size */
  uint32_t scan_count_max;     /* queue entries examined at most; at least 1 */
  uint32_t reserved;
} gantry_read_request;

typedef struct gantry_slice {
  const void* data; /* one or more whole stored records, back to back */
  uint64_t size;
} gantry_slice;

#define GANTRY_READ_FOUND 0u        /* at least one message */
#define GANTRY_READ_NO_MATCH 1u     /* entries were examined, none matched; next_offset is behind them */
#define GANTRY_READ_REMOVED 2u      /* the entries' records are gone from the log; next_offset is behind them */
#define GANTRY_READ_AT_END 3u       /* offset == max_offset, or what follows is not visible yet */
#define GANTRY_READ_EMPTY_QUEUE 4u  /* the queue never held a message */
#define GANTRY_READ_BEFORE_BEGIN 5u /* offset < min_offset */
#define GANTRY_READ_BEYOND_END 6u   /* offset > max_offset */
#define GANTRY_READ_GAP 7u          /* the entry is a hole; next_offset is the next readable one */

typedef struct gantry_read_result {
  uint32_t struct_size;
  uint32_t outcome;        /* GANTRY_READ_* */
  int64_t next_offset;     /* where to read next */
  int64_t min_offset;      /* bounds of the queue at the time of the read */
  int64_t max_offset;      /* the next offset to be assigned */
  gantry_slice* slices;    /* the caller's array */
  uint32_t slice_capacity; /* set by the caller; the read ends when it is full */
  uint32_t slice_count;
  uint32_t message_count;
  uint32_t reserved;
  uint64_t byte_count;
  int64_t last_log_offset;  /* log offset of the last returned record */
  gantry_read_owner* owner; /* not NULL when slices are: give it back with read_release() */
} gantry_read_result;

/* ---- query ---- */

/* The keys of a message are its UNIQ_KEY and the parts of its KEYS, which single blanks separate. Half messages
 * (transaction bits 01 of sys_flag) are found by their keys, rolled back ones (bits 11) and messages of topics that
 * were deleted since are not. */

/* Only messages whose UNIQ_KEY is `key`. Without it also those that have `key` among their KEYS. */
#define GANTRY_QUERY_UNIQUE 1u

typedef struct gantry_query_request {
  uint32_t struct_size;
  uint32_t options;   /* GANTRY_QUERY_* */
  gantry_bytes topic; /* the topic that the message is stored in */
  gantry_bytes key;
  int64_t begin_ms; /* store time, both ends included */
  int64_t end_ms;
  uint32_t count_max; /* at least 1 */
  uint32_t reserved;
} gantry_query_request;

typedef struct gantry_query_result {
  uint32_t struct_size;
  uint32_t count;
  int64_t* log_offsets; /* the caller's array of count_max; the newest matches, in ascending order */
  int64_t indexed_end;  /* records that begin at or behind it were not searched */
  int64_t last_ms;      /* store time and log offset of the newest record in the index, 0 without one: what RocketMQ */
  int64_t last_log_offset; /* calls its last update */
} gantry_query_result;

/* ---- positions, entries, events ---- */

typedef struct gantry_store_positions {
  uint32_t struct_size;
  uint32_t writable;       /* 0: append() answers UNAVAILABLE or FULL at present */
  int64_t log_begin;       /* the oldest byte that can still be read */
  int64_t log_end;         /* where the next record goes */
  int64_t durable_end;     /* every byte below it survives a power cut */
  int64_t oldest_store_ms; /* store timestamp of the oldest record, -1 when empty */
  int64_t disk_total_bytes;
  int64_t disk_free_bytes;
} gantry_store_positions;

typedef struct gantry_queue_entry {
  int64_t log_offset;
  int64_t tag_code;
  int64_t store_ms;
  uint32_t record_size;
  uint32_t reserved;
} gantry_queue_entry;

#define GANTRY_SEARCH_LOWER 0u /* the first offset with store time >= t; max_offset when there is none */
#define GANTRY_SEARCH_UPPER 1u /* the last offset with store time <= t; min_offset when there is none */

/* What the store tells the host, from its own threads. The host does not block in them. */
typedef struct gantry_store_listener {
  uint32_t struct_size;
  uint32_t reserved;
  void* context;
  /* durable_end moved to `log_offset`. Values never decrease. */
  void (*durable)(void* context, int64_t log_offset);
  /* The store cannot keep its promise any more (fsync failed, ...). It acknowledges nothing from now on. */
  void (*failed)(void* context, gantry_bytes reason);
} gantry_store_listener;

/* Receives the bytes of a blob, once, before blob_load() returns. */
typedef void (*gantry_blob_sink)(void* context, gantry_bytes content);

#define GANTRY_BLOB_BACKUP 1u /* the version before the newest, for when the newest cannot be parsed */

typedef struct gantry_store_table {
  uint32_t struct_size;
  uint32_t reserved;

  /* [control][before start] The listener's table is copied; its context outlives the store. */
  void (*listen)(void* self, const gantry_store_listener* listener);

  /* [any-thread] The queue's handle; the queue comes into being with its first message. Never blocks. The topic's name
   * has been validated by the host and is safe as a file name. */
  gantry_status (*queue_open)(void* self, gantry_bytes topic, int32_t queue_id, gantry_queue** out,
                              gantry_error* error);
  /* [any-thread] min_offset == max_offset: nothing to read. Never blocks. */
  void (*queue_bounds)(void* self, gantry_queue* queue, int64_t* min_offset, int64_t* max_offset);

  /* [any-thread] Appends `count` items in order under one short lock; each gets its own result. Never blocks. The
   * strides are the sizes of the caller's structs. */
  void (*append)(void* self, const gantry_append_item* items, uint64_t item_stride, gantry_append_result* results,
                 uint64_t result_stride, uint64_t count);

  /* [any-thread] Somebody waits for durable_end >= log_offset: make it so soon, with one sync for all who wait.
   * Returns at once; the listener tells when. Without such a call the store syncs at its own pace. */
  void (*want_durable)(void* self, int64_t log_offset);

  /* [any-thread] GANTRY_OK and an outcome; WOULD_BLOCK; UNAVAILABLE; or IO / CORRUPT with `error` filled. */
  gantry_status (*read)(void* self, const gantry_read_request* request, gantry_read_result* result,
                        gantry_error* error);
  /* [any-thread] The one record that begins at log_offset. NOT_FOUND when no valid record begins there. */
  gantry_status (*read_record)(void* self, int64_t log_offset, uint32_t options, gantry_read_result* result,
                               gantry_error* error);
  /* [any-thread] Ends a read: its slices are not touched afterwards. Never blocks. */
  void (*read_release)(void* self, gantry_read_owner* owner);

  /* [any-thread] One entry. NOT_FOUND outside [min, max). store_ms costs a look into the log. */
  gantry_status (*queue_entry)(void* self, gantry_queue* queue, int64_t offset, uint32_t options,
                               gantry_queue_entry* out, gantry_error* error);
  /* [any-thread] By store time; the result lies in [min_offset, max_offset]. */
  gantry_status (*search_time)(void* self, gantry_queue* queue, int64_t time_ms, uint32_t boundary, uint32_t options,
                               int64_t* out_offset, gantry_error* error);

  /* [any-thread] Never blocks. */
  void (*positions)(void* self, gantry_store_positions* out);

  /* [control] Drops the topic's queues. Their handles stay valid and dead: append answers UNAVAILABLE, reads find an
   * empty queue. A later queue_open of the same name starts at offset 0 again. May block. */
  gantry_status (*topic_delete)(void* self, gantry_bytes topic, gantry_error* error);

  /* [control] Small named files of the host (topics.json, ...), kept next to the log. Names consist of letters, digits,
   * '.', '-' and '_'. Saving is atomic and durable, and keeps the version before. May block.
   * load: NOT_FOUND when there is none. */
  gantry_status (*blob_save)(void* self, gantry_bytes name, gantry_bytes content, gantry_error* error);
  gantry_status (*blob_load)(void* self, gantry_bytes name, uint32_t options, gantry_blob_sink sink, void* context,
                             gantry_error* error);

  /* [any-thread] Finds messages by key; every result was compared with the record itself, its store time included, and
   * is where a record begins. Finding none is GANTRY_OK with a count of 0. May block, whatever the request.
   * INVALID_ARGUMENT for an empty key or a count_max of 0; UNSUPPORTED when the store keeps no index. */
  gantry_status (*query)(void* self, const gantry_query_request* request, gantry_query_result* result,
                         gantry_error* error);

  /* Since ABI 1.3, may be NULL: [control][before start] The delays of the levels 1, 2, ... in milliseconds. The tag
   * code of an entry of SCHEDULE_TOPIC_XXXX is its store time plus the delay of its level. Without the call: RocketMQ's
   * 18 levels. */
  gantry_status (*delay_levels)(void* self, const int64_t* ms, uint64_t count, gantry_error* error);
} gantry_store_table;

#ifdef __cplusplus
}
#endif
#endif
