# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks of containers.podman run unchanged with the collection in extras/ that has its name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.libpod.engine.tests.support import images, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING
from ansible_collections.libpod.engine.tests.support.registry import APP, PASSWORD, REGISTRY, SECURE, Registry

SOURCE = f"{images.PROJECT}/extras/containers.podman"
WEB: dict[str, Any] = {
    "name": "web",
    "image": "busybox",
    "network": "front",
    "env": {"A": "b"},
    "volumes": ["data:/data"],
}
BOOK: list[dict[str, Any]] = [
    {"name": "network", "containers.podman.podman_network": {"name": "front", "internal": True}},
    {"name": "volume", "containers.podman.podman_volume": {"name": "data", "label": {"a": "b"}}},
    {"name": "secret", "containers.podman.podman_secret": {"name": "word", "data": "hidden"}},
    {"name": "container", "containers.podman.podman_container": {**WEB, "command": "sleep 1d", "secrets": ["word"]}},
    {"name": "exec", "containers.podman.podman_container_exec": {"name": "web", "command": "cat /run/secrets/word"}},
    {"name": "info", "containers.podman.podman_container_info": {"name": ["web"]}},
]


@pytest.fixture(scope="module", name="settings")
def _settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the collection as its page says; the variable has Ansible find it before others."""
    tmp_path = tmp_path_factory.mktemp("collections")
    galaxy = os.path.join(os.path.dirname(playbooks.program()), "ansible-galaxy")
    env = {**playbooks.environment(str(tmp_path / "home")), "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    for argv in (
        ["build", SOURCE, "--output-path", str(tmp_path)],
        ["install", "--no-deps", "--offline", "-p", str(tmp_path), str(tmp_path / "containers-podman-1.0.0.tar.gz")],
    ):
        subprocess.run([galaxy, "collection", *argv], check=True, env=env, stdout=subprocess.DEVNULL)
    return {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}


def test_playbook_of_podman_runs_twice(host: Host, settings: dict[str, str]) -> None:
    kinds = {"container": "web", "network": "front", "volume": "data", "secret": "word"}
    gone = [{f"containers.podman.podman_{kind}": {"name": name, "state": "absent"}} for kind, name in kinds.items()]
    played = playbooks.play([*BOOK, *BOOK, *gone], defaults=host.arguments, settings=settings)
    first, second, removed = (
        played.tasks[: len(BOOK)],
        played.tasks[len(BOOK) : 2 * len(BOOK)],
        played.tasks[2 * len(BOOK) :],
    )
    assert _changed(first) == ["network", "volume", "secret", "container", "exec"], played.output
    assert first[-2]["stdout"].strip() == "hidden", played.output
    assert first[-1]["containers"][0]["State"]["Running"], played.output
    assert _changed(second) == ["exec"], played.output  # the command, as podman_container_exec has it
    assert len(_changed(removed)) == len(gone), played.output


def _changed(results: list[dict[str, Any]]) -> list[str]:
    """Return the names of the tasks that have changed something."""
    return [one["task"] for one in results if one["changed"]]


UNIT = {"restart_sec": 5, "new": True, "no_header": True, "force": False, "use_names": True, "executable": "podman"}
# The other modules, each with options of podman's documentation. The registry is the test's own.
OTHERS: dict[str, dict[str, Any]] = {
    "login": {"registry": REGISTRY, "username": "me", "password": PASSWORD, "tlsverify": False},
    "login_info": {"registry": REGISTRY},
    "image": {"name": APP, "validate_certs": False, "tag": "1"},
    "image_info": {"name": [APP]},
    "containers": {"containers": [{**WEB, "network": "none", "command": WAITING, "stop_signal": 9}]},
    "container_copy": {"src": "/etc/hostname", "dest": "/tmp/name", "container": "web"},
    "generate_systemd": {"name": "web", "dest": "/srv", "restart_policy": "always", **UNIT},
    "export": {"container": "web", "dest": "/srv/web.tar", "force": False},
    "import": {"src": "/srv/web.tar", "change": [{"CMD": "/bin/sh"}]},
    "save": {"image": [APP], "dest": "/srv/app.tar", "force": False},
    "load": {"input": "/srv/app.tar"},
    "network_info": {},
    "pod": {"name": "shop", "state": "started", "share": "ipc"},
    "pod_info": {"name": "shop"},
    "volume_info": {"name": "data"},
    "secret_info": {},
    "prune": {"volume": True},
    "logout": {"registry": REGISTRY},
}
CHANGED = ("login", "image", "containers", "container_copy", "generate_systemd", "export", "import", "save", "pod")
CHANGED += ("logout",)
GONE: list[dict[str, Any]] = [
    {"containers.podman.podman_container": {"name": "web", "state": "absent"}},
    {"containers.podman.podman_pod": {"name": "shop", "state": "absent"}},
    {"containers.podman.podman_volume": {"name": "data", "state": "absent"}},
    {"containers.podman.podman_image": {"name": APP, "state": "absent"}},
    {"containers.podman.podman_prune": {"image": True}},  # the imported one, which has no name
]


def test_each_module_of_podman_runs_twice(host: Host, settings: dict[str, str]) -> None:
    book = [{"name": name, f"containers.podman.podman_{name}": task} for name, task in OTHERS.items()]
    used = {key.rpartition(".")[2] for task in (*BOOK, *book) for key in task if key != "name"} | {"podman_play"}
    with open(f"{SOURCE}/meta/runtime.yml", encoding="utf-8") as file:
        routed = yaml.safe_load(file)["plugin_routing"]["modules"]
    assert used == {name for name, one in routed.items() if "redirect" in one}
    registry = Registry(host, SECURE)
    try:
        registry.push("bare", APP, f"--dest-creds=me:{PASSWORD}")
        played = playbooks.play([*book, *book, *GONE], defaults=host.arguments, settings=settings)
        assert PASSWORD not in played.output
        first, second, removed = (
            played.tasks[: len(book)],
            played.tasks[len(book) : 2 * len(book)],
            played.tasks[2 * len(book) :],
        )
        assert (_changed(first), _changed(second)) == (list(CHANGED), ["login", "logout"]), played.output
        assert len(_changed(removed)) == len(GONE), played.output
        assert played["containers"]["containers"][0]["State"]["Running"] and played["login_info"]["login"]["logged_in"]
        assert "container-web" in played["generate_systemd"]["systemd_units"]
        for name in ("web.tar", "app.tar", "container-web.service"):
            os.unlink(f"/srv/{name}")
        shutil.rmtree("/run/containers")  # the file of the logins, which is empty
    finally:
        registry.remove()


def test_kubernetes_yaml_of_podman_play_runs_twice(host: Host, settings: dict[str, str], tmp_path: Path) -> None:
    container = {"name": "c", "image": "localhost/busybox", "args": WAITING}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    file = tmp_path / "kube.yaml"
    file.write_text(json.dumps({"kind": "Pod", "metadata": {"name": "p"}, "spec": spec}))
    task = {"kube_file": str(file), "state": "started", "log_opt": {"max_size": "1m"}, "quiet": True}
    names = ("containers.podman.podman_play", "ignore_errors")
    book: list[dict[str, Any]] = [
        dict(zip(names, one))
        for one in (
            (task, False),
            (task, False),
            ({**task, "build": True}, True),
            ({"kube_file": str(file), "state": "absent"}, False),
        )
    ]
    played = playbooks.play(book, defaults=host.arguments, settings=settings)
    assert [one["changed"] for one in played.tasks] == [True, False, False, True], played.output
    assert "build" in played.tasks[2]["msg"], played.output


def test_connection_of_podman_leads_into_a_container(host: Host, settings: dict[str, str]) -> None:
    made = host.container("web", image="busybox", network="none", command=WAITING, hostname="inside")
    assert not made.failed, made
    hosts = {"web": {"ansible_connection": "containers.podman.podman"}}
    tasks = [{"ansible.builtin.raw": "hostname"}]
    played = playbooks.play(tasks, hosts=hosts, settings={**settings, **host.parts.environment()})
    assert played.tasks[0]["stdout"] == "inside\n", played.output


def test_module_without_a_counterpart_says_what_to_use(settings: dict[str, str]) -> None:
    played = playbooks.play([{"containers.podman.podman_tag": {"image": "a"}}], settings=settings, ok=False)
    assert played.exit_code != 0
    assert "use tags of libpod.engine.libpod_image" in played.output, played.output


def test_refused_option_is_named(host: Host, settings: dict[str, str]) -> None:
    web = {"name": "web", "image": "busybox"}
    said: dict[str, tuple[str, dict[str, Any]]] = {
        "nothing writes quadlet files": ("container", {**web, "state": "quadlet"}),
        "write Environment= into a drop-in": ("generate_systemd", {"name": "web", "env": {"A": "b"}}),
        "here it is sysctl": ("container", {**web, "sysctls": {}}),
    }
    tasks = [{f"containers.podman.podman_{name}": task, "ignore_errors": True} for name, task in said.values()]
    played = playbooks.play(tasks, defaults=host.arguments, settings=settings)
    for one, words in zip(played.tasks, said):
        assert one["failed"] and words in one["msg"], one


def test_empty_values_of_options_that_are_lacking_ask_for_nothing(host: Host) -> None:
    """Roles of podman write generate_systemd: "{{ units | default({}) }}"."""
    empty: dict[str, Any] = {"generate_systemd": {}, "quadlet_options": [], "quadlet_dir": ""}
    one: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
    made = host.container("a", **one, **empty)
    assert made.changed and "generate_systemd" not in made["invocation"]["module_args"]
    several = host.module("libpod_containers", {"containers": [{"name": "a", **one, **empty}]})
    assert not several.failed and not several.changed, several
    assert host.module("libpod_volume", {"name": "v", "quadlet_options": []}).changed
    refused = host.container("a", **one, generate_systemd={"new": True})
    assert refused.failed and "libpod_unit writes a unit" in refused["msg"]
    listed = host.module("libpod_containers", {"containers": [{"name": "a", **one, "quadlet_options": ["X"]}]})
    assert listed.failed and "nothing writes quadlet files" in listed["msg"]
