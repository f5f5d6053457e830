// Kernels with one fault each: the execution layer must name it.
#include <catch2/catch.hpp>

#include "cuda_host/broken.h"

using namespace swift;
using namespace swift::cuda_host;
using cuda_test::Buffer;

TEST_CASE("a sound kernel passes in every order") {
  Buffer<float> x("x", std::vector<float>(100, 2.0F)), y("y", 100);
  cuda_test::in_every_order([&] {
    const Found found = found_by(4, 32, 0, [&] {
      const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < 100) y.data()[i] = x.data()[i] + static_cast<float>(i);
    });
    INFO(found.text);
    CHECK(!found.fault);
    CHECK(y.read()[99] == 101.0F);
  });
}

TEST_CASE("a thread that leaves before a barrier is a divergence") {
  const Found found = found_by(1, 64, 0, [] {
    if (threadIdx.x == 5) return;
    __syncthreads();
  });
  REQUIRE(found.fault == Fault::divergence);
  CHECK(found.text.find("1 threads, the first 5: ended") != std::string::npos);
  CHECK(found.text.find("63 threads, the first 0: at __syncthreads") != std::string::npos);
}

TEST_CASE("threads at two barriers are a divergence") {
  const Found found = found_by(1, 64, 0, [] {
    if (threadIdx.x < 32) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  });
  REQUIRE(found.fault == Fault::divergence);
  CHECK(found.text.find("faults_test.cc") != std::string::npos);
}

TEST_CASE("a warp that does not meet at one collective is a divergence") {
  const Found two = found_by(1, 32, 0, [] {
    if (threadIdx.x < 16) {
      __shfl_xor_sync(0xFFFFFFFF, 1, 1);
    } else {
      __syncwarp();
    }
  });
  CHECK(two.fault == Fault::divergence);
  const Found barrier = found_by(1, 32, 0, [] {
    if (threadIdx.x < 16) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  });
  CHECK(barrier.fault == Fault::divergence);
}

TEST_CASE("a collective's mask is checked") {
  CHECK(found_by(1, 32, 0, [] { __shfl_sync(0xFFFE, threadIdx.x, 3); }).fault == Fault::mask);
  CHECK(found_by(1, 32, 0, [] {
          if (threadIdx.x < 16) __shfl_sync(0xFFFF, threadIdx.x, 20);
        }).fault == Fault::mask);
  CHECK(found_by(1, 16, 0, [] { __syncwarp(); }).fault == Fault::mask);
}

TEST_CASE("launches that no device takes are refused") {
  const auto nothing = [] {};
  CHECK(found_by(1, 1025, 0, nothing).fault == Fault::limits);
  CHECK(found_by(dim3(1, 65536), 32, 0, nothing).fault == Fault::limits);
  CHECK(found_by(1, 32, kSharedLimit + 1, nothing).fault == Fault::limits);
  CHECK(found_by(0, 32, 0, nothing).fault == Fault::limits);
  CHECK(found_by(1, 32, 0, [] {
          SWIFT_SHARED(float, large, 13000);
          static_cast<void>(large);
        }).fault == Fault::limits);
}

TEST_CASE("cp.async and vectors are checked") {
  Buffer<float> x("x", std::vector<float>(64, 1.0F));
  const auto copy = [&](size_t shared_at, size_t global_at, bool wait) {
    return found_by(1, 1, 64, [&, shared_at, global_at, wait] {
      cuda::cp_async<16>(cuda::dynamic_shared<float>() + shared_at, x.data() + global_at);
      cuda::cp_async_commit();
      if (wait) cuda::cp_async_wait<0>();
    });
  };
  CHECK(!copy(0, 0, true).fault);
  CHECK(copy(0, 0, false).fault == Fault::async_copy);
  CHECK(copy(1, 0, true).fault == Fault::alignment);
  CHECK(copy(0, 2, true).fault == Fault::alignment);
  CHECK(copy(16, 0, true).fault == Fault::bounds);
  CHECK(copy(0, 64, true).fault == Fault::bounds);
  CHECK(found_by(1, 1, 0, [&] { cuda::load<4>(x.data() + 1); }).fault == Fault::alignment);
  CHECK(found_by(1, 1, 0, [&] { cuda::load<4>(x.data() + 64); }).fault == Fault::bounds);
  CHECK(found_by(1, 1, 0, [&] { atomicAdd(x.data() + 64, 1.0F); }).fault == Fault::bounds);
}

