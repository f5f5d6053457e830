// The section deploy: typed values, faults with their place, schema and reference page.
#include <catch2/catch.hpp>

#include "config/deploy_table.h"
#include "config/help.h"
#include "given.h"

using namespace swift::config;

namespace {

Deploy deploy_of(const std::string& yaml, const std::vector<std::string>& words = {}) {
  const Task task = given(yaml, words).task;
  Report report;
  Deploy deploy = read_deploy(task, report);
  report.throw_if_any();
  return deploy;
}

}  // namespace

TEST_CASE("deploy values are typed, and texts stay as they are written") {
  const Deploy deploy = deploy_of(
      "deploy:\n  replicas: 3\n  env: {A: 0777, B: 1.10, C: true, D: \"x: y\"}\n  storage: {nfs: {server: s, "
      "path: /p}}\n"
      "  tolerations: [{key: k, operator: Equal, value: v, tolerationSeconds: 5}]\n  train: {schedule: \"0 2 "
      "* * *\"}\n");
  CHECK(deploy.replicas == 3);
  CHECK(deploy.env == StringMap{{"A", "0777"}, {"B", "1.10"}, {"C", "true"}, {"D", "x: y"}});
  CHECK(deploy.storage.nfs.given);
  CHECK(deploy.storage.nfs.mount_options.size() == 2);
  REQUIRE(deploy.tolerations.size() == 1);
  CHECK(deploy.tolerations[0].op == "Equal");
  CHECK(deploy.tolerations[0].toleration_seconds == 5);
  CHECK(deploy.train.given);
  CHECK_FALSE(deploy.ingress.given);
}

TEST_CASE("an empty or null part of deploy is as if it were absent") {
  const Deploy deploy = deploy_of("deploy: {name: a, storage: null, train: {queue: null}}\n");
  CHECK_FALSE(deploy.storage.given);
  CHECK_FALSE(deploy.train.queue.has_value());
  CHECK_FALSE(deploy_of("model: m\n").given);
}

TEST_CASE("a flag changes one value of deploy and forgets what stood below") {
  CHECK(deploy_of("deploy: {labels: {a: 01}}\n", {"--set", "deploy.labels={b: 02}"}).labels ==
        StringMap{{"b", "02"}});
  CHECK(deploy_of("deploy: {replicas: 1}\n", {"--deploy.replicas", "4"}).replicas == 4);
  CHECK(contains(fault_of("", {"--set", "deploy.replicaz=1"}), "--set deploy.replicaz: error: unknown key"));
}

TEST_CASE("every fault of deploy is told with its place and what would be right") {
  const auto expect = [](const std::string& yaml, const std::string& message) {
    const std::string fault = fault_of("deploy:\n  " + yaml + "\n");
    CAPTURE(yaml, fault);
    CHECK(contains(fault, "task.yaml:2:"));
    CHECK(contains(fault, message));
  };
  expect("nam: x", "unknown key 'deploy.nam'; did you mean 'name'?");
  expect("service: {prt: 1}", "unknown key 'deploy.service.prt'; did you mean 'port'?");
  expect("replicas: two", "deploy.replicas: 'two' is not an integer");
  expect("gpus: 1.5", "deploy.gpus: '1.5' is not an integer");
  expect("gpus: -1", "deploy.gpus: -1 is below 0");
  expect("backend: vlm", "did you mean 'vllm'?");
  expect("service: 80", "deploy.service: must be a map of settings");
  expect("secrets: {name: a}", "deploy.secrets: must be a list of maps");
  expect("secrets: [{name: a}]", "deploy.secrets.0: needs key");
  expect("env: {A: [1]}", "deploy.env.A: must be a map of texts");
  expect("env: {A: }", "deploy.env.A: has no value");
  expect("network: {policy: maybe}", "is neither true nor false");
}

TEST_CASE("the schema and the reference page know every key of deploy") {
  const swift::base::Json schema = json_schema().at("properties").at("deploy");
  CHECK(schema.at("additionalProperties") == false);
  const auto& properties = schema.at("properties");
  CHECK(properties.at("replicas").at("anyOf")[0].at("maximum") == 10000);
  CHECK(properties.at("train").at("anyOf")[0].at("properties").contains("schedule"));
  CHECK(properties.at("secrets").at("anyOf")[0].at("items").at("required") ==
        swift::base::Json::parse(R"(["name","key"])"));
  CHECK(contains(deploy_reference(), "| `deploy.storage.nfs.server` | text, required |"));
  CHECK(contains(explain("deploy.train.nodes"), "an integer from 1 to 1000"));
}
