#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("pods stay apart from the node") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/hostNetwork", "true",
                "host_access: Deployment 'web' spec.template.spec.hostNetwork: true: the Pod Security "
                "profile \"restricted\" keeps pods apart from the node; leave it out"},
               {"Deployment", "/spec/template/spec/hostIPC", "true",
                "host_access: Deployment 'web' spec.template.spec.hostIPC: true: the Pod Security profile "
                "\"restricted\" keeps pods apart from the node; leave it out"},
               {"Deployment", "/spec/template/spec/containers/0/ports/0/hostPort", "8000",
                "host_access: Deployment 'web' spec.template.spec.containers[0].ports[0].hostPort: 8000: the "
                "Pod Security profile \"restricted\" allows no port of the node; use a Service"},
               {"Deployment", "/spec/template/spec/containers/0/securityContext/windowsOptions",
                R"({"hostProcess": true})",
                "host_access: Deployment 'web' "
                "spec.template.spec.containers[0].securityContext.windowsOptions.hostProcess: true: the Pod "
                "Security profile \"restricted\" allows no host process"}});
  check_cases(nightly(),
              {{"CronJob", "/spec/jobTemplate/spec/template/spec/volumes/0",
                R"({"name": "models", "nfs": {"server": "nfs.example", "path": "/m"}})",
                "volume_types: CronJob 'nightly' spec.jobTemplate.spec.template.spec.volumes[0].nfs: a "
                "volume of type nfs: the Pod Security profile \"restricted\" allows only configMap, csi, "
                "downwardAPI, emptyDir, ephemeral, persistentVolumeClaim, projected and secret; use a "
                "PersistentVolume with a claim"},
               {"CronJob", "/spec/jobTemplate/spec/template/spec/volumes/0",
                R"({"name": "models", "hostPath": {"path": "/"}})",
                "volume_types: CronJob 'nightly' spec.jobTemplate.spec.template.spec.volumes[0].hostPath: a "
                "volume of type hostPath: the Pod Security profile \"restricted\" allows only configMap, "
                "csi, downwardAPI, emptyDir, ephemeral, persistentVolumeClaim, projected and secret; use a "
                "PersistentVolume with a claim"}});
}

TEST_CASE("pods do not run as root") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/securityContext/runAsNonRoot", "",
        "non_root: Deployment 'web' spec.template.spec.securityContext.runAsNonRoot: absent: the Pod "
        "Security profile \"restricted\" wants true"},
       {"Deployment", "/spec/template/spec/securityContext/runAsNonRoot", "false",
        "non_root: Deployment 'web' spec.template.spec.securityContext.runAsNonRoot: false: the Pod Security "
        "profile \"restricted\" wants true"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/runAsNonRoot", "false",
        "non_root: Deployment 'web' spec.template.spec.containers[0].securityContext.runAsNonRoot: false: "
        "the Pod Security profile \"restricted\" wants true"},
       {"Deployment", "/spec/template/spec/securityContext/runAsUser", "0",
        "non_root: Deployment 'web' spec.template.spec.securityContext.runAsUser: 0 is root, which the Pod "
        "Security profile \"restricted\" refuses; write a number such as 10001"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/runAsUser", "0",
        "non_root: Deployment 'web' spec.template.spec.containers[0].securityContext.runAsUser: 0 is root, "
        "which the Pod Security profile \"restricted\" refuses; write a number such as 10001"}});
}

TEST_CASE("containers have no privileges and no capabilities") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/securityContext/privileged", "true",
        "privileges: Deployment 'web' spec.template.spec.containers[0].securityContext.privileged: true: the "
        "Pod Security profile \"restricted\" refuses it; leave it out"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation", "",
        "privileges: Deployment 'web' "
        "spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: absent: the Pod Security "
        "profile \"restricted\" wants false"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation", "true",
        "privileges: Deployment 'web' "
        "spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: true: the Pod Security "
        "profile \"restricted\" wants false"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/procMount", R"("Unmasked")",
        "privileges: Deployment 'web' spec.template.spec.containers[0].securityContext.procMount: "
        "'Unmasked': the Pod Security profile \"restricted\" wants Default; leave it out"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/capabilities", "",
        "capabilities: Deployment 'web' spec.template.spec.containers[0].securityContext.capabilities.drop: "
        "does not hold ALL, which the Pod Security profile \"restricted\" wants; write [ALL]"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/capabilities/drop", R"(["NET_RAW"])",
        "capabilities: Deployment 'web' spec.template.spec.containers[0].securityContext.capabilities.drop: "
        "does not hold ALL, which the Pod Security profile \"restricted\" wants; write [ALL]"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/capabilities/add", R"(["IPC_LOCK"])",
        "capabilities: Deployment 'web' "
        "spec.template.spec.containers[0].securityContext.capabilities.add[0]: 'IPC_LOCK': the Pod Security "
        "profile \"restricted\" allows only NET_BIND_SERVICE; leave it out"}});
}

TEST_CASE("kernel profiles stay on") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/securityContext/seccompProfile", "",
        "kernel_profiles: Deployment 'web' spec.template.spec.securityContext.seccompProfile.type: absent: "
        "the Pod Security profile \"restricted\" wants RuntimeDefault or Localhost"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/seccompProfile",
        R"({"type": "Unconfined"})",
        "kernel_profiles: Deployment 'web' "
        "spec.template.spec.containers[0].securityContext.seccompProfile.type: 'Unconfined': the Pod "
        "Security profile \"restricted\" wants RuntimeDefault or Localhost"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/seLinuxOptions",
        R"({"type": "spc_t"})",
        "kernel_profiles: Deployment 'web' "
        "spec.template.spec.containers[0].securityContext.seLinuxOptions.type: 'spc_t': the Pod Security "
        "profile \"restricted\" allows only the container types of SELinux"},
       {"Deployment", "/spec/template/spec/containers/0/securityContext/seLinuxOptions", R"({"user": "u"})",
        "kernel_profiles: Deployment 'web' "
        "spec.template.spec.containers[0].securityContext.seLinuxOptions.user: the Pod Security profile "
        "\"restricted\" refuses it; leave it out"},
       {"Deployment", "/spec/template/spec/securityContext/appArmorProfile", R"({"type": "Unconfined"})",
        "kernel_profiles: Deployment 'web' spec.template.spec.securityContext.appArmorProfile.type: "
        "'Unconfined': the Pod Security profile \"restricted\" wants RuntimeDefault or Localhost"},
       {"Deployment", "/spec/template/spec/securityContext/sysctls",
        R"([{"name": "kernel.msgmax", "value": "1"}])",
        "kernel_profiles: Deployment 'web' spec.template.spec.securityContext.sysctls[0].name: "
        "'kernel.msgmax' is not among the safe sysctls that the Pod Security profile \"restricted\" "
        "allows"}});
}
