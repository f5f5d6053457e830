// swift deploy TASK.yaml: serves, or with --emit-manifests or --explain speaks of Kubernetes.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/task_input.h"
#include "config/resolve.h"
#include "k8sgen/emit.h"
#include "k8sgen/manifests.h"

namespace swift::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  bool emit_manifests = false;
  bool explain = false;
  std::string kind = "all";
  std::optional<std::string> namespace_;
  std::optional<std::string> name;
  std::optional<std::string> output;
  std::string kube_version = k8sgen::Version().str();
};

std::vector<config::Field> fields_of(Flags& flags) {
  config::FieldList v;
  v.group("Manifests", 0);
  v("emit_manifests", &flags.emit_manifests, {}, "Print Kubernetes YAML");
  v("explain", &flags.explain, {}, "Print why each object is there");
  v("kind", &flags.kind, {.one_of = {"all", "deployment", "job", "cronjob"}}, "Which objects");
  v("namespace", &flags.namespace_, {}, "Instead of deploy.namespace");
  v("name", &flags.name, {}, "Instead of deploy.name");
  v("output", &flags.output, {}, "A file, or a directory");
  v("kube_version", &flags.kube_version, {}, "Version of the cluster");
  return v.take();
}

k8sgen::Wanted wanted(const std::string& kind) {
  if (kind == "deployment") return k8sgen::Wanted::deployment;
  if (kind == "job") return k8sgen::Wanted::job;
  if (kind == "cronjob") return k8sgen::Wanted::cronjob;
  return k8sgen::Wanted::all;
}

template <class Work>
void report_if_faulty(Work work, config::Report& report) {
  try {
    work();
  } catch (const base::Error& error) {
    report.add(error);
  }
}

// A directory gets a file an object; files of an earlier run that are no longer wanted would still be
// applied.
void write_directory(const fs::path& directory, const std::vector<k8sgen::Object>& objects) {
  base::ensure_writable_directory(directory);
  const auto files = k8sgen::directory_of(objects);
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    const bool ours =
        std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.first == name; });
    if (!ours && entry.path().extension() == ".yaml")
      base::log::warn(entry.path().string() +
                      ": warning: not of this task; kustomization.yaml leaves it out");
  }
  for (const auto& [name, text] : files) base::write_file_atomic(directory / name, text);
}

}  // namespace

int run_deploy(std::string_view verb, const std::vector<std::string>& words) {
  const bool manifests = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word.starts_with("--emit-manifests") || word.starts_with("--emit_manifests") ||
           word.starts_with("--explain");
  });
  if (!manifests) return run_compute(verb, words);
  Flags flags;
  config::Request request = request_of(words);
  request.options = fields_of(flags);
  config::Report report;
  config::Loaded loaded = config::load(request, report);
  for (const std::string& warning : loaded.warnings) base::log::warn(warning);
  if (loaded.task.deploy.value.empty()) {
    report.add(base::Error(base::ExitCode::usage,
                           "the task has no section deploy:, so nothing can be emitted", {},
                           "docs/kubernetes.md shows one"));
  }
  report_if_faulty(
      [&] {
        for (const std::string& warning : config::resolve(loaded.task, "manifests")) base::log::warn(warning);
      },
      report);
  k8sgen::Options options;
  options.wanted = wanted(flags.kind);
  options.name = flags.name;
  options.namespace_ = flags.namespace_;
  report_if_faulty([&] { options.version = k8sgen::Version::parse(flags.kube_version); }, report);
  const std::vector<k8sgen::Object> objects = k8sgen::manifests(loaded.task, options, report);
  report.throw_if_any();
  if (flags.explain) {
    std::cout << k8sgen::explain(objects);
  } else if (!flags.output) {
    std::cout << k8sgen::to_yaml(objects);
  } else if (flags.output->ends_with('/') || fs::is_directory(*flags.output)) {
    write_directory(*flags.output, objects);
  } else {
    base::write_file_atomic(*flags.output, k8sgen::to_yaml(objects));
  }
  return 0;
}

}  // namespace swift::cli
