# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes YAML: the counterpart of each field of pods and containers (podman-kube-play(1))."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible import containers, pod
from ansible_collections.libpod.engine.plugins.module_utils._ansible.projects.stack import filled
from ansible_collections.libpod.engine.plugins.module_utils._inputs.fields import Fields
from ansible_collections.libpod.engine.plugins.module_utils._inputs.kube import containers as kube_containers
from ansible_collections.libpod.engine.plugins.module_utils._inputs.kube import pods, stack
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError
from ansible_collections.libpod.engine.tests.support import fuzz
from ansible_collections.libpod.engine.tests.support.kube_yaml import OWN, load, pod_of
from hypothesis import strategies as st

TOP = Path(__file__).resolve().parents[2]
PAGE = "docs/howto/kubernetes-yaml.md"
# Fields of a container, with the options of it.
CONTAINER: dict[str, dict[str, Any]] = {
    "command: [a, 1]": {"entrypoint": ["a", "1"], "command": []},
    "command: [a], args: ['b c']": {"entrypoint": ["a"], "command": ["b c"]},
    "args: [b], workingDir: /w, tty: true, stdin: true": {
        "entrypoint": None,
        "command": ["b"],
        "workdir": "/w",
        "tty": True,
        "interactive": True,
    },
    "imagePullPolicy: Always": {"pull": "always"},
    "imagePullPolicy: IfNotPresent": {"pull": "missing"},
    "resources: {limits: {memory: 1Gi, cpu: 0.5}, requests: {memory: 64M}}": {
        "memory": str(1 << 30),
        "cpus": "0.5",
        "memory_reservation": "64000000",
    },
    "env: [{name: A, value: x}, {name: B}, {name: C, value: 1.10}]": {"env": {"A": "x", "B": "", "C": "1.10"}},
    "env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: a}}}, {name: B, valueFrom: {configMapKeyRef: "
    "{name: x, key: y, optional: true}}}]": {"env": {"A": "1"}},
    "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: p}}}, {name: B, valueFrom: {secretKeyRef: "
    "{name: there, key: k}}}]": {"env": None, "secrets": ["s_p,type=env,target=A", "there_k,type=env,target=B"]},
    "env: [{name: q, value: own}], envFrom: [{secretRef: {name: s}}, {prefix: C_, configMapRef: {name: c}}, "
    "{configMapRef: {name: x, optional: true}}]": {
        "env": {"C_a": "1", "C_b": "two", "q": "own"},
        "secrets": ["s_p,type=env,target=p"],
    },
    "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: B, valueFrom: {fieldRef: {fieldPath: "
    "\"metadata.labels['l']\"}}}]": {"env": {"A": "p", "B": "v"}},
    "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}, {name: B, valueFrom: "
    "{resourceFieldRef: {resource: requests.cpu}}}], resources: {limits: {memory: 7.5Mi}, requests: {cpu: 1500m}}": {
        "env": {"A": "8", "B": "2"}
    },
    "securityContext: {runAsUser: 1, runAsGroup: 2, readOnlyRootFilesystem: true, privileged: false, "
    "allowPrivilegeEscalation: false, capabilities: {add: [NET_ADMIN], drop: [ALL]}}": {
        "user": "1:2",
        "read_only": True,
        "privileged": False,
        "security_opt": ["no-new-privileges"],
        "cap_add": ["NET_ADMIN"],
        "cap_drop": ["ALL"],
    },
    "securityContext: {runAsGroup: 2, procMount: Unmasked, seccompProfile: {type: Localhost, "
    "localhostProfile: a.json}, seLinuxOptions: {type: t, level: s0}, appArmorProfile: {type: Unconfined}}": {
        "user": "0:2",
        "security_opt": [
            *("unmask=ALL", "apparmor=unconfined", "seccomp=/profiles/a.json", "label=type:t", "label=level:s0"),
        ],
    },
    "livenessProbe: {exec: {command: [x, y]}, periodSeconds: 5, initialDelaySeconds: 2}": {
        "healthcheck": ["CMD", "x", "y"],
        "healthcheck_interval": "5s",
        "healthcheck_timeout": "1s",
        "healthcheck_retries": 3,
        "healthcheck_start_period": "2s",
        "healthcheck_failure_action": "restart",
    },
    "ports: [{name: web, containerPort: 80}], livenessProbe: {httpGet: {port: web, path: /a b}}": {
        "healthcheck": ["CMD-SHELL", "curl -f 'http://localhost:80/a b' || exit 1"],
    },
    "startupProbe: {tcpSocket: {port: 5}, failureThreshold: 30}": {
        "healthcheck": ["CMD-SHELL", "exit 0"],
        "health_startup_cmd": ["CMD-SHELL", "nc -z -v localhost 5 || exit 1"],
        "health_startup_retries": 30,
        "health_startup_success": 1,
    },
    "lifecycle: {stopSignal: SIGINT}": {"stop_signal": "SIGINT"},
}


