// swift deploy: streams, flags, files, exit codes.
#include "fixture.h"

using namespace swift::tests;

namespace {

const std::string kTask = SWIFT_SOURCE_DIR "/configs/kube/day-and-night.yaml";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Outcome run_swift(const std::vector<std::string>& words) {
  return swift::tests::swift(words);
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("manifests go to stdout alone, twice the same, from any directory") {
  const Outcome first = run_swift({"deploy", kTask, "--emit-manifests"});
  CHECK(first.code == 0);
  CHECK(first.err.empty());
  CHECK(count(first.out, "---\n") == 16);
  CHECK(run_swift({"deploy", "--config", kTask, "--emit-manifests", "true"}).out == first.out);
}

TEST_CASE("kind, namespace, name and settings change what is emitted") {
  const std::string serving = run_swift({"deploy", kTask, "--emit-manifests", "--kind", "deployment"}).out;
  CHECK(contains(serving, "kind: \"Deployment\""));
  CHECK_FALSE(contains(serving, "kind: \"CronJob\""));
  const std::string training = run_swift({"deploy", kTask, "--emit-manifests", "--kind=cronjob"}).out;
  CHECK_FALSE(contains(training, "kind: \"Deployment\""));
  const std::string job = run_swift({"deploy", kTask, "--emit-manifests", "--kind", "job"}).out;
  CHECK(contains(job, "kind: \"Job\""));
  const std::string named = run_swift({"deploy", kTask, "--emit-manifests", "--name", "other", "--namespace",
                                       "away", "--set", "deploy.replicas=7"})
                                .out;
  CHECK(contains(named, "name: \"other\""));
  CHECK(contains(named, "namespace: \"away\""));
  CHECK(contains(named, "replicas: 7"));
  CHECK_FALSE(contains(named, "qwen3-shop"));
}

TEST_CASE("an older cluster gets no newer field") {
  const auto of = [](const char* version) {
    return run_swift({"deploy", kTask, "--emit-manifests", "--kube-version", version}).out;
  };
  CHECK(contains(of("1.30"), "seconds: 15"));
  CHECK_FALSE(contains(of("1.29"), "seconds: 15"));
  const Outcome unknown = run_swift({"deploy", kTask, "--emit-manifests", "--kube-version", "1.12"});
  CHECK(unknown.code == 2);
  CHECK(unknown.out.empty());
  CHECK(contains(unknown.err, "1.29"));
}

TEST_CASE("explain has a line for every object, with the setting that governs it") {
  const Outcome explained = run_swift({"deploy", kTask, "--explain"});
  CHECK(explained.code == 0);
  CHECK(count(explained.out, "\n") == 16);
  CHECK(contains(explained.out, "(deploy.train.shrink_serving_to)"));
}

TEST_CASE("manifests are written to a file, or to a directory with a kustomization") {
  const fs::path at = scratch("manifests");
  const Outcome file = run_swift({"deploy", kTask, "--emit-manifests", "--output", at / "all.yaml"});
  CHECK(file.out.empty());
  CHECK(contents(at / "all.yaml") == run_swift({"deploy", kTask, "--emit-manifests"}).out);
  run_swift({"deploy", kTask, "--emit-manifests", "--output", (at / "dir").string() + "/"});
  CHECK(contains(contents(at / "dir/kustomization.yaml"), "09-deployment-qwen3-shop.yaml"));
  CHECK(fs::exists(at / "dir/09-deployment-qwen3-shop.yaml"));
  write(at / "blocker", "");
  const Outcome blocked =
      run_swift({"deploy", kTask, "--emit-manifests", "--output", (at / "blocker").string() + "/"});
  CHECK(blocked.code == 1);
}

TEST_CASE("after an error nothing is printed or written, and the code is 2") {
  const fs::path at = scratch("refused");
  write(at / "task.yaml",
        "model: /home/m\ndeploy:\n  nam: x\n  storage: {claim: c}\n  train: {schedule: never}\n");
  const Outcome refused =
      run_swift({"deploy", at / "task.yaml", "--emit-manifests", "--output", (at / "dir").string() + "/"});
  CHECK(refused.code == 2);
  CHECK(refused.out.empty());
  CHECK_FALSE(fs::exists(at / "dir"));
  for (const char* part : {"task.yaml:1:", "task.yaml:3:", "task.yaml:5:"}) {
    CAPTURE(part, refused.err);
    CHECK(contains(refused.err, part));
  }
  write(at / "none.yaml", "model: m\n");
  const Outcome none = run_swift({"deploy", at / "none.yaml", "--emit-manifests"});
  CHECK(none.code == 2);
  CHECK(contains(none.err, "no section deploy:"));
  CHECK(run_swift({"deploy", kTask, "--emit-manifests", "--kind", "pod"}).code == 2);
  // Without --emit-manifests it serves, and the task's model is not here.
  CHECK(run_swift({"deploy", kTask}).code == 4);
}
