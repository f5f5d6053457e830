#include "k8sgen/backends.h"

#include <filesystem>

namespace swift::k8sgen {
namespace {

// "--key=value", with the setting behind the value.
Node flag(const std::string& key, const Chosen& value) {
  return Node("--" + key + "=" + value.text).from(value.setting);
}
Node flag(const std::string& key, const std::string& value) {
  return Node("--" + key + "=" + value);
}
Node flag(const std::string& key, int64_t value, const std::string& setting) {
  return Node("--" + key + "=" + std::to_string(value)).from(setting);
}

// "name=path" of every adapter, the name being the last part of the path.
std::vector<std::string> named_adapters(const Plan& plan) {
  std::vector<std::string> named;
  for (const std::string& adapter : plan.task.adapters) {
    std::filesystem::path path(adapter);
    if (!path.has_filename()) path = path.parent_path();
    named.push_back(path.filename().string() + "=" + adapter);
  }
  return named;
}

void add_adapters(const Plan& plan, Node& arguments, std::initializer_list<const char*> flags) {
  const auto adapters = named_adapters(plan);
  if (adapters.empty()) return;
  for (const char* word : flags) arguments.add(word);
  for (const std::string& adapter : adapters) arguments.add(Node(adapter).from("/adapters"));
}

Node own_arguments(const Plan& plan) {
  Node arguments = Node::list();
  for (size_t i = 0; i < plan.deploy.backend_args.size(); ++i)
    arguments.add(Node(plan.deploy.backend_args[i]).from("/deploy/backend_args/" + std::to_string(i)));
  return arguments;
}

int64_t port(const Plan& plan) {
  return plan.deploy.service.target_port;
}

Node swift_command(const Plan& /*plan*/) {
  return list({"swift"});
}

Node swift_arguments(const Plan& plan, Role /*role*/) {
  Node arguments = list({"deploy", flag("config", "/etc/swift/task.yaml"), flag("model", plan.model_path),
                         flag("served_model_name", plan.model_name), flag("host", "0.0.0.0"),
                         flag("port", port(plan), "/deploy/service/target_port")});
  return arguments.extend(own_arguments(plan));
}

Node vllm_command(const Plan& /*plan*/) {
  return list({"vllm", "serve"});
}

Node vllm_arguments(const Plan& plan, Role role) {
  Node arguments = list({plan.model_path.node(), flag("served-model-name", plan.model_name),
                         flag("host", "0.0.0.0"), flag("port", port(plan), "/deploy/service/target_port")});
  if (plan.deploy.gpus > 0) arguments.add(flag("tensor-parallel-size", plan.deploy.gpus, "/deploy/gpus"));
  if (role != Role::single) {
    arguments.add(flag("pipeline-parallel-size", plan.deploy.nodes, "/deploy/nodes"));
    arguments.add(flag("distributed-executor-backend", "mp"));
    arguments.add(flag("nnodes", "$(LWS_GROUP_SIZE)"));
    arguments.add(flag("node-rank", role == Role::leader ? "0" : "$(LWS_WORKER_INDEX)"));
    arguments.add(flag("master-addr", "$(LWS_LEADER_ADDRESS)"));
    if (role == Role::worker) arguments.add("--headless");
  }
  if (!plan.quantization.empty()) arguments.add(flag("quantization", plan.quantization));
  add_adapters(plan, arguments, {"--enable-lora", "--lora-modules"});
  return arguments.extend(own_arguments(plan));
}

Node sglang_command(const Plan& /*plan*/) {
  return list({"python3", "-m", "sglang.launch_server"});
}

// The tensor parallel size counts the GPUs of every node.
Node sglang_arguments(const Plan& plan, Role role) {
  Node arguments = list({flag("model-path", plan.model_path), flag("served-model-name", plan.model_name),
                         flag("host", "0.0.0.0"), flag("port", port(plan), "/deploy/service/target_port"),
                         "--enable-metrics"});
  const int64_t total = plan.deploy.gpus * plan.deploy.nodes;
  if (total > 0) arguments.add(flag("tp-size", total, "/deploy/gpus"));
  if (plan.deploy.gpus == 0) arguments.add(flag("device", "cpu"));
  if (role != Role::single) {
    arguments.add(flag("nnodes", "$(LWS_GROUP_SIZE)"));
    arguments.add(flag("node-rank", "$(LWS_WORKER_INDEX)"));
    arguments.add(flag("dist-init-addr", "$(LWS_LEADER_ADDRESS):20000"));
  }
  if (!plan.quantization.empty()) arguments.add(flag("quantization", plan.quantization));
  add_adapters(plan, arguments, {"--enable-lora", "--lora-paths"});
  return arguments.extend(own_arguments(plan));
}

Node lmdeploy_command(const Plan& /*plan*/) {
  return list({"lmdeploy", "serve", "api_server"});
}

Node lmdeploy_arguments(const Plan& plan, Role /*role*/) {
  Node arguments =
      list({plan.model_path.node(), flag("model-name", plan.model_name), flag("server-name", "0.0.0.0"),
            flag("server-port", port(plan), "/deploy/service/target_port")});
  if (plan.deploy.gpus > 0) arguments.add(flag("tp", plan.deploy.gpus, "/deploy/gpus"));
  if (plan.quantization == "awq" || plan.quantization == "gptq")
    arguments.add(flag("model-format", plan.quantization));
  add_adapters(plan, arguments, {"--adapters"});
  return arguments.extend(own_arguments(plan));
}

constexpr Backend kBackends[] = {
    {"swift", "swift:0.1.0", "swift_num_requests_waiting", "/health", "/ready", false, swift_command,
     swift_arguments},
    {"vllm", "vllm/vllm-openai:v0.26.0", "vllm:num_requests_waiting", "/health", "/health", true,
     vllm_command, vllm_arguments},
    {"sglang", "lmsysorg/sglang:v0.5.16", "sglang:num_queue_reqs", "/health", "/health", true, sglang_command,
     sglang_arguments},
    {"lmdeploy", "openmmlab/lmdeploy:v0.12.2-cu12.8", "lmdeploy:num_requests_waiting", "/health", "/health",
     false, lmdeploy_command, lmdeploy_arguments},
};

}  // namespace

const Backend& backend_of(const Plan& plan) {
  for (const Backend& backend : kBackends) {
    if (backend.name == plan.deploy.backend) return backend;
  }
  return kBackends[0];  // another name is refused when the settings are read
}

const Backend& swift_backend() {
  return kBackends[0];
}

}  // namespace swift::k8sgen
