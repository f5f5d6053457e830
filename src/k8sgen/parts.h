// What several kinds share: names, labels, selectors, and the pods of serving and training.
#pragma once
#include <string>

#include "k8sgen/backends.h"
#include "k8sgen/plan.h"

namespace swift::k8sgen {

// app.kubernetes.io/component of an object.
constexpr const char* kInference = "inference";
constexpr const char* kTraining = "training";

// apiVersion, kind and metadata with our labels and the user's annotations; the rest is set by the caller.
Node object(const Plan& plan, const char* api_version, const char* kind, const Chosen& name,
            const char* component);
// As object(), for what belongs to no namespace.
Node cluster_object(const Plan& plan, const char* api_version, const char* kind, const Chosen& name,
                    const char* component);

// name, instance and component only: a selector cannot be changed, so nothing in it may depend on anything
// else.
Node selector(const Plan& plan, const char* component);
Node labels(const Plan& plan, const char* component);

// The pods that serve (reference/kubernetes-cli-web.md section 1.3): metadata and spec.
Node serving_pod(const Plan& plan, Role role);
// The pod that trains; `container`: its name; `variables`: the rendezvous, before the user's.
Node training_pod(const Plan& plan, const char* container, Node variables, const Chosen& config_map);
// The container alone, for kinds that bring their own pod.
Node training_container(const Plan& plan, const char* container, Node variables);

// Parts of pods.
Node variable(const std::string& name, const Node& value);
Node pod_security(const Plan& plan);
Node container_security(const Plan& plan);
Node training_environment(const Plan& plan, Node variables);
Node training_volumes(const Plan& plan, const Chosen& config_map);

// Host name suffix of the pods' headless Service: ".<service>" or ".<service>.<namespace>.svc".
std::string service_suffix(const Plan& plan, const std::string& service);

// The object that trains: its name ends in the hash of its spec, unless it is a CronJob.
Chosen training_name(const Plan& plan);

// Names of the ConfigMaps.
Chosen serving_config(const Plan& plan);
Chosen training_config(const Plan& plan);

}  // namespace swift::k8sgen
