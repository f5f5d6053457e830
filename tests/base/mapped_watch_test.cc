#include "base/mapped_watch.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <numeric>

#include "base/error.h"
#include "base/file.h"

namespace fs = std::filesystem;
using namespace swift::base;

namespace {

constexpr size_t kPage = 4096;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift-mapped-watch-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  fs::path file(const std::string& name) const {
    std::ofstream(path / name, std::ios::binary) << std::string(4 * kPage, 'w');
    return path / name;
  }
};

size_t count(const MappedFile& mapped) {
  return std::accumulate(mapped.bytes().begin(), mapped.bytes().end(), size_t{0},
                         [](size_t sum, std::byte b) { return sum + (b == std::byte{'w'} ? 1 : 0); });
}

}  // namespace

TEST_CASE("a mapped file that is cut short reads as zeros, is counted and is a fault from then on") {
  const Folder folder;
  const fs::path file = folder.file("weights");
  const MappedFile mapped = MappedFile::open(file);
  MappedWatch watch({file});
  CHECK(count(mapped) == 4 * kPage);
  CHECK_NOTHROW(watch.require_intact());
  CHECK_FALSE(watch.fault());
  fs::resize_file(file, kPage);
  CHECK(count(mapped) == kPage);
  CHECK(MappedWatch::lost_pages() == 3);
  CHECK_THROWS_AS(watch.require_intact(), Error);
  CHECK(watch.fault() == "a file of the model was cut short while it was in use");
  MappedWatch::forgive(3);
  CHECK(MappedWatch::lost_pages() == 0);
  CHECK_THROWS_AS(watch.require_intact(), Error);
}

TEST_CASE("a file written in place is a fault before anything of it is read") {
  const Folder folder;
  const fs::path file = folder.file("weights");
  MappedWatch watch({folder.file("other"), file});
  std::ofstream(file, std::ios::binary | std::ios::in | std::ios::out) << "x";
  fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  CHECK(watch.fault() == file.string() + " was written to while it was in use");
  CHECK_THROWS_AS(watch.require_intact(), Error);
}

TEST_CASE("a file that is replaced or removed as a whole is none of the mapping's business") {
  const Folder folder;
  const fs::path replaced = folder.file("replaced"), removed = folder.file("removed");
  const MappedFile first = MappedFile::open(replaced), second = MappedFile::open(removed);
  MappedWatch watch({replaced, removed});
  write_file_atomic(replaced, "short");
  fs::remove(removed);
  CHECK(count(first) == 4 * kPage);
  CHECK(count(second) == 4 * kPage);
  CHECK_NOTHROW(watch.require_intact());
  CHECK_FALSE(watch.fault());
}

TEST_CASE("a file to watch must be there") {
  CHECK_THROWS_AS(MappedWatch({"/nowhere/weights"}), Error);
}