TEST_CASE("what cp.async brings is not there before the wait") {
  Buffer<float> x("x", std::vector<float>(4, 1.0F)), y("y", 2);
  Device::get().launch("early", 1, 1, 16, [&] {
    cuda::cp_async<16>(cuda::dynamic_shared<float>(), x.data());
    cuda::cp_async_commit();
    cuda::cp_async_wait<0>();
    y.data()[1] = cuda::dynamic_shared<float>()[3];
  });
  CHECK(y.read()[1] == 1.0F);
}

TEST_CASE("wait groups arrive in their order") {
  Buffer<float> x("x", std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}), y("y", 8);
  const Found found = found_by(1, 1, 32, [&] {
    float* shared = cuda::dynamic_shared<float>();
    cuda::cp_async<16>(shared, x.data());
    cuda::cp_async_commit();
    cuda::cp_async<16>(shared + 4, x.data() + 4, false);
    cuda::cp_async_commit();
    cuda::cp_async_wait<1>();
    y.data()[0] = shared[3];
    cuda::cp_async_wait<0>();
    y.data()[1] = shared[4];
  });
  INFO(found.text);
  REQUIRE(!found.fault);
  CHECK(y.read()[0] == 4.0F);
  CHECK(y.read()[1] == 0.0F);
}

// AddressSanitizer finds reads and writes outside bounds itself; races and unwritten memory need the trace.
#if defined(SWIFT_CUDA_HOST_TRACED)

TEST_CASE("reads and writes outside a buffer are found") {
  Buffer<float> x("x", std::vector<float>(33, 1.0F)), y("y", 64);
  const Found read = found_by(1, 64, 0, [&] { y.data()[threadIdx.x] = x.data()[threadIdx.x]; });
  REQUIRE(read.fault == Fault::bounds);
  CHECK(read.text.find("thread 33: reads 4 bytes at offset 132 of 'x' (132 bytes, global)") !=
        std::string::npos);
  CHECK(found_by(1, 64, 0, [&] { x.data()[threadIdx.x] = 0; }).fault == Fault::bounds);
  CHECK(found_by(1, 1, 0, [&] { x.data()[0] = x.data()[-1]; }).fault == Fault::bounds);
  CHECK(found_by(1, 33, 0, [&] {
          SWIFT_SHARED(float, values, 32);
          values[threadIdx.x] = 1;
        }).fault == Fault::bounds);
}

TEST_CASE("a read of what nobody wrote is found") {
  Buffer<float> x("x", 4), y("y", 4);
  CHECK(found_by(1, 1, 0, [&] { y.data()[0] = x.data()[1]; }).fault == Fault::uninitialised);
  CHECK(found_by(1, 32, 0, [&] {
          SWIFT_SHARED(float, values, 32);
          if (threadIdx.x < 16) values[threadIdx.x] = 1;
          __syncthreads();
          if (threadIdx.x == 0) y.data()[0] = values[20];
        }).fault == Fault::uninitialised);
}

TEST_CASE("shared memory of one block is not there for the next") {
  Buffer<float> y("y", 2);
  CHECK(found_by(2, 1, 0, [&] {
          SWIFT_SHARED(float, value, 1);
          if (blockIdx.x == 0) value[0] = 1;
          y.data()[blockIdx.x] = value[0];
        }).fault == Fault::uninitialised);
}

