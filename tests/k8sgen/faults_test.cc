// Bad tasks: each fault with file and line, and nothing emitted.
#include "given.h"

using namespace swift::k8sgen;

namespace {

// Expects the message at the line of the key within "deploy:" (line 2 is the first).
void expect(const std::string& body, int line, const std::string& message,
            const std::string& head = "model: /models/m") {
  const std::string yaml = head + "\ndeploy:\n" + body;
  const std::string fault = fault_of(yaml);
  CAPTURE(yaml, fault);
  CHECK(contains(fault, "task.yaml:" + std::to_string(line) + ":"));
  CHECK(contains(fault, message));
}

const std::string kHead = "  name: web\n  storage: {claim: c}\n";

}  // namespace

TEST_CASE("every kind of mistake is told with its line") {
  expect(kHead + "  gpus: 1.5\n", 5, "deploy.gpus: '1.5' is not an integer");
  expect(kHead + "  resources: {limits: {memory: 32GB}}\n", 5, "write 32G (10^9) or 32Gi (2^30)");
  expect(kHead + "  train: {schedule: \"0 2 * * * *\"}\n", 5, "6 fields");
  expect(kHead + "  train: {schedule: \"0 2 * * *\", time_zone: Mars/Base}\n", 5, "Mars/Base");
  expect("  name: " + std::string(64, 'a') + "\n  storage: {claim: c}\n", 3, "64 characters");
  expect(kHead + "  resources: {limits: {cpu: 4}, requests: {cpu: 8}}\n", 5, "above the limit");
  expect(kHead + "  rollout: {max_surge: 0, max_unavailable: 0}\n", 5, "both 0");
  expect(kHead + "  autoscaling: {min: 5, max: 2}\n", 5, "the minimum 5 is above the maximum 2");
  expect(kHead + "  backend: vlm\n", 5, "did you mean 'vllm'?");
  expect(kHead + "  replcas: 2\n", 5, "unknown key 'deploy.replcas'");
  expect(kHead, 1, "outside every mount", "model: /home/me/m");
  expect("  name: web\n", 1, "nothing is mounted");
  expect(kHead + "  model: /models/../etc\n", 5, "outside every mount");
  expect(kHead + "  env: {1A: x}\n", 5, "1A");
  expect(kHead + "  labels: {a: \"b c\"}\n", 5, "b c");
  expect(kHead + "  node_selector: {\"a b\": c}\n", 5, "a b");
  expect(kHead + "  ingress: {host: \"a_b.example\"}\n", 5, "a_b.example");
  expect(kHead + "  ingress: {host: a.example, path: x}\n", 5, "path");
  expect(kHead + "  service: {target_port: 70000}\n", 5, "above 65535");
  expect(kHead + "  shm_size: 900Gi\n", 5, "900Gi");
  expect("  name: web\n  storage: {claim: c, storage_class: d, size: 1Gi}\n", 4, "exclude each other");
  expect("  name: web\n  storage: {storage_class: d}\n", 4, "needs size");
  expect("  name: web\n  storage: {storage_class: d, size: 1Gi, access_mode: ReadWriteOnce}\n  replicas: 2\n",
         4, "admits pods of one node only");
  expect(kHead + "  logs_mount: /models\n", 5, "/models");
  expect(kHead + "  secrets: [{name: a, key: k}]\n", 5, "needs mount or env");
  expect(kHead + "  autoscaling: {min: 0, max: 2}\n", 5, "needs provider keda");
}

TEST_CASE("faults of settings, plan and objects come in one report") {
  const std::string fault = fault_of(
      "model: /home/m\ndeploy:\n  nam: x\n  storage: {claim: c}\n  rollout: {max_surge: 0, max_unavailable: "
      "0}\n");
  CHECK(contains(fault, "unknown key 'deploy.nam'"));
  CHECK(contains(fault, "outside every mount"));
  CHECK(contains(fault, "both 0"));
  CHECK(contains(fault, "3 errors"));
}

TEST_CASE("what looks like a secret is refused by its key or its form, and never shown") {
  const auto refused = [](const std::string& body) {
    const std::string fault = fault_of("model: /models/m\ndeploy:\n" + kHead + body);
    CAPTURE(body, fault);
    CHECK(contains(fault, "looks like a secret"));
    CHECK(contains(fault, "kubectl create secret generic"));
  };
  refused("  env: {HF_TOKEN: abcdefgh}\n");
  refused("  env: {DB_PASSWORD: hunter2}\n");
  refused("  env: {apiKey: abcdef}\n");
  refused("  env: {X: hf_abcdefghijklmnopqrstuvwx}\n");
  refused("  env: {X: \"https://me:pass@host/x\"}\n");
  refused("  annotations: {note: sk-abcdefghijklmnopqrstuvwxyz}\n");
  refused("  backend_args: [\"--api-key=abcdefg\"]\n");
  refused("  env: {X: \"-----BEGIN RSA PRIVATE KEY-----\"}\n");
  CHECK(contains(fault_of("model: /models/m\nsystem: hf_abcdefghijklmnopqrstuvwx\ndeploy:\n" + kHead),
                 "'system' looks like a secret"));
}

TEST_CASE("names of Secrets, paths of their files, and counts of tokens are no secrets") {
  const std::string fine = "max_new_tokens: 64\nmodel: /models/m\ndeploy:\n" + kHead +
                           "  secrets: [{name: hf-token, key: token, mount: /s}]\n  env: {HF_TOKEN_PATH: "
                           "/s/token, TOKENIZERS_PARALLELISM: "
                           "false, MAX_TOKENS: 5}\n  image_pull_secrets: [registry-password]\n  ingress: "
                           "{host: a.example, tls_secret: my-secret}\n";
  CHECK(fault_of(fine).empty());
}
