#include "k8sgen/plan.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/hash.h"
#include "k8sgen/backends.h"
#include "k8sgen/canonical.h"
#include "k8sgen/cron.h"
#include "k8sgen/model_size.h"
#include "k8sgen/quantity.h"

namespace swift::k8sgen {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;
constexpr int64_t kReadRate = 200'000'000;  // bytes a second of a shared volume, taken low
constexpr int64_t kStartOverhead = 60;      // seconds to start a server without its weights
constexpr int64_t kNightly = 5 * 3600;      // longest scheduled run, seconds
constexpr int64_t kWeek = 7 * 86400;

class Planner {
 public:
  Planner(const config::Task& task, const Options& options, config::Report& report)
      : options_(options), report_(report) {
    plan_.task = task;
    config::Report told;  // whoever loaded the task has its faults already
    plan_.deploy = config::read_deploy(task, told);
    plan_.version = options.version;
  }

  Plan run() {
    kinds();
    model();
    names();
    images();
    sizes();
    storage();
    schedule();
    contradictions();
    plan_.config_text = canonical_task(plan_.task);
    plan_.config_hash = base::fnv1a_hex(plan_.config_text);
    return std::move(plan_);
  }

 private:
  const config::Deploy& deploy() const { return plan_.deploy; }
  const config::TrainPart& train() const { return plan_.deploy.train; }

  void fault(const std::string& setting, const std::string& message) {
    report_.add({config::origin_of_setting(plan_.task, setting), 1, message});
  }

  void kinds() {
    const Wanted wanted = options_.wanted;
    plan_.serves = wanted == Wanted::all || wanted == Wanted::deployment;
    plan_.cron_job =
        wanted == Wanted::cronjob || (wanted == Wanted::all && train().given && train().schedule);
    plan_.job = wanted == Wanted::job || (wanted == Wanted::all && train().given && !train().schedule);
    plan_.trains = plan_.job || plan_.cron_job;
    if (wanted == Wanted::cronjob && !train().schedule)
      fault("/deploy/train", "a CronJob needs deploy.train.schedule, such as \"0 2 * * *\"");
  }

  void model() {
    const std::string& mount = deploy().storage.mount;
    if (deploy().model) {
      plan_.model_path = {*deploy().model, "/deploy/model"};
    } else if (!plan_.task.model.empty()) {
      plan_.model_path = {plan_.task.model, "/model"};
    } else if (const std::string named = deploy().model_name.value_or(plan_.task.model_type);
               !named.empty()) {
      plan_.model_path = {mount + "/" + named, deploy().model_name ? "/deploy/model_name" : "/model_type"};
    } else if (plan_.serves) {
      fault("/deploy", "nothing names the model to serve: set deploy.model, model or deploy.model_name");
    }
    std::filesystem::path path(plan_.model_path.text);
    if (!path.has_filename()) path = path.parent_path();
    plan_.model_name = deploy().model_name ? Chosen{*deploy().model_name, "/deploy/model_name"}
                                           : Chosen{path.filename().string(), plan_.model_path.setting};
    plan_.quantization = deploy().quantization.value_or(plan_.task.quant_method.value_or(""));
    measure();
  }

  void measure() {
    if (deploy().model_size) {
      const auto size = Quantity::parse(*deploy().model_size);
      if (!size)
        fault("/deploy/model_size", "deploy.model_size: '" + *deploy().model_size +
                                        "' is not a quantity; write 16Gi or 16G, for example");
      plan_.model_bytes = size ? size->ceil() : 0;
    } else {
      plan_.model_bytes = model_bytes(plan_.task.model, plan_.model_name.text + " " + plan_.task.model_type,
                                      plan_.quantization);
    }
    // Twice the estimate: a volume may be slow, and a probe that kills a loading model restarts the load.
    const int64_t load = kStartOverhead + plan_.model_bytes / kReadRate;
    plan_.startup_seconds = deploy().probes.startup_seconds.value_or(2 * load);
  }

  void names() {
    plan_.namespace_ = options_.namespace_.value_or(deploy().namespace_.value_or(""));
    if (options_.name)
      plan_.name = {*options_.name, "--name"};
    else if (deploy().name)
      plan_.name = {*deploy().name, "/deploy/name"};
    else
      plan_.name = {name_from(plan_.model_name.text), plan_.model_name.setting};
    plan_.train_name = train().name ? Chosen{*train().name, "/deploy/train/name"}
                                    : Chosen{plan_.name.text + "-train", plan_.name.setting};
    // The controller of a LeaderWorkerSet makes a headless Service of the set's own name.
    const std::string fallback = plan_.name.text + (plan_.in_groups() ? "-http" : "");
    plan_.service_name = deploy().service.name ? Chosen{*deploy().service.name, "/deploy/service/name"}
                                               : Chosen{fallback, plan_.name.setting};
    if (plan_.in_groups() && plan_.service_name.text == plan_.name.text)
      fault("/deploy/service/name", "deploy.service.name: the LeaderWorkerSet '" + plan_.name.text +
                                        "' makes a Service of that name itself; choose another");
  }

