#include "train/report/tensorboard.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"

namespace swift::train {
namespace {

constexpr std::array<uint32_t, 256> castagnoli_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    table[byte] = value;
  }
  return table;
}

// Records hold crcs of data that may hold crcs itself, hence the rotation and the constant.
uint32_t masked(uint32_t crc) {
  return std::rotr(crc, 15) + 0xA282EAD8U;
}

template <class Unsigned>
void put_little_endian(std::string& out, Unsigned value) {
  for (size_t byte = 0; byte < sizeof(value); ++byte) out += static_cast<char>((value >> (8 * byte)) & 0xFF);
}

// Protocol-buffer wire types.
constexpr int kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  out += static_cast<char>(value);
}

void put_key(std::string& out, int field, int wire_type) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
}

void put_double(std::string& out, int field, double value) {
  put_key(out, field, kFixed64);
  put_little_endian(out, std::bit_cast<uint64_t>(value));
}

void put_float(std::string& out, int field, float value) {
  put_key(out, field, kFixed32);
  put_little_endian(out, std::bit_cast<uint32_t>(value));
}

void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_key(out, field, kLengthDelimited);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = castagnoli_table();
  uint32_t crc = ~0U;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

std::string tfrecord(std::string_view payload) {
  std::string record;
  put_little_endian(record, static_cast<uint64_t>(payload.size()));
  put_little_endian(record, masked(crc32c(record)));
  record += payload;
  put_little_endian(record, masked(crc32c(payload)));
  return record;
}

double wall_time_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

EventWriter::EventWriter(const std::filesystem::path& folder, double start_time) {
  std::error_code fault;
  std::filesystem::create_directories(folder, fault);
  if (fault)
    throw base::Error(base::ExitCode::failure, "cannot create folder: " + fault.message(), {folder.string()});
  const std::string stem = "events.out.tfevents." + std::to_string(static_cast<int64_t>(start_time)) + "." +
                           host_name() + "." + std::to_string(::getpid());
  path_ = folder / stem;
  for (int more = 1; std::filesystem::exists(path_); ++more)
    path_ = folder / (stem + "." + std::to_string(more));
  file_.open(path_, std::ios::binary | std::ios::trunc);
  std::string event;  // Event.wall_time = 1, Event.file_version = 3
  put_double(event, 1, start_time);
  put_bytes(event, 3, "brain.Event:2");
  append(event);
}

void EventWriter::scalar(std::string_view tag, int64_t step, double value, double wall_time) {
  std::string point;  // Summary.Value.tag = 1, simple_value = 2
  put_bytes(point, 1, tag);
  put_float(point, 2, static_cast<float>(value));
  std::string summary;  // Summary.value = 1
  put_bytes(summary, 1, point);
  std::string event;  // Event.wall_time = 1, step = 2, summary = 5
  put_double(event, 1, wall_time);
  put_key(event, 2, kVarint);
  put_varint(event, static_cast<uint64_t>(step));
  put_bytes(event, 5, summary);
  append(event);
}

void EventWriter::append(std::string_view event) {
  const std::string record = tfrecord(event);
  file_.write(record.data(), static_cast<std::streamsize>(record.size()));
  file_.flush();
  if (!file_) {
    throw base::Error(base::ExitCode::failure, std::string("cannot write: ") + std::strerror(errno),
                      {path_.string()});
  }
}

}  // namespace swift::train
