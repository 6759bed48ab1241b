/* What every table of the seam is made of: fixed-width integers, pointer-and-length pairs, opaque handles, status
 * codes and an error text that the caller owns. Nothing else crosses: no exceptions, no std:: types, no bool, no enum.
 *
 * Growth: every table and every struct that may grow begins with `uint32_t struct_size`, set by whoever fills it.
 * Members are only ever appended; who reads a member first checks that struct_size reaches behind it. */
#ifndef GANTRY_ABI_TYPES_H
#define GANTRY_ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the whole seam. A plugin's major must equal the host's; its minor may not exceed the host's. */
#define GANTRY_ABI_MAJOR 1
#define GANTRY_ABI_MINOR 3

typedef int32_t gantry_status;
#define GANTRY_OK 0
#define GANTRY_E_INVALID_ARGUMENT 1
#define GANTRY_E_NOT_FOUND 2
#define GANTRY_E_ALREADY_EXISTS 3
#define GANTRY_E_PERMISSION_DENIED 4
#define GANTRY_E_BUSY 5
#define GANTRY_E_WOULD_BLOCK 6
#define GANTRY_E_FULL 7
#define GANTRY_E_UNAVAILABLE 8
#define GANTRY_E_TIMED_OUT 9
#define GANTRY_E_CORRUPT 10
#define GANTRY_E_IO 11
#define GANTRY_E_TOO_LARGE 12
#define GANTRY_E_UNSUPPORTED 13
#define GANTRY_E_INTERNAL 14

/* Borrowed bytes: valid until the call returns unless the function says otherwise. Text is UTF-8, not terminated. */
typedef struct gantry_bytes {
  const void* data;
  uint64_t size;
} gantry_bytes;

/* Where a callee puts its error text. The caller owns `text` (capacity bytes); the callee writes at most `capacity`
 * bytes, sets `size` to what it wrote, and does not terminate it. */
typedef struct gantry_error {
  char* text;
  uint32_t capacity;
  uint32_t size;
} gantry_error;

/* An IPv4 (ip_size 4) or IPv6 (ip_size 16) address with its port, the address in network byte order. */
typedef struct gantry_address {
  uint8_t ip[16];
  uint32_t ip_size;
  uint32_t port;
} gantry_address;

#ifdef __cplusplus
}
#endif
#endif
