// A folder of its own for one test, and files in it.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

struct Scratch {
  explicit Scratch(const std::string& name)
      : root(std::filesystem::temp_directory_path() /
             ("swift-data-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string file(const std::string& name, const std::string& text) const {
    const auto path = root / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

  std::filesystem::path root;
};
