// How many bytes a model's weights have, for the time and memory that a pod needs.
#pragma once
#include <cstdint>
#include <string>

namespace swift::k8sgen {

// The *.safetensors of a local directory when there is one; else from a count of parameters in the name
// ("7b", "0.6B") at 2 bytes each, or about 0.6 for 4-bit weights; else 16 GiB.
int64_t model_bytes(const std::string& directory, const std::string& names, const std::string& quantization);

}  // namespace swift::k8sgen
