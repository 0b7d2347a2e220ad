# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_kube: the pods of Kubernetes YAML, from nothing to nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Sequence

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result
from ansible_collections.libpod.engine.tests.support.process import Process, eventually

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: site}
data: {answer: "42", mode: production}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: s3cr 3t, user: me}
"""
STORE = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce]}
---
apiVersion: v1
kind: Pod
metadata:
  name: store
  labels: {app: store}
spec:
  terminationGracePeriodSeconds: 1
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: data}}
    - {name: site, configMap: {name: site, items: [{key: answer, path: pages/answer, mode: 0440}]}}
    - {name: scratch, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  initContainers:
    - name: prepare
      image: localhost/busybox:latest
      command: [sh, -c, "cp /site/pages/answer /data/answer; echo $$ >>/data/prepared"]
      volumeMounts: [{name: data, mountPath: /data}, {name: site, mountPath: /site}]
  containers:
    - name: httpd
      image: localhost/busybox:latest
      command: [httpd, -f, -p, "80", -h, /data]
      livenessProbe: {exec: {command: [test, -e, /data/answer]}, periodSeconds: 1}
      volumeMounts:
        - {name: data, mountPath: /data, readOnly: true}
        - {name: scratch, mountPath: /scratch}
      resources: {limits: {memory: 64Mi, cpu: 500m}}
    - name: side
      image: localhost/busybox:latest
      command: [sh, -c, "echo here >/scratch/side; exec sleep 1000"]
      volumeMounts: [{name: scratch, mountPath: /scratch}]
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: localhost/busybox:latest
          command: [sh, -c, "until wget -q -O /got http://store/answer; do sleep 0.1; done; exec sleep 1000"]
          env:
            - {name: MODE, valueFrom: {configMapKeyRef: {name: site, key: mode}}}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
            - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
"""
ALL = "---".join((CONFIG, STORE, WEB))


class Task:
    """Tasks about a file of Kubernetes YAML."""

    def __init__(self, host: Host, file: Path) -> None:
        self.host = host
        self.file = file

    def run(self, *, check: bool = False, **args: Any) -> Result:
        return self.host.module("libpod_kube", {"src": str(self.file), "workers": 2, **args}, check=check, diff=True)

    def done(self, text: str, **args: Any) -> Result:
        """Check mode predicts what the run does, and a second run changes nothing."""
        self.file.write_text(text)
        predicted = self.run(check=True, **args)
        result = self.run(**args)
        assert not result.failed and not predicted.failed, (predicted, result)
        assert predicted["actions"] == result["actions"] and predicted["changed"] == result["changed"]
        again = self.run(**args)
        assert not again.failed and again["actions"] == [] and not again.changed, again
        for one in (predicted, result, again):
            assert "s3cr 3t" not in str(one), one
        return result


@pytest.fixture(name="task")
def _task(host: Host, tmp_path: Path) -> Task:
    return Task(host, tmp_path / "site.yaml")


def _root(result: Result, name: str) -> str:
    (one,) = (one for one in result["containers"] if one["Name"] == name)
    return f"/proc/{Process(one).pid}"


