// Environments: programs or addresses that answer an assistant's turn with tool results or a user's message,
// and may give a reward.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace swift::train::rewards {

struct EnvironmentStep {
  uint64_t id = 0;   // of the conversation
  int64_t turn = 1;  // of the assistant, from 1
  std::string completion;
  base::Json messages;  // the completion last
  bool truncated = false;
  const base::Json* columns = nullptr;
  base::Location where;
};

struct EnvironmentReply {
  bool done = false;
  base::Json messages = base::Json::array();  // to go on with; empty: done
  std::optional<double> reward;               // added up over the turns
};

// Sent for each conversation: {"id", "turn", "completion", "messages", "truncated", the row's columns}. Back
// comes {"done": bool, "messages": [{"role", "content"}…], "reward": number}, each optional. A program gets
// one such object a line, answers with one a line, and runs until the end of training; an HTTP address gets
// and gives an array.
class Environment {
 public:
  virtual ~Environment() = default;
  // One reply a step, in order. Throws base::Error(failure) naming the row: no answer in time, malformed.
  virtual std::vector<EnvironmentReply> step(std::span<const EnvironmentStep> steps) = 0;
};

// spec: command:PROGRAM ARGUMENTS, http://…, https://…. Throws base::Error(usage) for anything else.
std::unique_ptr<Environment> make_environment(const std::string& spec, double timeout);

}  // namespace swift::train::rewards
