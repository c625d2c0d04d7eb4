"""Uses a cluster as programs in Python do, with the official client. Arguments: a kubeconfig, and the
URL of every replica. Exits with a traceback at the first thing that is not as it must be."""

import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

NAMESPACE = "python"
PROTOBUF = "application/vnd.kubernetes.protobuf"


def connect(kubeconfig, server):
    configuration = client.Configuration()
    config.load_kube_config(kubeconfig, client_configuration=configuration)
    configuration.host = server
    return client.ApiClient(configuration)


def refused(code, call, *args, **kwargs):
    """The call fails with this code; the reason that the server gives."""
    try:
        call(*args, **kwargs)
    except ApiException as error:
        assert error.status == code, f"{error.status} instead of {code}: {error.body}"
        return error
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def objects(replicas):
    """Create, read, replace, delete; each at another replica."""
    one, two, three = (client.CoreV1Api(replica) for replica in replicas)
    made = one.create_namespaced_config_map(NAMESPACE, config_map("kept", a="1"))
    assert made.metadata.uid and made.metadata.creation_timestamp, made
    read = two.read_namespaced_config_map("kept", NAMESPACE)
    assert read == made, read
    read.data["b"] = "2"
    replaced = three.replace_namespaced_config_map("kept", NAMESPACE, read)
    assert replaced.data == {"a": "1", "b": "2"}, replaced
    assert int(replaced.metadata.resource_version) > int(made.metadata.resource_version)
    conflict = refused(409, one.replace_namespaced_config_map, "kept", NAMESPACE, made)
    assert "the object has been modified" in conflict.body, conflict.body
    exists = refused(409, two.create_namespaced_config_map, NAMESPACE, config_map("kept"))
    assert "AlreadyExists" in exists.body, exists.body
    wrong = refused(422, one.create_namespaced_config_map, NAMESPACE, config_map("Not_A_Name"))
    assert "metadata.name" in wrong.body, wrong.body
    dry = one.create_namespaced_config_map(NAMESPACE, config_map("dry"), dry_run="All")
    assert dry.metadata.name == "dry"
    refused(404, two.read_namespaced_config_map, "dry", NAMESPACE)
    one.delete_namespaced_config_map("kept", NAMESPACE)
    refused(404, three.read_namespaced_config_map, "kept", NAMESPACE)


def deployment(replicas=1):
    container = client.V1Container(
        name="c", image="nginx", ports=[client.V1ContainerPort(container_port=80)]
    )
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={"app": "web"}),
        spec=client.V1PodSpec(containers=[container]),
    )
    spec = client.V1DeploymentSpec(
        replicas=replicas,
        selector=client.V1LabelSelector(match_labels={"app": "web"}),
        template=template,
    )
    metadata = client.V1ObjectMeta(name="web", labels={"app": "web"})
    return client.V1Deployment(
        api_version="apps/v1", kind="Deployment", metadata=metadata, spec=spec
    )


def patches(replicas):
    """All four kinds, and a subresource."""
    apps = client.AppsV1Api(replicas[0])
    made = apps.create_namespaced_deployment(NAMESPACE, deployment())
    assert made.spec.strategy.type == "RollingUpdate", "defaults are filled in"

    patch = [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    changed = apps.patch_namespaced_deployment("web", NAMESPACE, patch)
    assert changed.spec.replicas == 3 and changed.metadata.generation == 2, changed

    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "s", "image": "side"}]}}}}
    changed = apps.patch_namespaced_deployment(
        "web", NAMESPACE, sidecar, _content_type="application/strategic-merge-patch+json"
    )
    names = [container.name for container in changed.spec.template.spec.containers]
    assert sorted(names) == ["c", "s"], "lists are merged by their key"

    merge = {"metadata": {"labels": {"app": None, "tier": "front"}}}
    changed = apps.patch_namespaced_deployment(
        "web", NAMESPACE, merge, _content_type="application/merge-patch+json"
    )
    assert changed.metadata.labels == {"tier": "front"}, changed.metadata

    applied = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"note": "x"}},
        "spec": {"replicas": 5},
    }
    how = {"_content_type": "application/apply-patch+yaml", "field_manager": "python"}
    conflict = refused(409, apps.patch_namespaced_deployment, "web", NAMESPACE, applied, **how)
    assert ".spec.replicas" in conflict.body, conflict.body
    changed = apps.patch_namespaced_deployment("web", NAMESPACE, applied, force=True, **how)
    assert changed.spec.replicas == 5, changed
    managers = [entry.manager for entry in changed.metadata.managed_fields]
    assert "python" in managers, managers

    scale = apps.read_namespaced_deployment_scale("web", NAMESPACE)
    scale.spec.replicas = 2
    apps.replace_namespaced_deployment_scale("web", NAMESPACE, scale)
    assert apps.read_namespaced_deployment("web", NAMESPACE).spec.replicas == 2