@pytest.mark.smoke
def test_pods_are_created_changed_and_removed(task: Task) -> None:
    made = task.done(ALL, wait=True)
    assert made["pods"] == ["store", "web-pod"]
    pods = ["created pod store", "started pod store", "created pod web-pod", "started pod web-pod"]
    assert [one for one in made["actions"] if " pod " in one] == pods, made["actions"]
    started = [one for one in made["actions"] if one.startswith("started store-")]
    assert started == ["started store-prepare", "started store-httpd", "started store-side"]
    origin = f"{task.file}: Deployment web: spec.replicas"
    assert origin in made["ineffective"] and origin in str(made["warnings"])
    environment = Path(f"{_root(made, 'web-pod-app')}/environ").read_text().split("\0")
    assert {"MODE=production", "PASSWORD=s3cr 3t", "NAME=web-pod"} <= set(environment)
    side = Path(f"{_root(made, 'store-httpd')}/root/scratch/side")
    eventually(lambda: side.read_text() == "here\n")
    assert os.path.samefile(f"{_root(made, 'store-httpd')}/ns/net", f"{_root(made, 'store-side')}/ns/net")

    got = Path(f"{_root(made, 'web-pod-app')}/root/got")
    eventually(lambda: got.exists() and got.read_text() == "42")

    # A change of the ConfigMap reaches those that have it, and the Secret is replaced.
    changed = task.done(ALL.replace("mode: production", "mode: test").replace("s3cr 3t", "s3cr 3t2"))
    assert changed["actions"] == ["replaced secret db_password", "recreated web-pod-app"]
    assert "MODE=test" in Path(f"{_root(changed, 'web-pod-app')}/environ").read_text().split("\0")

    # What shares namespaces otherwise is made new; what is no longer there goes.
    shared = task.done(
        "---".join((CONFIG, STORE.replace("spec:\n  term", "spec:\n  shareProcessNamespace: true\n  term")))
    )
    assert "recreated pod store" in shared["actions"] and "deleted pod web-pod" in shared["actions"]
    assert os.path.samefile(f"{_root(shared, 'store-httpd')}/ns/pid", f"{_root(shared, 'store-side')}/ns/pid")
    gone = task.done("", state="absent", remove_volumes=True)
    assert {"deleted pod store", "removed secret configmap_site_answer", "deleted volume data"} < set(gone["actions"])
    task.host.expect_clean()


JOB = """
kind: Job
metadata: {name: once}
spec:
  template:
    spec:
      restartPolicy: Never
      hostNetwork: true
      hostPID: true
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: localhost/busybox:latest, command: [sh, -c, "test $(hostname) != once-pod"]}]
"""
POD = """
kind: Pod
metadata: {name: one, labels: {app: %s}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: localhost/busybox:latest, args: [sleep, "1000"], ports: [{containerPort: 80%s}]}]
"""


def test_what_has_ended_with_success_is_not_run_again(task: Task) -> None:
    ended = JOB.replace("test $(hostname) != once-pod", "test $(hostname) != once-pod")
    assert "started once-pod-c" in task.done(ended)["actions"]
    eventually(lambda: task.run()["containers"][0]["State"]["Status"] == "exited")
    again = task.run()
    (container,) = again["containers"]
    assert (again["actions"], container["State"]["ExitCode"]) == ([], 0)
    assert container["HostConfig"]["PidMode"] == "host"
    assert task.done("", state="absent")["actions"] == ["deleted once-pod-c", "deleted pod once-pod"]


def test_what_a_pod_needs_is_refused_before_the_pod_is_made(task: Task) -> None:
    """A network that does not exist, and the name of its infra container, which another container has."""
    task.file.write_text(POD % ("a", ""))
    missing = task.run(check=True, network=["missing"])
    assert "created pod one" in missing["actions"] and "network missing is not" in str(missing["warnings"])
    refused = task.run(network=["missing"])
    assert refused.failed and "network missing is not" in refused["msg"] and refused["actions"] == [], refused
    task.host.container("web", image="busybox", command="sleep 1000", network="none", stop_signal="KILL")
    for name, message in (("web", "it is another container's"), ("one-c", "is also the name of another pod or")):
        named = f"metadata: {{annotations: {{io.podman.annotations.infra.name: {name}}}, "
        task.file.write_text("---".join((CONFIG, (POD % ("a", "")).replace("metadata: {", named))))
        for check in (True, False):
            refused = task.run(check=check)
            assert refused.failed and message in refused["msg"] and refused["actions"] == [], refused
    task.host.container("web", state="absent")
    task.host.expect_clean()


def test_options_of_a_pod_change_in_place(task: Task) -> None:
    made = task.done(POD % ("a", ", hostPort: 8080"))
    (before,) = made["containers"]
    relabelled = task.done(POD % ("b", ", hostPort: 8080"))
    assert relabelled["actions"] == ["updated pod one", "updated one-c"]
    moved = task.done(POD % ("b", ", hostPort: 8081"))
    assert moved["actions"] == ["updated pod one"]
    (after,) = moved["containers"]
    assert after["Id"] == before["Id"] and after["State"]["Running"]
    assert "recreated pod one" in task.run(recreate=True)["actions"]
    task.run(state="absent")