  // "Qwen3_8B.chat" as "qwen3-8b-chat".
  static std::string name_from(const std::string& text) {
    std::string name;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const bool kept = byte < 0x80 && std::isalnum(byte) != 0;
      if (kept)
        name += static_cast<char>(std::tolower(byte));
      else if (!name.empty() && name.back() != '-')
        name += '-';
    }
    while (!name.empty() && name.back() == '-') name.pop_back();
    return name.empty() ? "swift" : name;
  }

  void images() {
    plan_.image = deploy().image ? Chosen{*deploy().image, "/deploy/image"}
                                 : Chosen{std::string(backend_of(plan_).image), "/deploy/backend"};
    const bool same = deploy().image && deploy().backend == "swift";
    plan_.train_image = train().image ? Chosen{*train().image, "/deploy/train/image"}
                        : same        ? plan_.image
                                      : Chosen{std::string(swift_backend().image), "/deploy/train"};
  }

  void sizes() {
    const int64_t model_gib = (plan_.model_bytes + kGiB - 1) / kGiB;
    const int64_t gpus = deploy().gpus;
    const int64_t shm_gib = gpus > 0 ? 8 : 1;
    plan_.serve_size = size(deploy().resources, "/deploy/resources", gpus, gpus > 0 ? 8 * gpus : 4,
                            gpus > 0 ? model_gib + 8 + shm_gib : 2 * model_gib + 4 + shm_gib);
    const int64_t train_gpus = train().gpus.value_or(gpus);
    const int64_t train_shm = train_gpus > 0 ? 8 : 1;
    plan_.train_size =
        size(train().resources, "/deploy/train/resources", train_gpus, train_gpus > 0 ? 8 * train_gpus : 4,
             train_gpus > 0 ? 32 * train_gpus + train_shm : 4 * model_gib + 4 + train_shm);
  }

  // A limit that is not given is the request, and the other way round: so the quality of service is
  // Guaranteed unless the user asks for a difference.
  PodSize size(const config::DeployResources& given, const std::string& setting, int64_t gpus, int64_t cpus,
               int64_t memory_gib) {
    PodSize pod;
    pod.gpus = gpus;
    const std::string shm = deploy().shm_size.value_or(gpus > 0 ? "8Gi" : "1Gi");
    pod.shm = {canonical_quantity(shm), deploy().shm_size ? "/deploy/shm_size" : ""};
    config::StringMap names = {{"cpu", std::to_string(cpus)}, {"memory", std::to_string(memory_gib) + "Gi"}};
    for (const config::StringMap* map : {&given.limits, &given.requests}) {
      for (const auto& [key, value] : *map) {
        if (value_of(names, key) == nullptr) names.emplace_back(key, value);
      }
    }
    for (const auto& [key, fallback] : names) {
      const std::string* limit = value_of(given.limits, key);
      const std::string* request = value_of(given.requests, key);
      const std::string inner = "/" + config::pointer_part(key);
      const std::string limit_place = limit != nullptr     ? setting + "/limits" + inner
                                      : request != nullptr ? setting + "/requests" + inner
                                                           : setting;
      const std::string& lim = limit != nullptr ? *limit : request != nullptr ? *request : fallback;
      const std::string& req = request != nullptr ? *request : lim;
      pod.limits.set(key, Node(canonical_quantity(lim)).from(limit_place));
      pod.requests.set(key, Node(canonical_quantity(req))
                                .from(request != nullptr ? setting + "/requests" + inner : limit_place));
    }
    if (gpus > 0) {
      const std::string where =
          setting.find("train") != std::string::npos && train().gpus ? "/deploy/train/gpus" : "/deploy/gpus";
      pod.limits.set(deploy().gpu_resource, Node(std::to_string(gpus)).from(where));
      pod.requests.set(deploy().gpu_resource, Node(std::to_string(gpus)).from(where));
    }
    return pod;
  }

  static const std::string* value_of(const config::StringMap& map, const std::string& key) {
    const auto found =
        std::find_if(map.begin(), map.end(), [&](const auto& entry) { return entry.first == key; });
    return found == map.end() ? nullptr : &found->second;
  }

