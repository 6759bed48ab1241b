# Every third-party library and the only room that may use it (the lint reads the owner from rooms.cmake).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS filesystem json container)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)

# Lua compiled as C++, so that its errors unwind our frames (docs/adr/0007-lua-host.md). Linked whole: one library less
# to install, and no indirection on calls that are made for every message.
find_path(GANTRY_LUA_INCLUDE lua.hpp PATH_SUFFIXES lua5.4 REQUIRED)
find_library(GANTRY_LUA_LIBRARY NAMES liblua5.4-c++.a lua5.4-c++ REQUIRED)
add_library(gantry_lua INTERFACE)
target_include_directories(gantry_lua SYSTEM INTERFACE ${GANTRY_LUA_INCLUDE})
target_link_libraries(gantry_lua INTERFACE ${GANTRY_LUA_LIBRARY} m ${CMAKE_DL_LIBS})

find_path(GANTRY_TOMLPP_INCLUDE toml++/toml.h REQUIRED)
find_path(GANTRY_CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
if(GANTRY_TESTS)
  find_package(GTest REQUIRED)
endif()
if(GANTRY_BENCH)
  find_package(benchmark REQUIRED)
endif()
