# gantry_add_plugin(<name> SOURCES ... [LIBS ...])
#
# Builds <name>.so as a Gantry plugin against the SDK alone. In Gantry's tree it goes to <build>/plugins/, where the
# broker of the same build finds it; with the installed SDK it goes to the current binary directory.
function(gantry_add_plugin name)
  cmake_parse_arguments(PLUGIN "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT PLUGIN_SOURCES)
    message(FATAL_ERROR "gantry_add_plugin(${name}): expected SOURCES with at least one file, found none")
  endif()
  add_library(${name} MODULE ${PLUGIN_SOURCES})
  target_link_libraries(${name} PRIVATE gantry::sdk ${PLUGIN_LIBS})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${name} PRIVATE cxx_std_20)
  # Symbols of libraries that are linked in must not leak out of the plugin or bind to another plugin's.
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic)
  if(NOT GANTRY_SANITIZE)
    # A sanitizer's runtime is resolved at load time from the host process; everything else must be linked.
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  if(gantry_BINARY_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${gantry_BINARY_DIR}/plugins)
    install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gantry/plugins COMPONENT broker)
  endif()
endfunction()
