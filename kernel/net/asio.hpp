#pragma once
// The only door to Asio: everything of it that this room uses, and nothing else. Other rooms never see it.

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

namespace gantry::net {

namespace asio = boost::asio;
using boost::system::error_code;

/// Readiness of one file descriptor. The concrete executor type spares the type-erased one's indirections.
using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

}  // namespace gantry::net
