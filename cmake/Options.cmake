# Compiler flags of our own targets, as one interface library.
# GCC 12 reports overflows inside std::string that cannot happen (its bugs 105329 and 105651): those are off.
add_library(swift_options INTERFACE)
target_compile_options(swift_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wno-missing-field-initializers -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds>)
if(SWIFT_WERROR)
  target_compile_options(swift_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(SWIFT_SANITIZE)
  # Under the sanitizers GCC takes members of std::function for uninitialized.
  target_compile_options(swift_options INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
    -Wno-maybe-uninitialized)
  target_link_options(swift_options INTERFACE -fsanitize=address,undefined)
endif()
target_include_directories(swift_options INTERFACE ${CMAKE_SOURCE_DIR}/src)

# One static library per layer: every .cc of the folder.
function(swift_layer name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/empty.cc)
  endif()
  add_library(swift_${name} STATIC ${sources})
  target_link_libraries(swift_${name} PUBLIC swift_options ${ARGN})
endfunction()
