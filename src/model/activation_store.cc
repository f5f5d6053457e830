#include "model/activation_store.h"

#include <vector>

#include "base/error.h"
#include "base/scratch_file.h"

namespace swift::model {
namespace {

using at::Tensor;

// A stack in a file: what is put last is taken first.
class FileActivations final : public ActivationStore {
 public:
  explicit FileActivations(const std::filesystem::path& directory) : file_(directory) {}

  int64_t put(const Tensor& x) override {
    const Tensor whole = x.detach().contiguous();
    const auto bytes = static_cast<int64_t>(whole.nbytes());
    const int64_t offset = places_.empty() ? 0 : places_.back().offset + places_.back().bytes;
    file_.write({static_cast<const std::byte*>(whole.const_data_ptr()), whole.nbytes()}, offset);
    places_.push_back({offset, bytes, whole.sizes().vec(), whole.options()});
    return static_cast<int64_t>(places_.size()) - 1;
  }

  Tensor take(int64_t number) override {
    if (number + 1 != static_cast<int64_t>(places_.size()))
      throw base::Error(base::ExitCode::failure, "an offloaded activation is taken out of its order");
    const Place place = std::move(places_.back());
    places_.pop_back();
    if (!places_.empty()) file_.fetch(places_.back().offset, places_.back().bytes);
    Tensor x = at::empty(place.sizes, place.options);
    file_.read({static_cast<std::byte*>(x.mutable_data_ptr()), x.nbytes()}, place.offset);
    return x;
  }

  void clear() override { places_.clear(); }

 private:
  struct Place {
    int64_t offset, bytes;
    std::vector<int64_t> sizes;
    at::TensorOptions options;
  };
  base::ScratchFile file_;
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<ActivationStore> file_activation_store(const std::filesystem::path& directory) {
  return std::make_unique<FileActivations>(directory);
}

}  // namespace swift::model
