# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes YAML: quantities, volumes, and what objects become (podman-kube-play(1))."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._ansible import containers
from ansible_collections.libpod.engine.plugins.module_utils._inputs.kube import quantity, stack
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError, take_warnings
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign import Foreign
from ansible_collections.libpod.engine.tests.support.kube_yaml import DATA, OWN, load, pod_of

QUANTITIES = {
    **{"0": "0", "1": "1", "1.5Ki": "1536", "1e3": "1000", "1E3": "1000", "1E": str(10**18), "5M": "5000000"},
    **{"100m": "1", "1001m": "2", ".5k": "500", "2.Mi": str(2 << 20), "12e-1": "2", "+1": "1", "1Ei": str(1 << 60)},
}
NO_QUANTITIES = ("", "-1", "1kk", "1K", "k", "1 Gi", "0x10", "1e", "1i", "1e999", "9" * 50, "1_0", "١")


@pytest.mark.parametrize("text", QUANTITIES)
def test_quantity_is_exact(text: str) -> None:
    assert quantity.size(Foreign(text, "f")) == QUANTITIES[text]


@pytest.mark.parametrize("text", NO_QUANTITIES)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(LibpodError, match=r"^f: expected a quantity of 0 or more"):
        quantity.size(Foreign(text, "f"))


def test_cpus_are_thousandths() -> None:
    texts = {"250m": "0.25", "2": "2", "1500m": "1.5", "0.1": "0.1", "100u": "0.001", "10": "10"}
    assert {text: quantity.cpus(Foreign(text, "f")) for text in texts} == texts


# Volumes, with what a container has that mounts each at /m, with more fields of the mount after a bar.
VOLUMES: dict[str, dict[str, Any]] = {
    "hostPath: {path: /srv/./a}|readOnly: true, mountPropagation: HostToContainer": {
        "mount": ["type=bind,source=/srv/a,target=/m,ro=true,bind-propagation=rslave"]
    },
    "hostPath: {path: named}": {"mount": ["type=volume,source=named,target=/m"]},
    "hostPath: {path: /dev/null, type: CharDevice}|readOnly: true": {"device": ["/dev/null:/m:r"]},
    "persistentVolumeClaim: {claimName: d}|subPath: a/b": {"mount": ["type=volume,source=d,target=/m,subpath=a/b"]},
    "emptyDir: {}": {"mount": ["type=volume,source=p-v,target=/m"]},
    "image: {reference: i}|readOnly: true": {"mount": ["type=image,source=i,target=/m"]},
    "configMap: {name: c, items: [{key: a, path: x/a, mode: 0400}, {key: b, path: b}], defaultMode: 256}": {
        "secrets": ["configmap_c_a,target=/m/x/a,mode=0400", "configmap_c_b,target=/m/b,mode=0400"]
    },
    "configMap: {name: c}|subPath: a": {"secrets": ["configmap_c_a,target=/m,mode=0644"]},
    "configMap: {name: x, optional: true}": {"mount": None, "secrets": None},
    "secret: {secretName: s, defaultMode: '0600'}": {
        "secrets": ["s_q,target=/m/q,mode=0600", "s_p,target=/m/p,mode=0600"]
    },
    "secret: {secretName: there, items: [{key: k, path: k}]}": {"secrets": ["there_k,target=/m/k,mode=0644"]},
}


@pytest.mark.parametrize("text", VOLUMES)
def test_volume_is_mounted(text: str) -> None:
    source, _bar, more = text.partition("|")
    mount = f"volumeMounts: [{{name: v, mountPath: /m, {more}}}]"
    (options,) = pod_of(f"volumes: [{{name: v, {source}}}]", mount).containers
    assert {name: options.get(name) for name in VOLUMES[text]} == VOLUMES[text]
    containers.wanted({"containers": [options], "defaults": {}})


def test_what_volumes_need_is_made(tmp_path: Path) -> None:
    text = f"""
kind: List
items:
  - kind: PersistentVolumeClaim
    metadata: {{name: d, labels: {{a: b}}, annotations: {{volume.podman.io/type: tmpfs, volume.podman.io/device: tmpfs,
      volume.podman.io/uid: "5", volume.podman.io/mount-options: size=1m}}}}
    spec: {{storageClassName: x}}
  - kind: Pod
    metadata: {{name: p}}
    spec:
      volumes:
        - {{name: a, emptyDir: {{medium: Memory, sizeLimit: 1Ki}}}}
        - {{name: b, hostPath: {{path: {tmp_path}/new, type: DirectoryOrCreate}}}}
        - {{name: c, hostPath: {{path: {tmp_path}/file, type: FileOrCreate}}}}
        - {{name: d, secret: {{secretName: s}}}}
      containers: [{{name: c, image: i, volumeMounts: [{{name: d, mountPath: /s}}]}}]
{DATA}"""
    found = load(text)
    claim, empty = found.volumes
    assert claim == {
        "name": "d",
        "options": ["type=tmpfs", "device=tmpfs", "o=uid=5,size=1m"],
        "label": {"a": "b", **OWN},
    }
    assert empty["name"] == "p-a" and empty["options"] == ["type=tmpfs", "device=tmpfs", "o=size=1024"]
    assert (found.folders, found.files) == ((f"{tmp_path}/new",), (f"{tmp_path}/file",))
    assert [(one["name"], one["content"]) for one in found.secrets] == [("s_q", b"qq"), ("s_p", b"pass")]
    assert found.ineffective == ("definition: PersistentVolumeClaim d: spec.storageClassName",)