CONFIGURED = """
kind: ConfigMap
metadata: {name: m}
data: {a: "%s"}
---
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: m, configMap: {name: m}}]
  containers:
    - name: mounted
      image: localhost/busybox:latest
      args: [sleep, "1000"]
      ports: [{containerPort: 80, hostPort: %s}]
      volumeMounts: [{name: m, mountPath: /m}]
    - name: given
      image: localhost/busybox:latest
      args: [sleep, "1000"]
      env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: a}}}]
"""


@pytest.mark.parametrize("how", ["restart", "replace", "recreate"])
def test_config_map_changes_with_a_port_of_the_pod(task: Task, how: str) -> None:
    """The pod's change starts its containers again, which then have the present content."""
    task.done(CONFIGURED % ("first", 8080), secrets_changed=how)
    both = task.done(CONFIGURED % ("second", 8081), secrets_changed=how)
    assert both["actions"] == ["replaced secret configmap_m_a", "updated pod p", "recreated p-given"]
    assert Path(f"{_root(both, 'p-mounted')}/root/m/a").read_text() == "second"
    changed = task.done(CONFIGURED % ("third", 8081), secrets_changed=how)
    assert len(changed["actions"]) == 3 and Path(f"{_root(changed, 'p-mounted')}/root/m/a").read_text() == "third"
    task.run(state="absent")


def test_only_the_sets_own_is_changed(task: Task) -> None:
    task.file.write_text(POD % ("a", ""))
    assert not task.host.module("libpod_pod", {"name": "one"}).failed
    refused = task.run()
    assert refused.failed and refused["msg"].startswith("pod one is there without the label libpod.engine.kube=")
    task.host.module("libpod_pod", {"name": "one", "state": "absent"})
    assert not task.run(state="created").failed
    other = task.run(name="other")
    assert other.failed and "without the label libpod.engine.kube=other" in other["msg"]
    lost = task.run(name="lost", state="absent")
    assert not lost.failed and not lost.changed
    assert task.run(state="absent")["actions"] == ["deleted one-c", "deleted pod one"]


def test_refused_field_changes_nothing_and_hides_secrets(task: Task) -> None:
    task.file.write_text(CONFIG + "---" + STORE.replace("livenessProbe:", "resizePolicy: []\n      livenessProbe:"))
    refused = task.run()
    where = f"{task.file}: Pod store: spec.containers[0].resizePolicy has no counterpart here: remove it"
    assert refused.failed and refused["msg"].startswith(where) and refused["actions"] == []
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "s3cr 3t"}}
    given = {"name": "set", "definition": [secret, {"kind": "Pod"}]}
    failed = task.host.module("libpod_kube", given)
    assert failed.failed and "definition: document 2" in failed["msg"] and "s3cr" not in str(failed)
    task.host.expect_clean()


def test_killed_task_is_finished_by_the_next(task: Task) -> None:
    task.file.write_text(POD % ("a", ""))
    given = {"src": str(task.file)}
    made = task.host.module("libpod_kube", given, kill_at=NOWHERE)
    gone = task.host.module("libpod_kube", {**given, "state": "absent"}, kill_at=NOWHERE)
    for at in _some(made.effects):
        assert task.host.module("libpod_kube", given, kill_at=at).killed
        assert not task.run().failed and not task.run(state="absent").failed
        task.host.expect_clean()
    for at in _some(gone.effects):
        assert not task.run().failed
        assert task.host.module("libpod_kube", {**given, "state": "absent"}, kill_at=at).killed
        assert not task.run(state="absent").failed
        task.host.expect_clean()


def _some(effects: Sequence[str]) -> list[str]:
    """Return those effects on pods, which tasks of containers alone do not have."""
    chosen = [one for one in effects if "/pods/" in one or "infra" in one]
    assert len(chosen) > 3, effects
    return chosen[:: max(1, len(chosen) // 4)]
