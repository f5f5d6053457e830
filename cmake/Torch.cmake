# swift_torch: LibTorch's CPU library, linked directly. TorchConfig.cmake is not used: it insists on a CUDA toolkit.
if(SWIFT_TORCH_DIR)
  set(torch_root ${SWIFT_TORCH_DIR})
else()
  set(torch_root ${SWIFT_CACHE}/torch-2.11.0/torch)
endif()
if(NOT EXISTS ${torch_root}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch not found in ${torch_root}; run scripts/fetch-torch.sh or set -DSWIFT_TORCH_DIR=")
endif()
file(STRINGS ${torch_root}/include/torch/headeronly/version.h torch_version REGEX "define TORCH_VERSION_M[AI][JN]OR ")
if(NOT torch_version MATCHES "MAJOR 2.*MINOR 11")
  message(FATAL_ERROR "LibTorch 2.11 is needed; ${torch_root} says: ${torch_version}")
endif()

add_library(swift_torch INTERFACE)
target_include_directories(swift_torch SYSTEM INTERFACE
  ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
# -fopenmp only when compiling: the OpenMP runtime must be the one LibTorch already loads.
target_compile_options(swift_torch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
file(GLOB torch_gomp ${torch_root}/lib/libgomp*.so*)
if(NOT torch_gomp)
  set(torch_gomp gomp)
endif()
target_link_libraries(swift_torch INTERFACE
  ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so ${torch_gomp})
target_link_options(swift_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath,${torch_root}/lib)
if(SWIFT_CUDA)
  target_link_libraries(swift_torch INTERFACE ${torch_root}/lib/libtorch_cuda.so ${torch_root}/lib/libc10_cuda.so)
endif()
