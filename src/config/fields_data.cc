#include "config/fields.h"

namespace swift::config {

void data_fields(FieldList& v, Task& t) {
  v.group("Data", kTrain | kExport);
  v("dataset", &t.dataset, {}, "Training files: JSONL, JSON or CSV; path#500 takes 500 rows");
  v("val_dataset", &t.val_dataset, {}, "Validation files");
  v("split_dataset_ratio", &t.split_dataset_ratio, {.min = 0, .below = 1},
    "Part of the dataset kept for validation when there is no val_dataset");
  v("data_seed", &t.data_seed, {.min = 0}, "Seed of shuffling, sampling and splitting rows");
  v("dataset_shuffle", &t.dataset_shuffle, {}, "Shuffle the training rows");
  v("val_dataset_shuffle", &t.val_dataset_shuffle, {}, "Shuffle the validation rows");
  v("columns", &t.columns, {.json_object = true}, "Columns to rename, as {from: to}");
  v("strict", &t.strict, {}, "Stop at a malformed row; false: drop it and say how many were dropped");

  v.group("Loading", kTrain);
  v("dataset_num_proc", &t.dataset_num_proc, {.min = 1, .max = 4096}, "Threads that encode rows");
  v("dataloader_num_workers", &t.dataloader_num_workers, {.min = 0, .max = 4096},
    "Threads that prepare batches during training");
  v("dataloader_prefetch_factor", &t.dataloader_prefetch_factor, {.min = 1, .max = 1024},
    "Steps that each of them prepares ahead");
  v("streaming", &t.streaming, {},
    "Read the files while training instead of before it: memory stays bounded; needs max_steps");
  v("shuffle_buffer_size", &t.shuffle_buffer_size, {.min = 1},
    "streaming: samples among which the next one is drawn");
  v("load_from_cache_file", &t.load_from_cache_file, {},
    "Keep encoded samples in cache_dir and take them from there while files, template, tokenizer and "
    "settings are the same");
  v("cache_dir", &t.cache_dir, {}, "Directory of that cache; unset: swift in the user's cache directory");
  v("group_by_length", &t.group_by_length, {},
    "Put samples of similar length in one batch, the longest batch first");

  v.group("Encoding", kTrain | kTemplate | kExport);
  v("max_length", &t.max_length, {.min = 1, .carried = true},
    "Longest sample in tokens; unset: the model's maximum, calibration: 2048 if the model takes that");
  v("truncation_strategy", &t.truncation_strategy,
    {.one_of = {"delete", "left", "right", "split"}, .carried = true},
    "What happens to a longer sample: dropped, cut at one end, or split in chunks");
  v("loss_scale", &t.loss_scale, {.carried = true},
    "Trained tokens: default (every assistant turn), last_round or all (method pt); with +NAME weights of "
    "parts: ignore_empty_think, ignore_think_prefix, react, hermes, qwen, agentflan, alpha_umi");
  v("packing", &t.packing, {}, "Lay several samples in one row, without attention between them");
  v("packing_length", &t.packing_length, {.min = 1}, "Length of a packed row in tokens; unset: max_length");
}

}  // namespace swift::config
