// What the kinds of training objects share.
#pragma once
#include "k8sgen/parts.h"

namespace swift::k8sgen {

constexpr const char* kContainer = "train";
constexpr int64_t kMasterPort = 29500;

// A variable taken from the pod's own metadata ("metadata.annotations['…']").
Node field_variable(const std::string& name, const std::string& path);

// RANK, WORLD_SIZE and LOCAL_RANK speak of pods: swift starts a process per GPU in each and numbers those
// itself from NNODES, NODE_RANK and NPROC_PER_NODE. `master`: address of pod 0; empty: the controller sets
// the rendezvous and only what it leaves out is given.
Node rendezvous(const Plan& plan, const std::string& master, int64_t port);

// The object of a launcher: its name with the hash, and the Kueue label when a queue is given.
Node training_object(const Plan& plan, const char* api_version, const char* kind);
Node queue_label(const Plan& plan);  // empty when there is no queue

// The spec of a Job; `restarts`: its backoffLimit; `subdomain`: the headless Service of several pods.
Node job_spec(const Plan& plan, Node variables, int64_t restarts, const std::string& subdomain);

}  // namespace swift::k8sgen
