#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("mounts name volumes, and every volume is mounted") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/containers/0/volumeMounts/1/name", R"("cache")",
                "mounts_declared: Deployment 'web' spec.template.spec.containers[0].volumeMounts[1].name: "
                "'cache' is no volume of the pod; declare it under volumes\n"
                "volumes_used: Deployment 'web' spec.template.spec.volumes[1].name: 'shm' is mounted by no "
                "container; mount it or leave it out"}});
}

TEST_CASE("mount paths are absolute, without colons, each once") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/containers/0/volumeMounts/1/mountPath", R"("shm")",
                "mount_paths: Deployment 'web' spec.template.spec.containers[0].volumeMounts[1].mountPath: "
                "'shm' is no absolute path; begin it with '/'"},
               {"Deployment", "/spec/template/spec/containers/0/volumeMounts/1/mountPath", R"("/dev:shm")",
                "mount_paths: Deployment 'web' spec.template.spec.containers[0].volumeMounts[1].mountPath: "
                "'/dev:shm' holds ':'; container runtimes split mounts there: use another path"},
               {"Deployment", "/spec/template/spec/containers/0/volumeMounts/1/mountPath", R"("/a/../b")",
                "mount_paths: Deployment 'web' spec.template.spec.containers[0].volumeMounts[1].mountPath: "
                "'/a/../b' holds '..'; write the path itself"},
               {"Deployment", "/spec/template/spec/containers/0/volumeMounts/1/mountPath", R"("/models/")",
                "mount_paths: Deployment 'web' spec.template.spec.containers[0].volumeMounts[1].mountPath: "
                "'/models/': a second mount at this path; give each its own"},
               {"Deployment", "/spec/template/spec/containers/0/volumeMounts/1/subPath", R"("../x")",
                "mount_paths: Deployment 'web' spec.template.spec.containers[0].volumeMounts[1].subPath: "
                "'../x' leaves the volume; write a relative path without '..'"}});
}

TEST_CASE("a volume has one source") {
  check_cases(serving(), {{"Deployment", "/spec/template/spec/volumes/1", R"({"name": "shm"})",
                           "volume_sources: Deployment 'web' spec.template.spec.volumes[1]: volume 'shm' has "
                           "0 sources; write exactly one"},
                          {"Deployment", "/spec/template/spec/volumes/1/configMap", R"({"name": "other"})",
                           "volume_sources: Deployment 'web' spec.template.spec.volumes[1]: volume 'shm' has "
                           "2 sources; write exactly one"}});
}

TEST_CASE("a claim agrees with the volume that it names") {
  check_cases(
      serving(),
      {{"PersistentVolumeClaim", "/spec/accessModes", R"(["ReadWriteOnce"])",
        "bound_claims: PersistentVolumeClaim 'web-models' spec.accessModes[0]: 'ReadWriteOnce' is not among "
        "the access modes of PersistentVolume 'web-models'; the claim would stay pending: write the same "
        "modes"},
       {"PersistentVolumeClaim", "/spec/accessModes", "[]",
        "access_modes: PersistentVolumeClaim 'web-models' spec.accessModes: no access mode; write "
        "ReadWriteOnce, ReadOnlyMany or ReadWriteMany"},
       {"PersistentVolumeClaim", "/spec/accessModes/0", R"("RWX")",
        "access_modes: PersistentVolumeClaim 'web-models' spec.accessModes[0]: 'RWX' is no access mode; "
        "write ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod\n"
        "bound_claims: PersistentVolumeClaim 'web-models' spec.accessModes[0]: 'RWX' is not among the access "
        "modes of PersistentVolume 'web-models'; the claim would stay pending: write the same modes"},
       {"PersistentVolumeClaim", "/spec/storageClassName", R"("fast")",
        "bound_claims: PersistentVolumeClaim 'web-models' spec.storageClassName: 'fast' is not the class '' "
        "of PersistentVolume 'web-models'; write the same, '' for none"},
       {"PersistentVolumeClaim", "/spec/resources/requests/storage", R"("1Ti")",
        "bound_claims: PersistentVolumeClaim 'web-models' spec.resources.requests.storage: '1Ti' is above "
        "the capacity '500Gi' of PersistentVolume 'web-models'; ask for at most that"},
       {"PersistentVolume", "/spec/claimRef/name", R"("other")",
        "bound_claims: PersistentVolume 'web-models' spec.claimRef: names claim 'other' in namespace 'llm', "
        "but 'web-models' in 'llm' asks for the volume; name that one"},
       {"PersistentVolume", "/spec/claimRef/namespace", "",
        "bound_claims: PersistentVolume 'web-models' spec.claimRef: no namespace, so that no claim matches "
        "it; write the claim's, or leave claimRef out"}});
}