@pytest.mark.parametrize("fields", CONTAINER)
def test_field_of_container_has_its_counterpart(fields: str) -> None:
    (options,) = pod_of(container=fields, meta="labels: {l: v}").containers
    assert {name: options.get(name) for name in CONTAINER[fields]} == CONTAINER[fields]
    (one,) = containers.wanted({"containers": [options], "defaults": {}})
    assert (one.name, one.state) == ("p-c", "started")


# Fields of a pod's spec and of its metadata, with the options of the pod and of the container.
POD: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("", ""): (
        {"share": "ipc,net,uts", "network": None, "publish": None},
        {"restart_policy": "always", "pull": "missing"},
    ),
    ("hostNetwork: true, hostname: h", ""): (
        {"share": "ipc,net", "network": ["host"], "publish": None, "hostname": None},
        {"uts": "host"},
    ),
    ("hostPID: true, hostIPC: true", ""): ({"share": "net,uts"}, {"pid": "host", "ipc": "host"}),
    ("shareProcessNamespace: true", ""): ({"share": "ipc,net,pid,uts"}, {"pid": None}),
    ("hostAliases: [{ip: 1.2.3.4, hostnames: [a, b]}]", ""): ({"add_host": ["a:1.2.3.4", "b:1.2.3.4"]}, {}),
    ("dnsPolicy: None, dnsConfig: {nameservers: [1.1.1.1], searches: [x], options: [{name: ndots, value: '2'}]}", ""): (
        {"dns": ["1.1.1.1"], "dns_search": ["x"], "dns_opt": ["ndots:2"]},
        {},
    ),
    ("restartPolicy: OnFailure, terminationGracePeriodSeconds: 3, os: {name: linux}, hostUsers: true", ""): (
        {},
        {"restart_policy": "on-failure", "stop_timeout": "3"},
    ),
    (
        "securityContext: {runAsUser: 5, supplementalGroups: [7], sysctls: [{name: kernel.msgmax, value: '9'}]}",
        "",
    ): (
        {"sysctl": {"kernel.msgmax": "9"}},
        {"user": "5", "group_add": ["7"]},
    ),
    (
        "",
        "labels: {a: b}, creationTimestamp: null, annotations: {x: y, io.podman.annotations.ulimit: 'nofile=1:2', "
        "io.podman.annotations.init/c: 'TRUE', io.podman.annotations.pids-limit/c: 9, "
        "io.podman.annotations.init/d: 'TRUE', io.podman.annotations.infra.name: own, "
        "io.podman.annotations.autoremove/c: 'FALSE', io.containers.autoupdate: registry}",
    ): (
        {"label": {"a": "b", **OWN}, "infra_name": "own"},
        {
            "annotation": {"x": "y"},
            "ulimit": ["nofile=1:2"],
            "init": True,
            "pids_limit": "9",
            "label": {"a": "b", "io.containers.autoupdate": "registry", **OWN},
        },
    ),
}


@pytest.mark.parametrize("fields", POD)
def test_field_of_pod_has_its_counterpart(fields: tuple[str, str]) -> None:
    found = pod_of(fields[0], meta=fields[1])
    (options,), (container,) = found.pods, found.containers
    of_pod, of_container = POD[fields]
    assert {name: options.get(name) for name in of_pod} == of_pod
    assert {name: container.get(name) for name in of_container} == of_container
    assert pod.desired({**filled(pod.spec(), options), "state": "created"}).name == "p"
    assert [one.name for one in containers.wanted({"containers": [container], "defaults": {}})] == ["p-c"]


