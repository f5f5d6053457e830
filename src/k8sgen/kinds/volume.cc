// The models' volume. NFS is a static PersistentVolume: a volume inside the pod could not take mount options
// and is refused by Pod Security "restricted".
#include "k8sgen/kinds.h"
#include "k8sgen/quantity.h"

namespace swift::k8sgen {
namespace {

Chosen claim_name(const Plan& plan) {
  return {plan.claim, plan.name.setting};
}

// Volumes belong to no namespace: theirs is part of the name.
Chosen volume_name(const Plan& plan) {
  return {(plan.namespace_.empty() ? "" : plan.namespace_ + "-") + plan.claim, plan.name.setting};
}

Node access_modes(const Plan& plan) {
  return list(
      {Node(plan.deploy.storage.access_mode.value_or("ReadWriteMany")).from("/deploy/storage/access_mode")});
}

Node size(const Plan& plan) {
  return Node(canonical_quantity(plan.deploy.storage.size.value_or("1Ti"))).from("/deploy/storage/size");
}

}  // namespace

Node persistent_volume(const Plan& plan) {
  const config::Nfs& nfs = plan.deploy.storage.nfs;
  Node options = Node::list();
  for (const std::string& option : nfs.mount_options)
    options.add(Node(option).from("/deploy/storage/nfs/mount_options"));
  Node spec = map({{"capacity", map({{"storage", size(plan)}})},
                   {"volumeMode", "Filesystem"},
                   {"accessModes", access_modes(plan)},
                   {"persistentVolumeReclaimPolicy", "Retain"},
                   {"storageClassName", ""}});
  spec.set_if(!options.empty(), "mountOptions", options);
  spec.set("nfs", map({{"server", Node(nfs.server).from("/deploy/storage/nfs/server")},
                       {"path", Node(nfs.path).from("/deploy/storage/nfs/path")}}));
  // Without a namespace the claim cannot be named from here; its volumeName binds the two.
  if (!plan.namespace_.empty()) {
    spec.set("claimRef", map({{"apiVersion", "v1"},
                              {"kind", "PersistentVolumeClaim"},
                              {"namespace", plan.namespace_},
                              {"name", plan.claim}}));
  }
  return cluster_object(plan, "v1", "PersistentVolume", volume_name(plan), kInference).set("spec", spec);
}

Node persistent_volume_claim(const Plan& plan) {
  const config::Storage& storage = plan.deploy.storage;
  Node spec = map({{"accessModes", access_modes(plan)},
                   {"volumeMode", "Filesystem"},
                   {"resources", map({{"requests", map({{"storage", size(plan)}})}})}});
  spec.set("storageClassName",
           Node(storage.storage_class.value_or("")).from("/deploy/storage/storage_class"));
  if (storage.nfs.given) spec.set("volumeName", volume_name(plan).node());
  return object(plan, "v1", "PersistentVolumeClaim", claim_name(plan), kInference).set("spec", spec);
}

}  // namespace swift::k8sgen
