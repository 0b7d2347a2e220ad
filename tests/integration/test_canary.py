# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A word given in every way in which tasks are given a secret: in no event, log, command line or readable file."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kept_engine, kernel, sshd, syslog
from ansible_collections.libpod.engine.tests.support.canary import files_with, readable_by_others
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.runner import Controller

CANARY = f"canary-{os.getpid()}-7d20"  # no other run of this test has it, and no source
BUSYBOX: dict[str, Any] = {"image": "localhost/busybox:latest", "command": "sleep 1000", "network": "none"}
BUSYBOX["stop_signal"] = "KILL"
SERVICE = {"image": "localhost/busybox:latest", "command": "sleep 1000", "network_mode": "none", "stop_signal": "KILL"}
LOGIN = {"username": "me", "password": f"{CANARY}-1"}
COMPOSE: dict[str, Any] = {
    "services": {
        "a": {**SERVICE, "environment": {"A": f"{CANARY}-2"}, "secrets": ["s"], "configs": ["c"]},
        "b": {**SERVICE, "image": "localhost/b", "build": {"context": "/srv/context", "args": {"PLAIN": "a"}}},
    },
    "secrets": {"s": {"content": f"{CANARY}-4"}},
    "configs": {"c": {"content": f"{CANARY}-5"}},
}
POD = {
    "terminationGracePeriodSeconds": 0,
    "volumes": [{"name": "s", "secret": {"secretName": "s"}}],
    "containers": [
        {
            "name": "c",
            "image": "localhost/busybox:latest",
            "args": ["sleep", "1000"],
            "env": [
                {"name": "A", "value": f"{CANARY}-6"},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "b"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "c"}}},
            ],
            "volumeMounts": [{"name": "s", "mountPath": "/s"}],
        }
    ],
}
KUBE: list[dict[str, Any]] = [
    {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"c": f"{CANARY}-7"}},
    {"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"b": f"{CANARY}-8"}},
    {"kind": "Pod", "metadata": {"name": "p"}, "spec": POD},
]
# Modules with what they are given. All succeed. A task's environment is Ansible's, which shows it.
GIVEN: list[tuple[str, dict[str, Any]]] = [
    ("secret", {"name": "one", "data": f"{CANARY}-9"}),
    ("secret", {"name": "two", "data": f"{CANARY}-10"}),
    ("secret", {"name": "three", "path": "/srv/private/word"}),
    (
        "container",
        {
            "name": "web",
            **BUSYBOX,
            "env": {"A": f"{CANARY}-11"},
            "env_file": ["/srv/private/env"],
            "secrets": ["one", "two,type=env,target=TWO"],
        },
    ),
    ("container_exec", {"name": "web", "argv": ["cat"], "env": {"A": f"{CANARY}-12"}}),
    ("containers", {"containers": [{"name": "x", "env": {"A": f"{CANARY}-13"}}], "defaults": BUSYBOX}),
    ("image", {"name": "own", "path": "/srv/context", "build": {"secrets": ["id=key,src=/srv/private/word"]}}),
    ("compose", {"project_name": "p", "definition": COMPOSE}),
    ("kube", {"name": "k", "definition": KUBE}),
    ("quadlet", {"src": "/srv/private/quadlets", "name": "q"}),
    ("secret", {"name": "one", "data": f"{CANARY}-15"}),
    ("container", {"name": "web", **BUSYBOX, "env": {"A": f"{CANARY}-16"}, "secrets": ["one"]}),
    *((f"{kind}_info", {}) for kind in ("secret", "container", "pod", "volume", "image")),
]
# Those that fail, the last ones by what is wrong with the task.
FAILING: list[tuple[str, dict[str, Any]]] = [
    ("image", {"name": "127.0.0.1:9/a", **LOGIN}),
    ("login", {"registry": "127.0.0.1:9", **LOGIN}),
    ("container", {"name": "no", **BUSYBOX, "image": "127.0.0.1:9/a", "creds": f"me:{CANARY}-17"}),
    ("compose", {"project_name": "n", "definition": {"services": {"a": {"image": "127.0.0.1:9/a"}}}, **LOGIN}),
    ("container", {"name": "no", **BUSYBOX, "command": ["/no/such"], "env": {"A": f"{CANARY}-18"}}),
    ("container", {"name": "no", **BUSYBOX, "memory": "much", "env": {"A": f"{CANARY}-19"}}),
    ("container", {"name": "no", **BUSYBOX, "env": [f"{CANARY}-20"]}),
    ("secret", {"name": "no/such", "data": f"{CANARY}-21"}),
    ("volume", {"name": "no", "options": ["type=cifs", "device=//h/s", f"o=user=me,password={CANARY}-25"]}),
    ("volume", {"name": "no", "options": [f"type=cifs,o=pass={CANARY}-26"]}),
    (
        "containers",
        {"containers": [{"name": "no", **BUSYBOX, "mounts": [f"dst=/v,volume-opt=o=password={CANARY}-27"]}]},
    ),
    ("compose", {"project_name": "n", "definition": {**COMPOSE, "services": {"a": {"environment": {"A": CANARY}}}}}),
    ("kube", {"name": "n", "definition": [{**KUBE[0], "spec": {}}, {"kind": "Pod"}]}),
]


