// A quantized copy of a model: block after block, so that one of them is in memory; what is finished is kept,
// so that an interrupted run goes on where it was.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "quant/block_job.h"

namespace swift::quant {

struct ExportReport {
  std::vector<LinearReport> linears;
  std::vector<double> losses_before;  // of each held-out sequence (nats a token); empty: there are none
  std::vector<double> losses_after;
  bool held_out = true;      // false: perplexity was taken on the calibration sequences
  int64_t bytes_before = 0;  // of all weights
  int64_t bytes_after = 0;
  double seconds = 0;
};

// As report.json holds it.
base::Json to_json(const ExportReport& report, const Settings& settings);

struct ExportJob {
  model::Decoder& decoder;  // whole weights, with adapters beside them or not; its blocks are used up
  Settings settings;
  // Where the linears' weights are read when their block's turn comes; nothing: the decoder holds them.
  std::optional<model::TensorFiles> files = {};
  Calibration calibration;       // empty where the method needs none
  Calibration held_out;          // for the perplexity; may be empty
  std::filesystem::path source;  // config.json is taken from here
  std::filesystem::path text;    // tokenizer and generation files are taken from here
  std::filesystem::path work;    // finished blocks; removed at the end
  std::string identity;          // of model, data and settings: other work is not gone on with
  std::function<void(int64_t done, int64_t total, double seconds_left)> progress = {};
};

// Writes the model into `target`, an existing directory. Throws base::Error: what the methods throw, and
// (failure) where files cannot be written.
ExportReport export_quantized(ExportJob& job, const std::filesystem::path& target);

}  // namespace swift::quant
