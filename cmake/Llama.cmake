# The embedded engine: a built llama.cpp under LLAMA_ROOT, with include/ (llama.h, ggml*.h, common/, ...)
# and lib/. scripts/fetch-engine.sh fills the default; a user points LLAMA_ROOT at a build of their own
# (CUDA, ROCm, Metal). Gives the target moestress_llama.
set(LLAMA_ROOT "${CMAKE_SOURCE_DIR}/.deps/llama" CACHE PATH "A built llama.cpp: include/ and lib/")

if(NOT EXISTS "${LLAMA_ROOT}/include/llama.h")
  message(FATAL_ERROR
    "No llama.h in ${LLAMA_ROOT}/include. Run scripts/fetch-engine.sh, or pass -DLLAMA_ROOT=<prefix of your llama.cpp>.")
endif()

# The packaged builds carry variant and version in the name (libllama.vulkan.v0.5.0.so); one's own is libllama.so.
function(moestress_find_llama_library out name)
  file(GLOB candidates "${LLAMA_ROOT}/lib/lib${name}.so" "${LLAMA_ROOT}/lib/lib${name}.*.so"
                       "${LLAMA_ROOT}/lib/lib${name}.dylib")
  list(LENGTH candidates count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "Expected one lib${name} in ${LLAMA_ROOT}/lib, found ${count}: ${candidates}")
  endif()
  set(${out} ${candidates} PARENT_SCOPE)
endfunction()

moestress_find_llama_library(llama_library llama)
moestress_find_llama_library(llama_common_library llama-common)
moestress_find_llama_library(ggml_library ggml)
moestress_find_llama_library(ggml_base_library ggml-base)

add_library(moestress_llama INTERFACE)
target_include_directories(moestress_llama SYSTEM INTERFACE
  ${LLAMA_ROOT}/include ${LLAMA_ROOT}/include/common ${LLAMA_ROOT}/include/src ${LLAMA_ROOT}/include/vendor)
target_link_libraries(moestress_llama INTERFACE
  ${llama_common_library} ${llama_library} ${ggml_library} ${ggml_base_library} ${CMAKE_DL_LIBS})
set(CMAKE_BUILD_RPATH "${LLAMA_ROOT}/lib")
set(CMAKE_INSTALL_RPATH "${LLAMA_ROOT}/lib")
