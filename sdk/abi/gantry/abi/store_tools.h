/* gantry.store_tools/1 - looks into the files of a store from outside, for an operator. Provided by store plugins that
 * keep files, beside gantry.store/1.
 *
 * The functions work on the files that the plugin's options name while the plugin is configured and NOT started: no
 * broker around it. Another process may have the same files open and write to them (the store is "running" then); what
 * it adds after a function began is not looked at, what it removes meanwhile is not missed. Only rebuild() and copy()
 * write, rebuild() to the store itself, copy() to its target.
 *
 * All functions: [control][configured, not started], one at a time, may block for as long as the disk takes to read the
 * store. Callbacks run on the calling thread before the function returns; their bytes are borrowed for the callback.
 * Memory is bounded by the count of queues, not by that of messages. */
#ifndef GANTRY_ABI_STORE_TOOLS_H
#define GANTRY_ABI_STORE_TOOLS_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_STORE_TOOLS_ID "gantry.store_tools/1"

/* ---- what comes back ---- */

#define GANTRY_FINDING_NOTE 1u    /* normal in the state that the store is in; nothing to do */
#define GANTRY_FINDING_WARNING 2u /* the store repairs it by itself, or nothing is lost */
#define GANTRY_FINDING_ERROR 3u   /* damage: data or derived data is wrong or missing */

/* Something that is not as it should be. */
typedef struct gantry_store_finding {
  uint32_t struct_size;
  uint32_t severity;     /* GANTRY_FINDING_* */
  gantry_bytes file;     /* relative to the store's root folder where possible */
  int64_t position;      /* byte in the file; -1: the file as a whole */
  gantry_bytes expected; /* complete phrases for people */
  gantry_bytes found;
  gantry_bytes remedy;
} gantry_store_finding;

/* A piece of knowledge: in the group "topics", the item "orders" has the "messages" "17". Items of a group have the
 * same keys in the same order and come one after the other; groups that are no list have an empty item. */
typedef struct gantry_store_fact {
  uint32_t struct_size;
  uint32_t reserved;
  gantry_bytes group;
  gantry_bytes item;
  gantry_bytes key;
  gantry_bytes value;
} gantry_store_fact;

/* A record of the log. */
typedef struct gantry_store_record {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t log_offset;
  gantry_bytes record; /* the whole stored record; its structure and checksum have been checked */
} gantry_store_record;

/* Where results go. All functions are set. */
typedef struct gantry_store_report {
  uint32_t struct_size;
  uint32_t reserved;
  void* context;
  /* What is being done, and how far it is; total 0: not known. Many times a second. Returns 0 to go on; anything else
   * ends the function soon, with UNAVAILABLE. */
  int32_t (*progress)(void* context, gantry_bytes step, int64_t done, int64_t total);
  void (*finding)(void* context, const gantry_store_finding* finding);
  void (*fact)(void* context, const gantry_store_fact* fact);
  /* Returns 0 to go on; anything else: enough, the function returns GANTRY_OK. */
  int32_t (*record)(void* context, const gantry_store_record* record);
} gantry_store_report;

/* ---- what is asked for ---- */

#define GANTRY_TOOLS_QUICK 1u      /* check: structure, ends and samples, instead of every record and entry */
#define GANTRY_TOOLS_DEEP 2u       /* stat: count by reading the log */
#define GANTRY_TOOLS_FILE_SIZES 4u /* take the sizes of the files from the files, not from the plugin's options */
#define GANTRY_TOOLS_QUEUES 8u     /* rebuild: the queues */
#define GANTRY_TOOLS_INDEX 16u     /* rebuild: the index of keys */
#define GANTRY_TOOLS_DISCARD 32u   /* rebuild: remove what is replaced instead of keeping it aside */

/* Members that a function does not name are ignored. Ranges include their begin and exclude their end. */
typedef struct gantry_store_question {
  uint32_t struct_size;
  uint32_t options;   /* GANTRY_TOOLS_* */
  gantry_bytes topic; /* empty: all */
  gantry_bytes key;   /* among KEYS or UNIQ_KEY; empty: all */
  gantry_bytes file;  /* locate: a file, absolute or relative to the root; empty: log_begin is meant */
  gantry_bytes target;
  int32_t queue_id;   /* -1: all */
  uint32_t count_max; /* 0: all. dump: records; stat: items of a list; check: findings told of a kind and file */
  int64_t log_begin;  /* log offsets; 0 and INT64_MAX: all */
  int64_t log_end;
  int64_t offset_begin; /* queue offsets */
  int64_t offset_end;
  int64_t time_begin; /* store time, ms */
  int64_t time_end;
  int64_t position; /* locate: byte in `file` */
} gantry_store_question;

/* Every function: GANTRY_OK when it could do its work, whatever it found; NOT_FOUND when there is no store there;
 * UNAVAILABLE when a callback stopped it; or IO and the like with `error` filled. */
typedef struct gantry_store_tools_table {
  uint32_t struct_size;
  uint32_t reserved;

  /* Verifies every file. Options: QUICK, FILE_SIZES. Findings, then facts that count what was looked at. */
  gantry_status (*check)(void* self, const gantry_store_question* question, const gantry_store_report* report,
                         gantry_error* error);
  /* Facts: files, sizes, ends, ages, topics. Options: DEEP, FILE_SIZES. */
  gantry_status (*stat)(void* self, const gantry_store_question* question, const gantry_store_report* report,
                        gantry_error* error);
  /* Records in the order of the log, or of the queue when topic and queue_id name one: topic, queue_id, key, count_max
   * and the ranges choose which. What cannot be read is a finding. Options: FILE_SIZES. */
  gantry_status (*dump)(void* self, const gantry_store_question* question, const gantry_store_report* report,
                        gantry_error* error);
  /* Facts: what lies at `position` of `file`, or in [log_begin, log_end) of the log, and what refers to it. Options:
   * FILE_SIZES. */
  gantry_status (*locate)(void* self, const gantry_store_question* question, const gantry_store_report* report,
                          gantry_error* error);
  /* Makes queues and index (options QUEUES, INDEX) anew from the log; `topic` limits it to one. BUSY when the store is
   * running. What is replaced is kept aside (the fact "kept"/"folder") unless DISCARD. */
  gantry_status (*rebuild)(void* self, const gantry_store_question* question, const gantry_store_report* report,
                           gantry_error* error);
  /* Writes a consistent copy, durable when it returns, into the folder `target`: it does not exist or is empty, else
   * ALREADY_EXISTS. FULL, before anything is written, when it would not fit. A start on the copy recovers as after a
   * crash. What was acknowledged before the call is in it. Options: FILE_SIZES. */
  gantry_status (*copy)(void* self, const gantry_store_question* question, const gantry_store_report* report,
                        gantry_error* error);
} gantry_store_tools_table;

#ifdef __cplusplus
}
#endif
#endif