TEST_CASE("a race in shared memory is found in every order") {
  Buffer<float> y("y", 64);
  const auto neighbours = [&](bool barrier, bool warp, unsigned distance) {
    return found_by(1, 64, 0, [&, barrier, warp, distance] {
      SWIFT_SHARED(float, values, 64);
      values[threadIdx.x] = static_cast<float>(threadIdx.x);
      if (barrier) __syncthreads();
      if (warp) __syncwarp();
      y.data()[threadIdx.x] = values[threadIdx.x ^ distance];
    });
  };
  cuda_test::in_every_order([&] {
    CHECK(!neighbours(true, false, 32).fault);
    CHECK(!neighbours(false, true, 1).fault);
    // Which of the two comes first decides what the layer sees: an unordered write, or a value not yet
    // written.
    for (const Fault fault : {*neighbours(false, false, 1).fault, *neighbours(false, true, 32).fault}) {
      CHECK((fault == Fault::race || fault == Fault::uninitialised));
    }
    const Found overwrite = found_by(1, 64, 0, [&] {
      SWIFT_SHARED(float, values, 64);
      values[threadIdx.x] = 1;
      __syncthreads();
      const float other = values[threadIdx.x ^ 32];
      values[threadIdx.x] = other;
    });
    CHECK(overwrite.fault == Fault::race);
  });
}

TEST_CASE("blocks that touch one value without an atomic race") {
  Buffer<float> sum("sum", std::vector<float>(1, 0.0F));
  CHECK(found_by(2, 1, 0, [&] { sum.data()[0] += 1; }).fault == Fault::race);
  CHECK(!found_by(2, 1, 0, [&] { atomicAdd(sum.data(), 1.0F); }).fault);
}

TEST_CASE("the last block may read what fences and a counter publish") {
  Buffer<float> parts("parts", 8), sum("sum", 1);
  Buffer<unsigned> counter("counter", std::vector<unsigned>(1, 0));
  const auto run = [&](bool fence_before, bool fence_after) {
    return found_by(8, 1, 0, [&, fence_before, fence_after] {
      parts.data()[blockIdx.x] = 1;
      if (fence_before) __threadfence();
      if (atomicInc(counter.data(), 7) != 7) return;
      if (fence_after) __threadfence();
      float total = 0;
      for (int i = 0; i < 8; ++i) total += parts.data()[i];
      sum.data()[0] = total;
    });
  };
  cuda_test::in_every_order([&] {
    CHECK(!run(true, true).fault);
    CHECK(sum.read()[0] == 8.0F);
  });
  CHECK(run(false, true).fault == Fault::race);
  CHECK(run(true, false).fault == Fault::race);
}

TEST_CASE("a missing wait and a stage overwritten too early are found") {
  Buffer<float> x("x", std::vector<float>(128, 1.0F)), y("y", 64);
  const Found unwaited = found_by(1, 1, 16, [&] {
    float* shared = cuda::dynamic_shared<float>();
    cuda::cp_async<16>(shared, x.data());
    cuda::cp_async_commit();
    y.data()[0] = shared[0];
    cuda::cp_async_wait<0>();
  });
  CHECK(unwaited.fault == Fault::async_copy);
  const auto pipeline = [&](bool barrier_after_wait, bool barrier_before_refill) {
    return found_by(1, 2, 32, [&, barrier_after_wait, barrier_before_refill] {
      float* shared = cuda::dynamic_shared<float>();
      for (int stage = 0; stage < 2; ++stage) {
        cuda::cp_async<16>(shared + 4 * threadIdx.x, x.data() + 8 * stage + 4 * threadIdx.x);
        cuda::cp_async_commit();
        cuda::cp_async_wait<0>();
        if (barrier_after_wait) __syncthreads();
        y.data()[2 * stage + threadIdx.x] = shared[4 * (1 - threadIdx.x)];
        if (barrier_before_refill) __syncthreads();
      }
    });
  };
  CHECK(!pipeline(true, true).fault);
  CHECK(pipeline(false, true).fault);
  CHECK(pipeline(true, false).fault == Fault::race);
}

TEST_CASE("the text leads to the line") {
  Buffer<float> x("x", 1);
  const Found found = found_by(dim3(2, 2), 32, 0, [&] { x.data()[threadIdx.x] = 0; });
  CHECK(found.text.find("broken, block (0, 0, 0), thread 1: writes 4 bytes at offset 4 of 'x'") !=
        std::string::npos);
  CHECK(found.text.find("addr2line -Cfpie ") != std::string::npos);
}

#endif
