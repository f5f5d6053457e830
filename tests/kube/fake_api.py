"""A loopback stand-in for the Kubernetes API: enough for a real kubectl to apply, diff and dry-run manifests.

usage: fake_api.py [KUBE_VERSION]    prints http://127.0.0.1:PORT and serves until it is killed

Objects live in memory. They are checked as a server of KUBE_VERSION would check their fields (schemas.py) and
names; quantities of built-in kinds are kept in canonical form. There are no controllers, no admission, no
defaults, no watches, and a namespace need not exist.
"""

import copy
import datetime
import json
import re
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import yaml

import kinds
import merge
import schemas

SERVER_SET = ("uid", "creationTimestamp", "resourceVersion", "generation")
# Fields that a server or a kind's own webhook lets nobody change.
IMMUTABLE = {
    "apps/v1 Deployment": ["selector"],
    "batch/v1 Job": ["completionMode", "completions", "podFailurePolicy", "selector", "template"],
    "v1 PersistentVolume": ["nfs"],
    "v1 PersistentVolumeClaim": ["accessModes", "storageClassName", "volumeName"],
    "jobset.x-k8s.io/v1alpha2 JobSet": ["failurePolicy", "network", "replicatedJobs", "successPolicy"],
    "trainer.kubeflow.org/v1alpha1 TrainJob": ["activeDeadlineSeconds", "runtimeRef", "trainer"],
    "batch.volcano.sh/v1alpha1 Job": ["plugins", "policies", "queue", "schedulerName", "tasks"],
}
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class ApiError(Exception):
    """An answer that is a Status object."""

    def __init__(self, code, reason, message):
        super().__init__(message)
        self.code = code
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
        }


class Store:
    """The objects, by (kind, namespace, name)."""

    def __init__(self, version):
        self.version = version
        self.objects = {}
        self.revision = 0
        self.lock = threading.Lock()

    def clear(self):
        with self.lock:
            self.objects.clear()

    def get(self, key):
        if key not in self.objects:
            raise ApiError(404, "NotFound", f'{key[0].plural} "{key[2]}" not found')
        return self.objects[key]

    def listing(self, kind, namespace):
        items = [
            value
            for (of, inside, _), value in sorted(self.objects.items(), key=lambda item: item[0][1:])
            if of == kind and namespace in ("", inside)
        ]
        return {
            "kind": f"{kind.name}List",
            "apiVersion": kinds.api_version(kind),
            "metadata": {},
            "items": items,
        }

    def check(self, key, obj, strict):
        """Refuses what the server would."""
        kind, namespace, name = key
        metadata = obj.get("metadata", {})
        if obj.get("kind") != kind.name or obj.get("apiVersion") != kinds.api_version(kind):
            raise ApiError(400, "BadRequest", f"the object is a {obj.get('apiVersion')} {obj.get('kind')}")
        if metadata.get("namespace", namespace) != namespace or metadata.get("name") != name:
            raise ApiError(400, "BadRequest", "the object's name or namespace is not that of the request")
        if not NAME.fullmatch(name) or len(name) > 253:
            raise ApiError(422, "Invalid", f"metadata.name: {name!r} is not a DNS-1123 subdomain")
        found = schemas.faults(obj, self.version, strict)
        if found:
            raise ApiError(422, "Invalid", f'{kind.name} "{name}" is invalid: ' + "; ".join(found))

    def check_immutable(self, key, obj, old):
        kind, _, name = key
        fields = IMMUTABLE.get(f"{kinds.api_version(kind)} {kind.name}", []) if old else []
        for field in fields:
            if obj["spec"].get(field) != old["spec"].get(field):
                raise ApiError(
                    422, "Invalid", f'{kind.name} "{name}" is invalid: spec.{field}: field is immutable'
                )

    def put(self, key, obj, strict, dry_run):
        """Checks the object, completes its metadata as the server does, and keeps it unless `dry_run`."""
        self.check(key, obj, strict)
        obj = obj if schemas.is_custom(obj) else merge.canonical(obj)
        old = self.objects.get(key)
        self.check_immutable(key, obj, old)
        metadata = obj["metadata"] = dict(obj["metadata"])
        if old:
            metadata.update({field: old["metadata"][field] for field in SERVER_SET})
            if obj == old:
                return old
            metadata["generation"] += obj.get("spec") != old.get("spec")
        else:
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            metadata.update(uid=str(uuid.uuid4()), creationTimestamp=now, generation=1)
        if key[1]:
            metadata["namespace"] = key[1]
        if not dry_run:
            self.revision += 1
            self.objects[key] = obj
        metadata["resourceVersion"] = str(self.revision)
        return obj