def watches(replicas):
    """A watch that breaks off goes on at another replica where it was."""
    core = [client.CoreV1Api(replica) for replica in replicas]
    start = core[0].list_namespaced_config_map(NAMESPACE).metadata.resource_version
    for number in range(4):
        core[number % 3].create_namespaced_config_map(NAMESPACE, config_map(f"w{number}"))
    told = []
    watcher = watch.Watch()
    calls = {"resource_version": start, "timeout_seconds": 30}
    for event in watcher.stream(core[1].list_namespaced_config_map, NAMESPACE, **calls):
        told.append((event["type"], event["object"].metadata.name))
        if len(told) == 2:
            watcher.stop()
    reached = watcher.resource_version
    core[2].delete_namespaced_config_map("w3", NAMESPACE)
    again = watch.Watch()
    calls["resource_version"] = reached
    for event in again.stream(core[2].list_namespaced_config_map, NAMESPACE, **calls):
        told.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            again.stop()
    expected = [("ADDED", f"w{number}") for number in range(4)] + [("DELETED", "w3")]
    assert told == expected, told


def pages(replicas):
    """A list in pages, each of another replica, is that of one moment."""
    core = [client.CoreV1Api(replica) for replica in replicas]
    for number in range(7):
        core[0].create_namespaced_secret(
            NAMESPACE, client.V1Secret(metadata=client.V1ObjectMeta(name=f"s{number}"))
        )
    first = core[0].list_namespaced_secret(NAMESPACE, limit=3)
    assert first.metadata.remaining_item_count == 4, first.metadata
    core[1].delete_namespaced_secret("s5", NAMESPACE)
    names, page = [], first
    for turn in range(1, 9):
        names += [secret.metadata.name for secret in page.items]
        assert page.metadata.resource_version == first.metadata.resource_version
        if not page.metadata._continue:
            break
        page = core[turn % 3].list_namespaced_secret(
            NAMESPACE, limit=3, _continue=page.metadata._continue
        )
    assert names == [f"s{number}" for number in range(7)], names
    chosen = core[2].list_namespaced_secret(NAMESPACE, field_selector="metadata.name=s1")
    assert [secret.metadata.name for secret in chosen.items] == ["s1"]


def raw(replica, method, path, accept, body=None, content_type=None):
    headers = {"Accept": accept}
    if content_type:
        headers["Content-Type"] = content_type
    url = replica.configuration.host + path
    return replica.rest_client.pool_manager.request(method, url, body=body, headers=headers)


def protobuf(replicas):
    """What is read in protobuf is understood when it is sent back."""
    core = client.CoreV1Api(replicas[0])
    core.create_namespaced_config_map(NAMESPACE, config_map("proto-a", text="x" * 50))
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    answer = raw(replicas[1], "GET", f"{path}/proto-a", PROTOBUF)
    assert answer.status == 200 and answer.headers["Content-Type"] == PROTOBUF, answer.headers
    assert answer.data.startswith(b"k8s\x00"), answer.data[:8]
    changed = answer.data.replace(b"x" * 50, b"y" * 50)
    answer = raw(replicas[2], "PUT", f"{path}/proto-a", PROTOBUF, changed, PROTOBUF)
    assert answer.status == 200 and answer.data.startswith(b"k8s\x00"), answer.data
    assert core.read_namespaced_config_map("proto-a", NAMESPACE).data == {"text": "y" * 50}
    listed = raw(replicas[0], "GET", path, PROTOBUF)
    assert listed.data.startswith(b"k8s\x00") and b"proto-a" in listed.data
    streamed = raw(
        replicas[0], "GET", f"{path}?watch=1&timeoutSeconds=1", f"{PROTOBUF};stream=watch"
    )
    length = int.from_bytes(streamed.data[:4], "big")
    assert 0 < length <= len(streamed.data) - 4, length
    # The magic stands at the beginning of the frame, and of the object within.
    assert b"k8s\x00" in streamed.data[4 : 4 + length]
    refused_type = raw(replicas[0], "GET", path, "application/x-unknown")
    assert refused_type.status == 406, refused_type.status


