// What an answer's text says, piece by piece.
#pragma once
#include <string>
#include <vector>

namespace swift::infer::server {

// A piece of a tool call. The first piece of a call has its id and name; the arguments of a call's pieces,
// joined, are JSON.
struct ToolDelta {
  int index = 0;
  std::string id;
  std::string name;
  std::string arguments;
};

struct Delta {
  std::string reasoning;
  std::string content;
  std::vector<ToolDelta> tools;
  bool empty() const { return reasoning.empty() && content.empty() && tools.empty(); }
};

}  // namespace swift::infer::server
