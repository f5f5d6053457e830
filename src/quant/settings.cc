#include "quant/settings.h"

#include "base/error.h"
#include "base/format.h"
#include "model/pattern.h"

namespace swift::quant {
namespace {

using base::cat;
using base::Json;
using Kind = model::PackedForm::Kind;

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw base::Error(base::ExitCode::usage, message, {}, hint);
}

int64_t integer_in(const Json& values, const char* key, int64_t fallback, const std::string& pattern) {
  if (!values.contains(key)) return fallback;
  if (!values.at(key).is_number_integer())
    refuse(cat("quant_dynamic: '", key, "' of '", pattern, "' must be an integer"));
  return values.at(key).get<int64_t>();
}

bool flag_in(const Json& values, const char* key, bool fallback, const std::string& pattern) {
  if (!values.contains(key)) return fallback;
  if (!values.at(key).is_boolean())
    refuse(cat("quant_dynamic: '", key, "' of '", pattern, "' must be true or false"));
  return values.at(key).get<bool>();
}

void check_values(const Json& values, const std::string& pattern) {
  if (!values.is_object()) refuse(cat("quant_dynamic: '", pattern, "' must have an object of settings"));
  for (const auto& [key, value] : values.items()) {
    if (key != "bits" && key != "group_size" && key != "sym" && key != "mse")
      refuse(cat("quant_dynamic: '", pattern, "' has the unknown setting '", key, "'"),
             "known: bits, group_size, sym, mse");
  }
}

// Settings of the first pattern that matches; whether it keeps the module as it is.
void apply_dynamic(const Json& dynamic, const std::string& module, GridSettings& grid, bool& kept) {
  for (const auto& [key, values] : dynamic.items()) {
    const bool keeps = key.starts_with("-:");
    const std::string pattern = keeps || key.starts_with("+:") ? key.substr(2) : key;
    check_values(values, key);
    if (!model::matches_part("^(?:" + pattern + ")", module)) continue;
    kept = keeps;
    grid.bits = integer_in(values, "bits", grid.bits, key);
    grid.group = integer_in(values, "group_size", grid.group, key);
    grid.sym = flag_in(values, "sym", grid.sym, key);
    grid.mse = flag_in(values, "mse", grid.mse, key);
    return;
  }
}

void check_fit(const Settings& settings, const GridSettings& grid, const std::string& module, int64_t out,
               int64_t in) {
  if (grid.bits != 2 && grid.bits != 3 && grid.bits != 4 && grid.bits != 8)
    refuse(cat(module, ": ", grid.bits, " bits are not supported"), "use 2, 3, 4 or 8");
  if (grid.group < 1 || in % grid.group != 0)
    refuse(cat("group_size: ", grid.group, " does not divide the ", in, " inputs of ", module),
           "use a smaller group_size, or -1 for a whole row");
  const bool zeros_fit =
      settings.form.kind == Kind::compressed && grid.sym ? true : out * grid.bits % 32 == 0;
  if (in * grid.bits % 32 != 0 || !zeros_fit)
    refuse(cat(module, " (", out, " x ", in, ") in ", grid.bits, " bits fills no 32-bit words"),
           cat("add it to modules_to_not_convert"));
}

Json compressed_config(const Settings& settings) {
  const auto& form = settings.form;
  Json weights = {
      {"num_bits", form.bits},
      {"type", "int"},
      {"symmetric", form.sym},
      {"strategy", form.group == -1 ? "channel" : "group"},
      {"group_size", form.group == -1 ? Json() : Json(form.group)},
      {"dynamic", false},
      {"actorder",
       settings.method == Method::gptq && settings.order == ActOrder::fixed ? Json("static") : Json()},
      {"block_structure", nullptr},
      {"observer", "minmax"},
      {"observer_kwargs", Json::object()}};
  Json ignored = {"lm_head"};
  for (const std::string& part : settings.skipped) ignored.push_back("re:.*" + part + ".*");
  return {{"quant_method", "compressed-tensors"},
          {"format", "pack-quantized"},
          {"quantization_status", "compressed"},
          {"global_compression_ratio", nullptr},
          {"kv_cache_scheme", nullptr},
          {"ignore", ignored},
          {"config_groups",
           {{"group_0",
             {{"targets", {"Linear"}},
              {"weights", weights},
              {"input_activations", nullptr},
              {"output_activations", nullptr}}}}}};
}

Json gptq_config(const Settings& settings) {
  const auto& form = settings.form;
  Json dynamic = settings.dynamic;
  for (const std::string& part : settings.skipped) dynamic["-:.*" + part + ".*"] = Json::object();
  const bool gptq = settings.method == Method::gptq;
  Json config = {{"quant_method", "gptq"},
                 {"bits", form.bits},
                 {"group_size", form.group},
                 {"desc_act", gptq && settings.order == ActOrder::group},
                 {"static_groups", gptq && settings.order == ActOrder::fixed},
                 {"sym", form.sym},
                 {"lm_head", false},
                 {"true_sequential", settings.true_sequential},
                 {"damp_percent", settings.damp},
                 {"checkpoint_format", form.v2 ? "gptq_v2" : "gptq"},
                 {"pack_dtype", "int32"},
                 {"model_name_or_path", ""},
                 {"meta", {{"quantizer", {"swift:0.1.0"}}}}};
  if (!dynamic.empty()) config["dynamic"] = dynamic;
  return config;
}

}  // namespace

std::optional<GridSettings> grid_settings(const Settings& settings, const std::string& module,
                                          at::IntArrayRef sizes) {
  for (const std::string& part : settings.skipped) {
    if (module.find(part) != std::string::npos) return std::nullopt;
  }
  GridSettings grid{settings.form.bits, settings.form.group, settings.form.sym, settings.mse};
  if (settings.method == Method::fp8) return grid;
  bool kept = false;
  apply_dynamic(settings.dynamic, module, grid, kept);
  if (kept) return std::nullopt;
  if (grid.group == -1) grid.group = sizes[1];
  grid.min_zero = settings.form.kind == Kind::gptq && !settings.form.v2 ? 1 : 0;
  check_fit(settings, grid, module, sizes[0], sizes[1]);
  return grid;
}

Json quantization_config(const Settings& settings) {
  const auto& form = settings.form;
  switch (form.kind) {
    case Kind::awq:
      return {{"quant_method", "awq"},
              {"bits", form.bits},
              {"group_size", form.group},
              {"zero_point", !form.sym},
              {"version", "gemm"},
              {"modules_to_not_convert", settings.skipped.empty() ? Json() : Json(settings.skipped)}};
    case Kind::gptq:
      return gptq_config(settings);
    case Kind::compressed:
      return compressed_config(settings);
    case Kind::fp8:
      break;
  }
  return {{"quant_method", "fp8"},
          {"fmt", "e4m3"},
          {"activation_scheme", "dynamic"},
          {"weight_block_size", {form.group, form.group}},
          {"modules_to_not_convert", settings.skipped.empty() ? Json() : Json(settings.skipped)}};
}

}  // namespace swift::quant
