/* Functions that expressions of a filter language may call, such as risk(country) in "amount > 100 AND risk(country) <
 * 3".
 *
 * The host provides them (its script host exports them from scripts); a filter plugin resolves a name when it compiles
 * an expression and calls the handle for each message. The table is `functions` of gantry_host; NULL there: this host
 * has none. */
#ifndef GANTRY_ABI_FUNCTIONS_H
#define GANTRY_ABI_FUNCTIONS_H

#include "gantry/abi/filter.h"
#include "gantry/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_VALUE_NULL 0u
#define GANTRY_VALUE_BOOL 1u   /* `integer`, 0 or 1 */
#define GANTRY_VALUE_INT64 2u  /* `integer` */
#define GANTRY_VALUE_DOUBLE 3u /* `number` */
#define GANTRY_VALUE_TEXT 4u   /* `text` */

/* An argument or a result. Members that the kind does not name are 0. Passed in plain arrays: it never grows. */
typedef struct gantry_value {
  uint32_t kind; /* GANTRY_VALUE_* */
  uint32_t reserved;
  int64_t integer;
  double number;
  gantry_bytes text;
} gantry_value;

typedef struct gantry_function gantry_function; /* a resolved function */

#define GANTRY_FUNCTION_ARGUMENTS_MAX 16

typedef struct gantry_functions {
  uint32_t struct_size;
  uint32_t reserved;
  void* context; /* first argument of both functions */

  /* [any-thread] Finds a function that takes `argument_count` arguments. NOT_FOUND with a text that names the function
   * and what there is. The handle can be called as long as the host lives, also after the script behind it was
   * reloaded; when the function has gone meanwhile, calls fail. Does not block. */
  gantry_status (*resolve)(void* context, gantry_bytes name, uint32_t argument_count, gantry_function** out,
                           gantry_error* error);
  /* [any-thread, concurrently] Calls it for one message. `count` is the one it was resolved with. Arguments and message
   * are borrowed until it returns; a text in `out` is valid until the next call on the same thread. Not GANTRY_OK:
   * there is no result, `out` is untouched. Does not block; bounded by the provider's deadline. */
  gantry_status (*call)(void* context, gantry_function* function, const gantry_value* arguments, uint32_t count,
                        const gantry_filter_message* message, gantry_value* out);
} gantry_functions;

#ifdef __cplusplus
}
#endif
#endif
