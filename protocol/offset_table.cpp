#include "protocol/offset_table.hpp"

#include "protocol/json_common_shapes.hpp"

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<ConsumerOffsetTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("dataVersion", d.data_version);
    v.member("offsetTable", d.offsets);
  }
};

template <>
struct Shape<DelayOffsetTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("dataVersion", d.data_version);
    v.member("offsetTable", d.offsets);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(ConsumerOffsetTable)
GANTRY_JSON_BODY(DelayOffsetTable)

}  // namespace gantry::protocol
