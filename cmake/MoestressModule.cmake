# moestress_module(NAME <name> LAYER <n>
#   HEADERS <x.h>... SOURCES <x.cc>... [DEPS <module>...] [LIBS <target>...] [PRIVATE_LIBS <target>...]
#   [TESTS <x_test.cc>...] [TEST_DEPS <module>...] [TEST_LIBS <target>...] [BENCHES <x_bench.cc>...])
#
# Declares src/<name> as the static library moestress_<name>. DEPS are the modules it may include; each must be
# of a lower layer, else configuration stops. LIBS are part of its interface, PRIVATE_LIBS are not.
# TESTS become one GoogleTest program, <name>_test; TEST_DEPS are further modules that only the tests include.
# BENCHES become <name>_bench. Each header is also compiled alone.

function(moestress_module)
  cmake_parse_arguments(M "" "NAME;LAYER"
    "HEADERS;SOURCES;DEPS;LIBS;PRIVATE_LIBS;TESTS;TEST_DEPS;TEST_LIBS;BENCHES" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "moestress_module(${M_NAME}): unknown arguments ${M_UNPARSED_ARGUMENTS}")
  endif()
  set(target moestress_${M_NAME})

  foreach(dep IN LISTS M_DEPS M_TEST_DEPS)
    get_property(dep_layer GLOBAL PROPERTY moestress_layer_${dep})
    if(dep_layer STREQUAL "")
      message(FATAL_ERROR "Module ${M_NAME} depends on ${dep}, which is not declared before it.")
    endif()
    if(dep IN_LIST M_DEPS AND NOT dep_layer LESS M_LAYER)
      message(FATAL_ERROR "Module ${M_NAME} (layer ${M_LAYER}) may not depend on ${dep} (layer ${dep_layer}): "
                          "a module includes lower layers only.")
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY moestress_layer_${M_NAME} ${M_LAYER})
  set_property(GLOBAL PROPERTY moestress_deps_${M_NAME} "${M_DEPS}")
  set_property(GLOBAL PROPERTY moestress_test_deps_${M_NAME} "${M_TEST_DEPS}")
  set_property(GLOBAL APPEND PROPERTY moestress_modules ${M_NAME})

  if(M_SOURCES)
    add_library(${target} STATIC ${M_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE moestress_compile_options ${M_PRIVATE_LIBS})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM M_DEPS PREPEND moestress_ OUTPUT_VARIABLE dep_targets)
  target_link_libraries(${target} ${scope} ${dep_targets} ${M_LIBS})

  if(NOT MOESTRESS_TESTS)
    return()
  endif()

  # Self-contained headers: each is the only include of a translation unit.
  set(header_units "")
  foreach(header IN LISTS M_HEADERS)
    string(REPLACE "/" "_" unit "${header}")
    set(unit "${CMAKE_CURRENT_BINARY_DIR}/alone/${unit}.cc")
    file(CONFIGURE OUTPUT "${unit}" CONTENT "#include \"${M_NAME}/${header}\"  // IWYU pragma: keep\n")
    list(APPEND header_units "${unit}")
  endforeach()
  if(header_units)
    add_library(${M_NAME}_headers_alone OBJECT ${header_units})
    target_compile_options(${M_NAME}_headers_alone PRIVATE -fsyntax-only)
    target_link_libraries(${M_NAME}_headers_alone PRIVATE moestress_compile_options ${target})
  endif()

  if(M_TESTS)
    add_executable(${M_NAME}_test ${M_TESTS})
    list(TRANSFORM M_TEST_DEPS PREPEND moestress_ OUTPUT_VARIABLE test_dep_targets)
    target_link_libraries(${M_NAME}_test PRIVATE moestress_compile_options ${target} ${test_dep_targets}
      ${M_TEST_LIBS} GTest::gmock GTest::gtest_main)
    target_compile_definitions(${M_NAME}_test PRIVATE
      MOESTRESS_SOURCE_DIR="${CMAKE_SOURCE_DIR}" MOESTRESS_BINARY_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME ${M_NAME} COMMAND ${M_NAME}_test)
    set_tests_properties(${M_NAME} PROPERTIES TIMEOUT 300)
  endif()
  if(M_BENCHES AND MOESTRESS_BENCH)
    add_executable(${M_NAME}_bench ${M_BENCHES})
    target_link_libraries(${M_NAME}_bench PRIVATE moestress_compile_options ${target} benchmark::benchmark_main)
  endif()
endfunction()

# Registers the test that no module includes a module it did not declare, nor a library another module owns.
function(moestress_check_includes)
  if(NOT MOESTRESS_TESTS)
    return()
  endif()
  get_property(modules GLOBAL PROPERTY moestress_modules)
  set(declared "set(modules ${modules})\n")
  foreach(module IN LISTS modules)
    get_property(deps GLOBAL PROPERTY moestress_deps_${module})
    get_property(test_deps GLOBAL PROPERTY moestress_test_deps_${module})
    string(APPEND declared "set(deps_${module} ${deps})\nset(test_deps_${module} ${test_deps})\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/declared_modules.cmake CONTENT "${declared}")
  add_test(NAME includes COMMAND ${CMAKE_COMMAND}
    -DDECLARED=${CMAKE_BINARY_DIR}/declared_modules.cmake -DSOURCE_DIR=${CMAKE_SOURCE_DIR}
    -P ${CMAKE_SOURCE_DIR}/cmake/CheckIncludes.cmake)
endfunction()
