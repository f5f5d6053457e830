#include "k8sgen/manifests.h"

#include <algorithm>
#include <cctype>

#include "k8sgen/check.h"
#include "k8sgen/emit.h"
#include "k8sgen/kinds.h"
#include "k8sgen/secret_scan.h"

namespace swift::k8sgen {
namespace {

std::string dotted(std::string setting) {
  if (!setting.empty() && setting.front() == '/') setting.erase(0, 1);
  std::replace(setting.begin(), setting.end(), '/', '.');
  return setting;
}

std::string file_name(const Object& object, size_t number) {
  std::string kind = object.kind();
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 2 ? 2 - digits.size() : 0, '0') + digits + "-" + kind + "-" +
         object.name() + ".yaml";
}

}  // namespace

std::vector<Object> manifests(const config::Task& task, const Options& options, config::Report& report) {
  refuse_secrets(task, report);
  const Plan plan = make_plan(task, options, report);
  if (plan.model_path.text.empty() && plan.serves) return {};  // already told
  std::vector<Object> made = objects(plan);
  for (const Finding& finding : check(made, options.version))
    report.add({config::origin_of_setting(task, finding.setting), 1, finding.message});
  return made;
}

std::vector<std::pair<std::string, std::string>> directory_of(const std::vector<Object>& objects) {
  std::vector<std::pair<std::string, std::string>> files;
  Node names = Node::list();
  for (const Object& object : objects) {
    files.emplace_back(file_name(object, files.size() + 1), to_yaml(object.root));
    names.add(files.back().first);
  }
  files.emplace_back("kustomization.yaml", to_yaml(map({{"apiVersion", "kustomize.config.k8s.io/v1beta1"},
                                                        {"kind", "Kustomization"},
                                                        {"resources", names}})));
  return files;
}

std::string explain(const std::vector<Object>& objects) {
  std::vector<std::string> heads;
  size_t width = 0;
  for (const Object& object : objects) {
    heads.push_back(object.kind() + " " + object.name());
    width = std::max(width, heads.back().size());
  }
  std::string text;
  for (size_t i = 0; i < objects.size(); ++i) {
    heads[i].resize(width, ' ');
    text += heads[i] + "  " + objects[i].why + " (" + dotted(objects[i].setting) + ")\n";
  }
  return text;
}

}  // namespace swift::k8sgen
