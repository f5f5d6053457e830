#include "cuda_host/layer/matrix.h"

#include <cstring>

#include "cuda_host/layer/numbers.h"

namespace swift::cuda_host {
namespace {

constexpr uint32_t kAll = 0xFFFFFFFF;

struct Fragments {
  uint32_t a[4];
  uint32_t b[2];
};

float value(uint32_t word, unsigned upper, MatrixType type) {
  const auto bits = static_cast<uint16_t>(upper != 0 ? word >> 16 : word);
  return type == MatrixType::f16 ? to_float(Half{bits}) : to_float(Bf16{bits});
}

// Register i, lane l of A holds rows l / 4 (i even) or l / 4 + 8, columns 2 (l % 4) and the next, plus 8 for
// i > 1.
float element_a(const Meeting& all, unsigned row, unsigned k, MatrixType type) {
  const unsigned lane = row % 8 * 4 + k % 8 / 2;
  return value(all.of<Fragments>(lane).a[row / 8 + k / 8 * 2], k % 2, type);
}

// Register i, lane l of B holds rows 2 (l % 4) and the next, plus 8 for i = 1, of column l / 4.
float element_b(const Meeting& all, unsigned k, unsigned column, MatrixType type) {
  const unsigned lane = column * 4 + k % 8 / 2;
  return value(all.of<Fragments>(lane).b[k / 8], k % 2, type);
}

int32_t byte_of(uint32_t word, unsigned i) {
  return static_cast<int8_t>(word >> (8 * i));
}

int32_t byte_a(const Meeting& all, unsigned row, unsigned k) {
  const unsigned lane = row % 8 * 4 + k % 16 / 4;
  return byte_of(all.of<Fragments>(lane).a[row / 8 + k / 16 * 2], k % 4);
}

int32_t byte_b(const Meeting& all, unsigned k, unsigned column) {
  const unsigned lane = column * 4 + k % 16 / 4;
  return byte_of(all.of<Fragments>(lane).b[k / 16], k % 4);
}

// Of D, lane l holds row l / 4, columns 2 (l % 4) and the next, then the same of row l / 4 + 8.
unsigned row_of(unsigned i) {
  return Device::get().thread().lane() / 4 + i / 2 * 8;
}
unsigned column_of(unsigned i) {
  return Device::get().thread().lane() % 4 * 2 + i % 2;
}

}  // namespace

void load_matrices(uint32_t* registers, unsigned matrices, bool transposed, const void* row,
                   const Place& place) {
  Device& device = Device::get();
  meet("ldmatrix", kAll, &row, sizeof row, place, [&](const Meeting& all) {
    const unsigned lane = device.thread().lane();
    if (lane < 8 * matrices) {
      if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
        device.fail(Fault::alignment, "ldmatrix: a row is not aligned to 16 bytes");
      }
      if (!device.memory().inside(row, 16, Space::shared)) {
        device.fail(Fault::bounds, "ldmatrix: a row is not in shared memory");
      }
    }
    for (unsigned m = 0; m < matrices; ++m) {
      uint16_t pair[2];
      for (unsigned j = 0; j < 2; ++j) {
        const unsigned r = transposed ? lane % 4 * 2 + j : lane / 4;
        const unsigned c = transposed ? lane / 4 : lane % 4 * 2 + j;
        const auto* from = static_cast<const std::byte*>(all.of<const void*>(m * 8 + r)) + 2 * c;
        device.memory().check(from, 2, Access::read, true, nullptr);
        std::memcpy(&pair[j], from, 2);
      }
      registers[m] = pair[0] | uint32_t{pair[1]} << 16;
    }
  });
}

void multiply_m16n8k16(float* d, const uint32_t* a, const uint32_t* b, MatrixType type, const Place& place) {
  const Fragments own{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  meet("mma.m16n8k16", kAll, &own, sizeof own, place, [&](const Meeting& all) {
    for (unsigned i = 0; i < 4; ++i) {
      float sum = 0;
      for (unsigned k = 0; k < 16; ++k) {
        sum += element_a(all, row_of(i), k, type) * element_b(all, k, column_of(i), type);
      }
      d[i] += sum;
    }
  });
}

void multiply_m16n8k32(int32_t* d, const uint32_t* a, const uint32_t* b, const Place& place) {
  const Fragments own{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  meet("mma.m16n8k32", kAll, &own, sizeof own, place, [&](const Meeting& all) {
    for (unsigned i = 0; i < 4; ++i) {
      for (unsigned k = 0; k < 32; ++k) {
        d[i] += byte_a(all, row_of(i), k) * byte_b(all, k, column_of(i));
      }
    }
  });
}

}  // namespace swift::cuda_host
