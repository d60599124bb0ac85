# Warnings, sanitizers and ccache.

# Warnings are errors with the compilers that the project is pinned to; another one may know new warnings.
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12\\.")
   OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^14\\."))
  set(pinned_compiler ON)
else()
  set(pinned_compiler OFF)
endif()
option(MOESTRESS_WERROR "Treat warnings as errors" ${pinned_compiler})

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(moestress_compile_options INTERFACE)
target_compile_options(moestress_compile_options INTERFACE -Wall -Wextra)
if(MOESTRESS_WERROR)
  target_compile_options(moestress_compile_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside libstdc++ itself when it inlines std::string (GCC bugs 105329, 105651).
  target_compile_options(moestress_compile_options INTERFACE
    $<$<CONFIG:Release>:-Wno-restrict -Wno-stringop-overflow -Wno-maybe-uninitialized>)
endif()
if(MOESTRESS_SANITIZE)
  add_compile_options(-fsanitize=${MOESTRESS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MOESTRESS_SANITIZE})
endif()
if(MOESTRESS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
