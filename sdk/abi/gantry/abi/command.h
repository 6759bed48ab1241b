/* gantry.command/1 - serves remoting request codes that the kernel does not serve itself. One provider per code. */
#ifndef GANTRY_ABI_COMMAND_H
#define GANTRY_ABI_COMMAND_H

#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_COMMAND_ID "gantry.command/1"

/* What changes the broker may only be sent by peers that may administrate it. */
#define GANTRY_COMMAND_ADMIN 1u

typedef struct gantry_command_code {
  int32_t code;
  uint32_t flags;
} gantry_command_code;

typedef struct gantry_command_field {
  gantry_bytes name;
  gantry_bytes value;
} gantry_command_field;

/* A request; all bytes are borrowed until execute() returns. */
typedef struct gantry_command_request {
  uint32_t struct_size;
  int32_t code;
  uint64_t ticket; /* for gantry_host.answer */
  const gantry_command_field* fields;
  uint64_t field_count;
  gantry_bytes remark;
  gantry_bytes body;
  gantry_address peer;
  gantry_bytes language; /* "JAVA", "GO", ... */
  int32_t version;
  uint32_t oneway; /* 1: the answer is dropped */
} gantry_command_request;

typedef struct gantry_command_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* [control][configured] The codes served. Static data. */
  const gantry_command_code* (*codes)(void* self, uint64_t* out_count);
  /* [shard][started] Answers through gantry_host.answer with the ticket, at once or later, from any thread, exactly
   * once; the host answers SYSTEM_ERROR in its place after its deadline. Must not block. */
  void (*execute)(void* self, const gantry_command_request* request);
} gantry_command_table;

#ifdef __cplusplus
}
#endif
#endif