class Handler(BaseHTTPRequestHandler):
    """One request: /version, discovery, or create, read, patch, replace and delete of an object."""

    protocol_version = "HTTP/1.1"
    # One segment an answer: header and body in two would wait 40 ms for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self):
        self.url = urlparse(self.path)
        self.query = parse_qs(self.url.query)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        try:
            with self.server.store.lock:
                code, body = self.respond([part for part in self.url.path.split("/") if part])
        except ApiError as error:
            code, body = error.code, error.body
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def respond(self, parts):
        """Status code and body for the path's parts."""
        version = self.server.store.version
        if parts == ["version"]:
            major, minor = version.split(".")
            return 200, {"major": major, "minor": minor, "gitVersion": f"v{version}.0"}
        if parts == ["api"]:
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if parts == ["apis"]:
            return 200, kinds.groups()
        if parts == ["openapi", "v3"]:
            return 200, kinds.openapi_index()
        if parts[:2] == ["openapi", "v3"]:
            return 200, kinds.openapi_document("/".join(parts[2:]))
        if parts[:1] == ["api"] and len(parts) >= 2:
            return self.in_group("", parts[1], parts[2:])
        if parts[:1] == ["apis"] and len(parts) >= 3:
            return self.in_group(parts[1], parts[2], parts[3:])
        raise ApiError(404, "NotFound", "the server could not find the requested resource")

    def in_group(self, group, version, parts):
        if not parts and (group, version) in kinds.group_versions():
            return 200, kinds.resources(group, version)
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces":
            namespace, parts = parts[1], parts[2:]
        for kind in kinds.KINDS:
            if [kind.group, kind.version, kind.plural] == [group, version, *parts[:1]]:
                return self.on_kind(kind, namespace, parts[1] if len(parts) > 1 else None)
        raise ApiError(404, "NotFound", "the server could not find the requested resource")

    def on_kind(self, kind, namespace, name):
        store, key = self.server.store, (kind, namespace, name)
        options = {
            "strict": self.query.get("fieldValidation") == ["Strict"],
            "dry_run": self.query.get("dryRun") == ["All"],
        }
        if self.command == "GET":
            return 200, store.get(key) if name else store.listing(kind, namespace)
        if self.command == "DELETE":
            store.get(key)
            if not options["dry_run"]:
                del store.objects[key]
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        sent = yaml.load(self.body, Loader=yaml.CSafeLoader)
        if self.command == "POST":
            key = (kind, namespace, sent.get("metadata", {}).get("name", ""))
            if key in store.objects:
                raise ApiError(409, "AlreadyExists", f'{kind.plural} "{key[2]}" already exists')
            return 201, store.put(key, sent, **options)
        return self.change(key, sent, options)

    def change(self, key, sent, options):
        """PATCH and PUT. Server-side apply has one manager here, so what it sends is the whole object."""
        store = self.server.store
        media = self.headers.get("Content-Type", "").split(";")[0]
        if self.command == "PATCH" and media == "application/apply-patch+yaml":
            if not self.query.get("fieldManager"):
                raise ApiError(400, "BadRequest", "server-side apply needs a fieldManager")
            code = 200 if key in store.objects else 201
            return code, store.put(key, sent, **options)
        old = copy.deepcopy(store.get(key))
        if self.command == "PUT":
            return 200, store.put(key, sent, **options)
        patches = {
            "application/merge-patch+json": merge.merge_patch,
            "application/strategic-merge-patch+json": merge.strategic_merge,
        }
        if media not in patches:
            raise ApiError(415, "UnsupportedMediaType", f"no patch of type {media}")
        return 200, store.put(key, patches[media](old, sent), **options)


def start(version):
    """Serves Kubernetes `version` on a free loopback port, in a thread: (URL, Store, server)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.store = Store(version)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server.store, server


if __name__ == "__main__":
    url, _, _ = start(sys.argv[1] if len(sys.argv) > 1 else "1.33")
    print(url, flush=True)
    threading.Event().wait()
