// TensorBoard event files: TFRecord frames around hand-encoded tensorflow.Event messages
// (tensorflow/core/util/event.proto, summary.proto; record format of tensorflow/core/lib/io/record_writer.h).
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace swift::train {

// CRC-32C (Castagnoli, RFC 3720) of the bytes.
uint32_t crc32c(std::string_view bytes);

// length (u64), masked crc of the length (u32), payload, masked crc of the payload (u32); little-endian.
std::string tfrecord(std::string_view payload);

// Seconds since 1970 by the system's clock.
double wall_time_now();

// Writes events.out.tfevents.<time>.<host>.<pid> into a folder; every record reaches the system at once, so
// TensorBoard sees a running training. Resuming opens a new file beside the old one, which TensorBoard joins.
class EventWriter {
 public:
  // Creates the folder. start_time: seconds since 1970. Throws Error(failure).
  explicit EventWriter(const std::filesystem::path& folder, double start_time = wall_time_now());
  // One point of the curve `tag` (UTF-8). Throws Error(failure).
  void scalar(std::string_view tag, int64_t step, double value, double wall_time = wall_time_now());
  const std::filesystem::path& path() const { return path_; }

 private:
  void append(std::string_view event);
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace swift::train
