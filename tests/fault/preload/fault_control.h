#ifndef GANTRY_FAULT_CONTROL_H
#define GANTRY_FAULT_CONTROL_H
/* What a test and the library in the broken process share: a mapped file of this layout (GANTRY_FAULT_CONTROL names
 * it). Calls of the kinds in `kinds` on files below GANTRY_FAULT_ROOT are counted; those whose number lies in
 * [fail_from, fail_until) fail with `error_number`, or, when that is 0 and the call moves bytes, move about half of
 * them. Every member is read and written atomically; a test arms it at any time: first the rest, `fail_from` last. */

#include <stdint.h>

enum {
  GANTRY_FAULT_OPEN = 1,
  GANTRY_FAULT_READ = 2,
  GANTRY_FAULT_WRITE = 4,
  GANTRY_FAULT_SYNC = 8,
  GANTRY_FAULT_TRUNCATE = 16,
  GANTRY_FAULT_ALLOCATE = 32,
  GANTRY_FAULT_MAP = 64,
  GANTRY_FAULT_RENAME = 128,
  GANTRY_FAULT_UNLINK = 256,
  GANTRY_FAULT_MKDIR = 512,
  GANTRY_FAULT_EVERYTHING = 1023
};

struct gantry_fault_control {
  int64_t kinds;
  int64_t calls;     /* counted so far */
  int64_t fail_from; /* the first call that fails; 0: none */
  int64_t fail_until;
  int64_t error_number; /* 0: shorten */
  int64_t failed;       /* calls that failed or were shortened */
  char last[256];       /* the newest of them: "write /path" */
};

#endif