@pytest.fixture(scope="module", name="host")
def _host() -> Iterator[Host]:
    """Yield a host on which the tasks' images and secrets may stay."""
    with Host() as made:
        yield made
        assert not made.module("libpod_kube", {"name": "k", "state": "absent"}).failed
        made.empty()


@pytest.fixture(autouse=True)
def _files(host: Host) -> Iterator[None]:
    """Have files on the host that only root can read, and a context to build an image of."""
    os.mkdir("/srv/private", 0o700)
    os.mkdir("/srv/private/quadlets")
    for name, text in (
        ("word", f"{CANARY}-22"),
        ("env", f"B={CANARY}-23\n"),
        (
            "quadlets/q.container",
            "[Container]\nImage=localhost/busybox:latest\nExec=sleep 1000\nNetwork=none\nStopSignal=KILL\n"
            f"Environment=A={CANARY}-24\nEnvironmentFile=/srv/private/env\n",
        ),
    ):
        with open(f"/srv/private/{name}", "w", encoding="ascii") as file:
            file.write(text)
    os.makedirs("/srv/context")
    with open("/srv/context/Containerfile", "w", encoding="ascii") as file:
        file.write("FROM localhost/busybox:latest\nRUN --mount=type=secret,id=key true </run/secrets/key || true\n")
    yield


@contextlib.contextmanager
def _logs() -> Iterator[tuple[syslog.Log, syslog.Log]]:
    """Yield what is sent to syslog and to the journal; the former's ``/dev`` has what a job needs."""
    os.mkdir("/srv/private/pts")
    kernel.mount("/dev/pts", "/srv/private/pts", flags=kernel.MS_BIND)
    with syslog.syslog() as log, syslog.journal() as journal:
        kernel.mount("/srv/private/pts", "/dev/pts", flags=kernel.MS_BIND)
        os.chmod("/dev/shm", 0o1777)
        try:
            yield log, journal
        finally:
            kernel.umount("/dev/pts")
            kernel.umount("/srv/private/pts")


def test_canary_is_nowhere(host: Host) -> None:
    begun = time.time()
    kept_engine.install(host.parts.static_root)
    controller, trace = Controller(), "/srv/private/trace"
    hosts = {"shop": {"ansible_host": "127.0.0.1", "ansible_user": "root"}}
    tasks: list[dict[str, Any]] = [{f"libpod.engine.libpod_{module}": args} for module, args in GIVEN]
    failing = [{f"libpod.engine.libpod_{module}": args, "ignore_errors": True} for module, args in FAILING]
    with sshd.Sshd(variables=host.parts.environment(), trace=trace), _logs() as logs:
        jobs = [
            controller.run("check.yml", "--check", "--diff", "-vvv", hosts=hosts, tasks=tasks),
            controller.run("run.yml", "--diff", "-vvv", hosts=hosts, tasks=tasks),
            controller.run("failing.yml", "--diff", "-vvv", hosts=hosts, tasks=failing),
        ]
        logged = "".join(map(str, logs))
    for job in jobs:
        assert job.exit_code == 0, job.text
        assert CANARY not in job.text, job.text
    assert len(jobs[2].results("runner_on_failed")) == len(FAILING), jobs[2].text
    assert "libpod_compose" in logged and CANARY not in logged
    with open(trace, encoding="utf-8", errors="replace") as file:
        executed = file.read()
    assert all(f'/{name}"' in executed for name in ("conmon", "runc", "buildah")) and CANARY not in executed
    paths = files_with(CANARY, ("/srv", "/run", "/var/lib", "/etc", "/tmp"), since=begun - 60)  # the fixture's too
    paths = [path for path in paths if not path.startswith("/srv/ee/")]  # the controller's own
    assert len(paths) > 5 and readable_by_others(paths) == [], readable_by_others(paths)
