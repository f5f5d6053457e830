// A cheap name for the weights that a run starts from.
#pragma once
#include <filesystem>
#include <string>

namespace swift::train {

// Changes with names, shapes and types of the tensors and, as good as always, with their values: a hash of
// each weight file's size and header and of pieces spread over it. Without weight files, of the sizes in
// config.json. Reads a few hundred KiB. Throws base::Error(model) when a file cannot be read.
std::string base_fingerprint(const std::filesystem::path& model);

}  // namespace swift::train