def test_ports_of_containers_are_the_pods() -> None:
    published = "{containerPort: 80, hostPort: 8080}, {containerPort: 53, hostPort: 53, protocol: UDP, hostIP: '::1'}"
    ports = f"ports: [{published}, {{containerPort: 1}}]"
    assert pod_of(container=ports).pods[0]["publish"] == ["8080:80/tcp", "[::1]:53:53/udp"]
    assert "publish" not in pod_of("hostNetwork: true", ports).pods[0]


REFUSED = {
    "resizePolicy: []": "spec.containers[0].resizePolicy has no counterpart here: remove it; docs/howto",
    "lifecycle: {preStop: {exec: {command: [x]}}}": "spec.containers[0].lifecycle.preStop has no counterpart",
    "resources: {limits: {nvidia.com/gpu: 1}}": "spec.containers[0].resources.limits.nvidia.com/gpu has no counterpart",
    "env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]": "fieldRef.fieldPath has no counterpart",
    "env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: x}}}]": "configMapKeyRef.key: expected a key of",
    "env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: bin}}}]": "expected a key of ConfigMap c",
    "envFrom: [{secretRef: {name: x}}]": "envFrom[0].secretRef.name: expected a Secret that is among the documents",
    "volumeMounts: [{name: v, mountPath: /m}]": "spec.containers[0].volumeMounts[0].name: expected a volume of the pod",
    "livenessProbe: {grpc: {port: 1}}": "livenessProbe.grpc has no counterpart",
    "livenessProbe: {}": "livenessProbe: expected one of exec, httpGet, tcpSocket",
    "livenessProbe: {httpGet: {port: web}}": "livenessProbe.httpGet.port: expected a number, or the name of one",
    "securityContext: {runAsUser: 0, runAsNonRoot: true}": "expected a runAsUser other than 0",
    "securityContext: {runAsUser: root}": "securityContext.runAsUser: expected an integer",
    "securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../x}}": "localhostProfile: expected",
    "ports: [{containerPort: 1, protocol: X}]": "ports[0].protocol: expected TCP, UDP or SCTP",
    "imagePullPolicy: maybe": "imagePullPolicy: expected Always, IfNotPresent, Never",
    "restartPolicy: Always": "spec.containers[0].restartPolicy has no counterpart",
    "env: PASSWORD=hidden": "containers[0].env: expected a list, found a string",
    "env: [PASSWORD=hidden]": "env[0]: expected an object, found a string",
    "env: [{name: PASSWORD=hidden}]": "env[0].name: expected a variable's name, without '=' and ',', found another",
    'env: [{name: A, value: "hidden\\0"}]': "env[0].value: expected a string without NUL bytes",
    "env: [{name: A, value: hidden, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]": "expected one of value and",
    "env: [{name: A, valueFrom: {}}]": "valueFrom: expected one of configMapKeyRef, fieldRef",
    "env: [{name: A, valueFrom: {secretKeyRef: {name: nul, key: k}}}]": "the key k of Secret nul has a NUL byte",
    "env: [{name: A, valueFrom: {secretKeyRef: {name: 'x,type=env', key: k}}}]": "secretKeyRef: expected a name and",
    "envFrom: [{prefix: 'A,target=', secretRef: {name: s}}]": "envFrom[0].prefix: expected the beginning of a",
    "ports: [{containerPort: 65536}]": "ports[0].containerPort: expected a port from 1 to 65535, found 65536",
    "ports: [{containerPort: 80, hostPort: -1}]": "ports[0].hostPort: expected a port from 1 to 65535, found -1",
}
REFUSED_OF_POD = {
    "hostUsers: false": "spec.hostUsers has no counterpart here: map users",
    "runtimeClassName: x": "spec.runtimeClassName has no counterpart",
    "os: {name: windows}": "spec.os.name has no counterpart here: take linux",
    "securityContext: {fsGroup: 1}": "spec.securityContext.fsGroup has no counterpart",
    "restartPolicy: Sometimes": "spec.restartPolicy: expected Always, OnFailure, Never",
    "volumes: [{name: v, nfs: {}}]": "spec.volumes[0].nfs has no counterpart here: take configMap",
    "volumes: [{name: v, hostPath: {path: ../x}}]": "spec.volumes[0].hostPath.path: expected an absolute path",
    "volumes: [{name: v, hostPath: {path: /dev/null, type: Directory}}]": "expected a path of type Directory",
    "volumes: [{name: v, configMap: {name: x}}]": "configMap.name: expected a ConfigMap that is among the documents",
    "volumes: [{name: v, configMap: {name: c, items: [{key: a, path: ../a}]}}]": "expected a relative path without",
    "volumes: [{name: v, configMap: {name: c, defaultMode: 01777}}]": "defaultMode: expected a mode from 0 to 0777",
    "volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]": "spec.volumes[1]: expected a name that is",
    "volumes: [{name: 'v,ro', emptyDir: {}}]": "spec.volumes[0].name: expected a name of letters, digits",
    "initContainers: [{name: a/b, image: i}]": "spec.initContainers[0].name: expected a name of letters, digits",
    "initContainers: [{name: c, image: i}]": "spec.containers: expected 1 to 100 containers, each with",
}


