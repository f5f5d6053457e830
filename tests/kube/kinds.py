"""The kinds that the loopback API serves, and the discovery documents kubectl reads before it sends one."""

import collections

import schemas

Kind = collections.namedtuple("Kind", "group version plural name namespaced")

CORE = [
    Kind("", "v1", "namespaces", "Namespace", False),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", True),
    Kind("", "v1", "configmaps", "ConfigMap", True),
    Kind("", "v1", "secrets", "Secret", True),
    Kind("", "v1", "persistentvolumes", "PersistentVolume", False),
    Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
    Kind("", "v1", "services", "Service", True),
    Kind("apps", "v1", "deployments", "Deployment", True),
    Kind("batch", "v1", "jobs", "Job", True),
    Kind("batch", "v1", "cronjobs", "CronJob", True),
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True),
    Kind("networking.k8s.io", "v1", "ingresses", "Ingress", True),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True),
    Kind("rbac.authorization.k8s.io", "v1", "roles", "Role", True),
    Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", True),
]


def custom_kinds():
    for name, table in schemas.CUSTOM_KINDS.items():
        api_version, kind = name.split()
        group, version = api_version.split("/")
        yield Kind(group, version, table["plural"], kind, True)


KINDS = CORE + list(custom_kinds())
VERBS = ["create", "delete", "get", "list", "patch", "update"]


def api_version(kind):
    return f"{kind.group}/{kind.version}" if kind.group else kind.version


def root(group, version):
    """Path of a group version: "api/v1" or "apis/GROUP/VERSION"."""
    return f"apis/{group}/{version}" if group else f"api/{version}"


def group_versions():
    return sorted({(kind.group, kind.version) for kind in KINDS})


def groups():
    """Body of /apis."""
    listed = []
    for group, version in group_versions():
        if group:
            entry = {"groupVersion": f"{group}/{version}", "version": version}
            listed.append({"name": group, "versions": [entry], "preferredVersion": entry})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def resources(group, version):
    """Body of /api/v1 or /apis/GROUP/VERSION."""
    served = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    listed = [
        {
            "name": kind.plural,
            "singularName": kind.name.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": VERBS,
        }
        for kind in served
    ]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}


def openapi_index():
    """Body of /openapi/v3."""
    names = [root(group, version) for group, version in group_versions()]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash=1"} for name in names}}


def openapi_document(name):
    """Body of /openapi/v3/NAME: kubectl looks only for the query parameters of each kind's PATCH."""
    parameters = [
        {"name": parameter, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for parameter in ("dryRun", "fieldManager", "fieldValidation", "force")
    ]
    paths = {}
    for kind in KINDS:
        if root(kind.group, kind.version) == name:
            scope = "namespaces/{namespace}/" if kind.namespaced else ""
            paths[f"/{name}/{scope}{kind.plural}/{{name}}"] = {
                "patch": {
                    "parameters": parameters,
                    "x-kubernetes-action": "patch",
                    "x-kubernetes-group-version-kind": {
                        "group": kind.group,
                        "version": kind.version,
                        "kind": kind.name,
                    },
                    "responses": {},
                }
            }
    info = {"title": "loopback", "version": "1"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}
