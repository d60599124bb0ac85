# moestress_embed_text(OUTPUT <out.cc> HEADER <x.h> FUNCTION <namespace::name> FILES <file>...)
#
# Writes a source file that defines `std::string_view <namespace::name>(std::string_view stem)`, which HEADER
# declares: the text of the file with that name (without ending), or an empty one. So texts that users may copy and
# change stand in the source tree as files of their own, and the program needs no data files beside it.
# Configuration runs anew when a file changes.
function(moestress_embed_text)
  cmake_parse_arguments(E "" "OUTPUT;HEADER;FUNCTION" "FILES" ${ARGN})
  set(cases "")
  foreach(file IN LISTS E_FILES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    file(READ "${file}" text)
    string(FIND "${text}" ")~text~\"" delimiter)
    if(NOT delimiter EQUAL -1)
      message(FATAL_ERROR "${file} holds the delimiter of the string that it is embedded in.")
    endif()
    get_filename_component(stem "${file}" NAME_WLE)
    string(APPEND cases "  if (stem == \"${stem}\") return R\"~text~(${text})~text~\";\n")
  endforeach()
  string(CONCAT source "// Written by cmake/EmbedText.cmake.\n#include \"${E_HEADER}\"\n\n"
                       "std::string_view ${E_FUNCTION}(std::string_view stem) {\n${cases}  return {};\n}\n")
  set(present "")
  if(EXISTS "${E_OUTPUT}")
    file(READ "${E_OUTPUT}" present)
  endif()
  if(NOT present STREQUAL source)
    file(WRITE "${E_OUTPUT}" "${source}")
  endif()
endfunction()