TEMPLATE = "template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}"


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "Job"])
def test_workload_is_one_pod(kind: str) -> None:
    found = load(f"{{kind: {kind}, metadata: {{name: w}}, spec: {{selector: {{}}, {TEMPLATE}}}}}")
    assert [one["name"] for one in found.pods] == ["w-pod"] and found.containers[0]["name"] == "w-pod-c"
    assert found.ineffective == ()


def test_replicas_are_one_or_none() -> None:
    text = f"{{kind: Deployment, metadata: {{name: w}}, spec: {{replicas: %s, {TEMPLATE}}}}}"
    text += "\n---\n{kind: Service, metadata: {name: w}}"
    found = load(text % 3)
    assert len(found.pods) == 1
    assert found.ineffective == ("definition: Service w", "definition: Deployment w: spec.replicas")
    assert "definition: Deployment w: spec.replicas has no effect here" in take_warnings()
    assert load(text % 0).pods == ()


def test_objects_that_cannot_be_used_are_named() -> None:
    one = "{kind: Secret, metadata: {name: s}, stringData: {a: x}}"
    for text, message in {
        f"{one}\n---\n{one}": "definition: document 2: Secret s is given twice",
        "{kind: Ingress, metadata: {name: i}}": "definition: Ingress i: the kind Ingress has no counterpart here",
        "{kind: Pod, metadata: {name: a_b}}": "metadata.name: expected a name of letters",
        "{kind: Pod, metadata: {}}": "metadata.name: expected a name",
        "[]": "definition: document 1: expected an object",
        "{kind: List, items: [{kind: List}]}": "items[0] has no counterpart here: give its items",
        "{kind: Secret, metadata: {name: s}, data: {a: hidden}}": "Secret s: data.a: expected text in base64",
        "{kind: Secret, metadata: {name: s}, stringData: {a: 12345}}": "stringData.a: expected a string, quoted",
        "{kind: Secret, metadata: {name: s}, stringData: hidden}": "stringData: expected an object, found a string",
        "{kind: Secret, metadata: {name: s}, data: 12345}": "data: expected an object, found an integer",
        "{kind: Secret, metadata: {name: s}, data: !!set {hidden}}": "expected an object, found a value of another",
        "{kind: Secret, metadata: {name: s}, stringData: {null: hidden}}": "stringData (a key): expected a string",
        "{kind: Deployment, metadata: {name: p}, spec: {template: {spec: {containers: [{name: c, image: i}]}}}}\n---\n"
        "{kind: Pod, metadata: {name: p-pod}, spec: {containers: [{name: c, image: i}]}}": "two pods have the name",
        "{kind: PersistentVolumeClaim, metadata: {name: p-v}}\n---\n{kind: Pod, metadata: {name: p}, spec: {volumes: "
        "[{name: v, emptyDir: {}}], containers: [{name: c, image: i}]}}": "two volumes have the name p-v: expected one",
    }.items():
        with pytest.raises(LibpodError) as refused:
            load(text)
        assert (
            message in str(refused.value) and "hidden" not in str(refused.value) and "12345" not in str(refused.value)
        )


def test_documents_of_a_file_are_read(tmp_path: Path) -> None:
    file = tmp_path / "k.yaml"
    documents = [
        {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        None,
    ]
    file.write_text(yaml.safe_dump_all(documents))
    more = tmp_path / "c.yaml"
    more.write_text(f"kind: ConfigMap\nmetadata: {{name: c}}\nbinaryData: {{a: {base64.b64encode(b'x').decode()}}}\n")
    found = stack.load(stack.Request({"libpod.engine.kube": "set"}, [str(file)], configmaps=[str(more)]))
    assert found.containers[0]["name"] == "p-c"
    with pytest.raises(LibpodError, match=rf"^configmap: {file}: Pod p is no ConfigMap"):
        stack.load(stack.Request({"libpod.engine.kube": "set"}, configmaps=[str(file)]))
    more.write_text("a: b\na: c\n")
    with pytest.raises(LibpodError, match="the key 'a' stands there twice"):
        stack.load(stack.Request({"libpod.engine.kube": "set"}, [str(more)]))