@pytest.mark.parametrize("text", [*REFUSED, *REFUSED_OF_POD])
def test_what_cannot_be_translated_is_named(text: str) -> None:
    with pytest.raises(LibpodError) as refused:
        pod_of(container=text) if text in REFUSED else pod_of(text)
    assert {**REFUSED, **REFUSED_OF_POD}[text] in str(refused.value)
    assert str(refused.value).startswith("definition: Pod p: ") and "hidden" not in str(refused.value)


def test_image_without_a_policy_is_looked_for_as_podman_does() -> None:
    images = {
        "quay.io/i": "newer",
        "quay.io:5000/i:latest": "newer",
        "quay.io:5000/i:1": "missing",
        "i@sha256:" + "a" * 64: "missing",
        "localhost/i": "missing",
    }
    text = "{{kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, image: '{}'}}]}}}}"
    assert {image: load(text.format(image)).containers[0]["pull"] for image in images} == images


def test_page_has_the_fields_that_are_translated_and_those_without_effect() -> None:
    page = (TOP / PAGE).read_text()
    fields = Fields(str, PAGE)
    known = {
        "A container": {*kube_containers.Containers(fields, *[None] * 4)._known, *kube_containers.IDLE},  # type: ignore[arg-type, list-item]
        "A pod": {*pods.PodTranslator(fields, pods.Context("", None))._table(), *pods.IDLE},  # type: ignore[arg-type]
    }
    for head, names in known.items():
        part = page[page.index(f"## {head}") :].split("\n## ", 1)[0]
        assert names == {
            name for row in re.findall(r"^\| (`.*?) \|", part, re.M) for name in re.findall(r"`(\w+)`", row)
        }


@fuzz.fuzzed(100, data=st.data())
def test_any_document_is_translated_or_refused(data: st.DataObject) -> None:
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), fuzz.texts())
    names = [*pods.IDLE, *kube_containers.IDLE, *"name image env value ports volumes items key path secretName".split()]
    names += [word for text in (*CONTAINER, *REFUSED, *REFUSED_OF_POD) for word in re.findall(r"\w+(?=:)", text)]
    values = st.recursive(
        leaves,
        lambda one: st.one_of(st.lists(one, max_size=2), st.dictionaries(st.sampled_from(names), one, max_size=3)),
    )
    spec = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=4))
    container = {"name": "c", "image": "i", **data.draw(st.dictionaries(st.sampled_from(names), values, max_size=4))}
    one = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {**spec, "containers": [container]}}
    try:
        stack.load(stack.Request({"libpod.engine.kube": "set"}, definition=one))
    except LibpodError as error:
        assert str(error).startswith("definition: "), error


def test_order_and_end_of_containers() -> None:
    first = "initContainers: [{name: i, image: x}, {name: j, image: x}]"
    found = pod_of(first)
    assert found.after == {"p-i": (), "p-j": ("p-i",), "p-c": ("p-i", "p-j")}
    assert found.once == {"p-i", "p-j"} and [one.get("wait") for one in found.containers] == ["exited", "exited", None]
    assert [one["restart_policy"] for one in found.containers] == ["no", "no", "always"]
    assert pod_of(f"{first}, restartPolicy: Never").once == {"p-i", "p-j", "p-c"}
