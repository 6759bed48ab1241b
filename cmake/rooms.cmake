# Who may include whom. This list is data: gantry_room() links from it, tools/check_rooms.py reads it too.
#
#   "<room> <- <rooms it may include>"      what is not listed is forbidden; there are no cycles
#
# Test files (*_test.cpp) may in addition include their own room's test helpers and tests/support.
set(GANTRY_ROOMS
  "sdk/abi <-"
  "sdk/cpp <- sdk/abi"
  "sdk/check <- sdk/abi sdk/cpp"
  "protocol <- sdk/abi sdk/cpp"
  "kernel/base <- sdk/abi sdk/cpp"
  "kernel/env <- kernel/base sdk/abi sdk/cpp"
  "kernel/config <- kernel/base sdk/abi sdk/cpp"
  "kernel/net <- kernel/base kernel/env kernel/config protocol sdk/abi sdk/cpp"
  "kernel/routing <- kernel/base kernel/env protocol sdk/abi sdk/cpp"
  "kernel/broker <- kernel/routing kernel/base protocol sdk/abi sdk/cpp"
  "kernel/plugin <- kernel/base kernel/config sdk/abi sdk/cpp sdk/check"
  "kernel/script <- kernel/base kernel/env protocol sdk/abi sdk/cpp"
  "kernel <- kernel/base kernel/env kernel/config kernel/net kernel/routing kernel/broker kernel/plugin kernel/script protocol sdk/abi sdk/cpp"
  "plugins/* <- protocol sdk/abi sdk/cpp"
  "client <- protocol kernel/base kernel/net sdk/abi sdk/cpp"
  "cli <- kernel client kernel/base kernel/env kernel/config kernel/plugin kernel/script kernel/net protocol sdk/abi sdk/cpp sdk/check"
  "tests/support <- client kernel/base kernel/net protocol sdk/abi sdk/cpp"
  "tests <- *"
  "bench <- client kernel/base kernel/net protocol sdk/abi sdk/cpp"
)

# Which room owns a third-party library: "<include prefix> <- <room>".
set(GANTRY_THIRD_PARTY
  "boost/asio <- kernel/net"
  "boost/beast <- kernel/net"
  "openssl/ <- kernel/net"
  "boost/dll <- kernel/plugin"
  "toml++/ <- kernel/config"
  "lua.hpp <- kernel/script"
  "boost/json <- protocol"
  "zlib.h <- protocol"
  "isa-l <- protocol"
  "CLI/ <- cli"
)