  void storage() {
    const config::Storage& s = deploy().storage;
    const int kinds = int{s.nfs.given} + int{s.claim.has_value()} + int{s.storage_class.has_value()};
    if (kinds > 1)
      fault("/deploy/storage", "deploy.storage: nfs, claim and storage_class exclude each other; keep one");
    if (kinds > 0) plan_.claim = s.claim.value_or(plan_.name.text + "-models");
    if (s.storage_class && !s.size)
      fault("/deploy/storage", "deploy.storage: a new claim needs size, such as 500Gi");
    access(s);
    if (plan_.serves) inside(plan_.model_path, "the model");
    for (const std::string& adapter : plan_.task.adapters) inside({adapter, "/adapters"}, "the adapter");
    if (!plan_.trains) return;
    plan_.train_model =
        train().model ? Chosen{*train().model, "/deploy/train/model"} : Chosen{plan_.task.model, "/model"};
    inside(plan_.train_model, "the model");
    // What is written outside a volume is lost with the pod.
    plan_.output_dir = plan_.task.is_set("output_dir")
                           ? Chosen{plan_.task.output_dir, "/output_dir"}
                           : Chosen{s.mount + "/" + plan_.train_name.text, "/deploy/train"};
    inside(plan_.output_dir, "the output directory");
    for (const std::string& data : plan_.task.dataset) {
      // A bare name may be a registered dataset; a path must be mounted.
      if (data.find('/') != std::string::npos)
        inside({data.substr(0, data.find('#')), "/dataset"}, "the dataset");
    }
  }

  void access(const config::Storage& s) {
    if (!s.access_mode) return;
    const std::string& mode = *s.access_mode;
    if (plan_.trains && mode == "ReadOnlyMany")
      fault("/deploy/storage/access_mode",
            "deploy.storage.access_mode: training writes into the volume; ReadOnlyMany "
            "does not let it, ReadWriteMany does");
    const bool one_node = mode == "ReadWriteOnce" || mode == "ReadWriteOncePod";
    if (one_node &&
        (plan_.serves ? plan_.several_replicas() || plan_.in_groups() : plan_.multi_node_training()))
      fault("/deploy/storage/access_mode", "deploy.storage.access_mode: " + mode +
                                               " admits pods of one node only, and there are several pods; "
                                               "ReadWriteMany or ReadOnlyMany admits them");
  }

  void inside(const Chosen& path, const std::string& what) {
    if (path.text.empty()) return;
    const std::string normal = std::filesystem::path(path.text).lexically_normal().string();
    std::vector<std::string> mounts;
    if (!plan_.claim.empty()) mounts.push_back(deploy().storage.mount);
    for (const std::string& mount : mounts) {
      if (normal == mount || normal.compare(0, mount.size() + 1, mount + "/") == 0) return;
    }
    const std::string have =
        mounts.empty() ? "nothing is mounted: set deploy.storage" : "mounted is " + mounts[0];
    fault(path.setting, what + " '" + path.text + "' is outside every mount of the pod; " + have);
  }

  void schedule() {
    plan_.train_deadline = train().deadline_seconds.value_or(plan_.cron_job ? kNightly : kWeek);
    if (!plan_.cron_job) return;
    if (train().launcher != "job")
      fault("/deploy/train/launcher", "a CronJob starts Jobs only: with a schedule, launcher must be job");
    if (!train().shrink_serving_to || train().restore_schedule || !train().schedule) return;
    if (!shifted(*train().schedule, plan_.train_deadline) && !schedule_fault(*train().schedule))
      fault("/deploy/train/schedule",
            "when serving grows back cannot be told from this schedule: set deploy.train.restore_schedule");
  }

  void contradictions() {
    const config::Autoscaling& a = deploy().autoscaling;
    if (a.given && a.min == 0 && a.provider != "keda")
      fault("/deploy/autoscaling/min",
            "deploy.autoscaling.min: 0 needs provider keda; a HorizontalPodAutoscaler "
            "keeps at least 1");
    if (a.given && a.provider == "keda" && !a.prometheus)
      fault("/deploy/autoscaling", "deploy.autoscaling: keda needs prometheus, its address");
    const config::IngressPart& i = deploy().ingress;
    if (i.given && i.route == "gateway" && !i.gateway.given)
      fault("/deploy/ingress/route", "deploy.ingress: route gateway needs gateway.name");
    if (deploy().nodes > 1 && !backend_of(plan_).multi_node)
      fault("/deploy/nodes",
            "backend " + deploy().backend + " serves on one node; vllm and sglang on several");
    if (train().shrink_serving_to && a.given && a.provider == "keda")
      fault("/deploy/train/shrink_serving_to",
            "shrink_serving_to works with a fixed number of replicas or an HPA, "
            "not with keda");
    if (train().shrink_serving_to && deploy().workload == "inferenceservice")
      fault("/deploy/train/shrink_serving_to",
            "shrink_serving_to resizes a Deployment or a LeaderWorkerSet; under workload inferenceservice "
            "KServe owns it");
    if (train().shrink_serving_to && !train().schedule)
      fault("/deploy/train/shrink_serving_to",
            "shrink_serving_to belongs to a scheduled training: set "
            "deploy.train.schedule");
    for (size_t n = 0; n < deploy().secrets.size(); ++n) {
      if (!deploy().secrets[n].mount && !deploy().secrets[n].env)
        fault("/deploy/secrets/" + std::to_string(n), "a secret needs mount or env, to be of use");
    }
  }

  const Options& options_;
  config::Report& report_;
  Plan plan_;
};

}  // namespace

Plan make_plan(const config::Task& task, const Options& options, config::Report& report) {
  return Planner(task, options, report).run();
}

}  // namespace swift::k8sgen
