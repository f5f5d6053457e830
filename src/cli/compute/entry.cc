// The shared library's one door: the executable calls it for the verbs that compute.
#include <malloc.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "base/error.h"
#include "cli/compute/device.h"
#include "cli/compute/verbs.h"
#include "ops/tensor_memory.h"
#include "ops/torch.h"
#ifdef SWIFT_CUDA
#include "cuda/device.h"
#endif

namespace swift::cli {
namespace {

struct Verb {
  const char* name;
  int (*run)(const config::Task&);
};

constexpr Verb kVerbs[] = {{"train", train},   {"infer", infer},       {"export", export_model},
                           {"deploy", deploy}, {"estimate", estimate}, {"estimate --json", estimate_json}};

// Small blocks come back in every step, so their pages stay. Large ones are tensors, which have an arena of
// their own, and oneDNN's generated programs, 252 KiB each, which would leave holes in the heap as they come
// and go.
void keep_pages() {
  mallopt(M_MMAP_THRESHOLD, 192 << 10);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_ARENA_MAX, 2);
}

int fail(base::ExitCode code, const char* what) {
  std::fprintf(stderr, "%s\n", what);
  return static_cast<int>(code);
}

}  // namespace
}  // namespace swift::cli

extern "C" [[gnu::visibility("default")]] int swift_compute_run(const char* verb,
                                                                const swift::config::Task* task) {
  using namespace swift;
  try {
    cli::keep_pages();
    ops::use_tensor_arena();
    if (task->num_threads > 0) at::set_num_threads(static_cast<int>(task->num_threads));
    for (const cli::Verb& known : cli::kVerbs) {
      if (std::strcmp(known.name, verb) == 0) return known.run(*task);
    }
    return cli::fail(base::ExitCode::usage, "error: this build does not compute that verb");
  } catch (const base::Error& error) {
    return cli::fail(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return cli::fail(base::ExitCode::device,
                     "error: out of memory\n  hint: lower per_device_train_batch_size or max_length");
#ifdef SWIFT_CUDA
  } catch (const c10::OutOfMemoryError& error) {
    const base::Error told = cli::out_of_device_memory(0, error);
    return cli::fail(told.code(), told.what());
  } catch (const c10::AcceleratorError& error) {
    const base::Error told = cuda::device_error(error.get_error_code());
    return cli::fail(told.code(), told.what());
#endif
  } catch (const c10::Error& error) {
    const bool memory = std::strstr(error.what(), "allocate memory") != nullptr ||
                        std::strstr(error.what(), "not enough memory") != nullptr;
    return cli::fail(memory ? base::ExitCode::device : base::ExitCode::failure,
                     error.what_without_backtrace());
  } catch (const std::exception& error) {
    return cli::fail(base::ExitCode::failure, error.what());
  }
}