def races(replicas):
    """Everybody counts, nobody's count is lost: who conflicts reads again."""
    client.CoreV1Api(replicas[0]).create_namespaced_config_map(
        NAMESPACE, config_map("count", n="0")
    )
    each, failures = 15, []

    def count(core):
        done = 0
        try:
            while done < each:
                held = core.read_namespaced_config_map("count", NAMESPACE)
                held.data["n"] = str(int(held.data["n"]) + 1)
                try:
                    core.replace_namespaced_config_map("count", NAMESPACE, held)
                    done += 1
                except ApiException as error:
                    if error.status != 409:
                        raise
        except Exception as error:  # told by the main thread
            failures.append(error)

    threads = [
        threading.Thread(target=count, args=(client.CoreV1Api(replica),)) for replica in replicas
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    held = client.CoreV1Api(replicas[1]).read_namespaced_config_map("count", NAMESPACE)
    assert held.data["n"] == str(each * len(replicas)), held.data


def found_by_discovery(replicas):
    """The dynamic client knows nothing but what discovery tells it."""
    found = dynamic.DynamicClient(replicas[0])
    leases = found.resources.get(api_version="coordination.k8s.io/v1", kind="Lease")
    body = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}
    leases.create(namespace=NAMESPACE, body=body)
    got = leases.get(name="l", namespace=NAMESPACE)
    assert got.spec.holderIdentity == "me", got
    got = leases.server_side_apply(
        namespace=NAMESPACE,
        body={
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "l"},
            "spec": {"leaseDurationSeconds": 7},
        },
        field_manager="python",
    )
    assert got.spec.leaseDurationSeconds == 7 and got.spec.holderIdentity == "me", got
    leases.delete(name="l", namespace=NAMESPACE)
    assert not leases.get(namespace=NAMESPACE).items


def definition():
    spec = {
        "type": "object",
        "properties": {
            "size": {"type": "string", "enum": ["s", "m"], "default": "m"},
            "count": {"type": "integer"},
        },
    }
    status = {"type": "object", "properties": {"count": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    paths = {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.count"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}, "scale": paths},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.python.example.com"},
        "spec": {
            "group": "python.example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [version],
        },
    }


def custom(replicas):
    """What is defined at one replica is there at the others at once."""
    definitions = client.ApiextensionsV1Api(replicas[0])
    definitions.create_custom_resource_definition(definition())
    one, two, three = (client.CustomObjectsApi(replica) for replica in replicas)
    place = ("python.example.com", "v1", NAMESPACE, "widgets")

    def widget(name, **spec):
        kind = {"apiVersion": "python.example.com/v1", "kind": "Widget"}
        return {**kind, "metadata": {"name": name}, "spec": spec}

    made = two.create_namespaced_custom_object(*place, widget("a", count=1))
    assert made["spec"] == {"size": "m", "count": 1}, made
    wrong = refused(422, three.create_namespaced_custom_object, *place, widget("b", size="xl"))
    assert "Unsupported value" in wrong.body, wrong.body
    status = {"status": {"count": 1}, "spec": {"size": "s"}}
    changed = three.patch_namespaced_custom_object_status(*place, "a", status)
    assert changed["status"] == {"count": 1} and changed["spec"]["size"] == "m", changed
    one.patch_namespaced_custom_object_scale(*place, "a", {"spec": {"replicas": 4}})
    listed = two.list_namespaced_custom_object(*place)
    assert [item["spec"]["count"] for item in listed["items"]] == [4], listed

    found = dynamic.DynamicClient(replicas[2])
    widgets = found.resources.get(api_version="python.example.com/v1", kind="Widget")
    applied = widgets.server_side_apply(
        namespace=NAMESPACE, body=widget("a", size="s"), field_manager="python", force_conflicts=True
    )
    assert applied.spec.size == "s" and applied.spec["count"] == 4, applied
    watcher, told = watch.Watch(), []
    calls = {"resource_version": listed["metadata"]["resourceVersion"], "timeout_seconds": 30}
    one.delete_namespaced_custom_object(*place, "a")
    for event in watcher.stream(three.list_namespaced_custom_object, *place, **calls):
        told.append(event["type"])
        if event["type"] == "DELETED":
            watcher.stop()
    assert told == ["MODIFIED", "DELETED"], told
    definitions.delete_custom_resource_definition("widgets.python.example.com")


def main(kubeconfig, *servers):
    replicas = [connect(kubeconfig, server) for server in servers]
    core = client.CoreV1Api(replicas[0])
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    checks = (objects, patches, watches, pages, protobuf, races, found_by_discovery, custom)
    for check in checks:
        check(replicas)
        print("passed:", check.__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
