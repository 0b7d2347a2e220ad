# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks of Compose files, quadlet files and Kubernetes YAML beside what others have made and use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host

IMAGE = "localhost/busybox:latest"
ABSENT = {"state": "absent", "remove_volumes": True}
CONTAINER = {"name": "c", "image": IMAGE, "args": ["sleep", "1000"]}
SECRET = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "theirs"}}
CLAIM = {"kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}


def _pod(*volumes: dict[str, Any], **container: Any) -> dict[str, Any]:
    mounts = [{"name": one["name"], "mountPath": f"/{one['name']}"} for one in volumes]
    containers = [{**CONTAINER, "volumeMounts": mounts, **container}]
    spec = {"terminationGracePeriodSeconds": 1, "volumes": list(volumes), "containers": containers}
    return {"kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


SECRET_POD = _pod({"name": "secret", "secret": {"secretName": "s"}})
DATA_POD = _pod({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})
KUBE = {"name": "set", "definition": [SECRET, SECRET_POD]}
SERVICE = {"image": IMAGE, "command": "sleep 1000", "stop_grace_period": "1s"}
COMPOSE: dict[str, Any] = {
    "services": {"one": {**SERVICE, "volumes": ["data:/data"], "secrets": ["key"]}},
    "volumes": {"data": None},
    "secrets": {"key": {"file": "/etc/hostname"}},
}


def _compose(**more: Any) -> dict[str, Any]:
    return {"project_src": "/srv", "project_name": "shop", "definition": COMPOSE, **more}


def _content(host: Host, name: str) -> str:
    return Path(f"{host.parts.static_root}/secrets/{name}").read_text()


def test_secret_of_others_is_not_replaced(host: Host) -> None:
    for module, args, name in (("libpod_kube", KUBE, "s_k"), ("libpod_compose", _compose(), "shop_key")):
        assert not host.module("libpod_secret", {"name": name, "data": "mine"}).failed
        for check in (True, False):
            refused = host.module(module, args, check=check)
            assert refused.failed and refused["msg"].startswith(f"secret {name} is there without the label "), refused
            assert refused.get("actions", []) == [] and not refused.changed
        gone = host.module(module, {**args, **ABSENT})
        assert not gone.failed and not gone.changed and _content(host, name) == "mine"
        host.module("libpod_secret", {"name": name, "state": "absent"})
    host.expect_clean()


def test_volume_of_others_is_used_and_stays(host: Host) -> None:
    kube = {"name": "set", "definition": [CLAIM, DATA_POD]}
    compose = _compose(definition={**COMPOSE, "volumes": {"data": {"name": "data", "labels": {"a": "b"}}}})
    host.module("libpod_volume", {"name": "data", "label": {"mine": "yes"}})
    for module, args in (("libpod_kube", kube), ("libpod_compose", compose)):
        predicted = host.module(module, args, check=True)
        result = host.module(module, args)
        assert not result.failed and predicted["actions"] == result["actions"]
        assert not any("volume data" in one for one in result["actions"])
        assert any(one.startswith("volume data is there without the label ") for one in result["warnings"])
        assert not host.module(module, args).changed
        gone = host.module(module, {**args, **ABSENT})
        assert not gone.failed and "deleted volume data" not in gone["actions"]
        (there,) = host.module("libpod_volume_info", {"name": "data"})["volumes"]
        assert there["Labels"] == {"mine": "yes"}
    host.module("libpod_volume", {"name": "data", "state": "absent"})
    host.expect_clean()


def test_empty_directory_is_no_volume_of_others(host: Host) -> None:
    args = {"name": "set", "definition": _pod({"name": "scratch", "emptyDir": {}})}
    host.module("libpod_volume", {"name": "p-scratch"})
    for check in (True, False):
        refused = host.module("libpod_kube", args, check=check)
        assert refused.failed and refused["msg"].startswith("volume p-scratch is there without the label "), refused
    host.module("libpod_kube", {**args, **ABSENT})
    assert len(host.module("libpod_volume_info", {"name": "p-scratch"})["volumes"]) == 1
    host.module("libpod_volume", {"name": "p-scratch", "state": "absent"})


def test_network_of_others_is_neither_changed_nor_removed(host: Host, tmp_path: Path) -> None:
    (tmp_path / "shop_default.network").write_text("[Network]\nNetworkName=shop_default\nInternal=true\n")
    host.module("libpod_network", {"name": "shop_default"})
    before = host.module("libpod_network_info", {"name": "shop_default"})["networks"]
    quadlet = {"name": "shop", "src": str(tmp_path)}
    for module, args in (("libpod_compose", _compose()), ("libpod_quadlet", quadlet)):
        for check in (True, False):
            refused = host.module(module, args, check=check)
            assert refused.failed and "network shop_default is there without the label " in refused["msg"], refused
            assert not refused.changed
        assert not host.module(module, {**args, **ABSENT}).changed
    assert host.module("libpod_network_info", {"name": "shop_default"})["networks"] == before
    host.module("libpod_network", {"name": "shop_default", "state": "absent"})
    host.expect_clean()


USES = {"network": ["shop_default"]}, {"volume": ["shop_data:/data"]}, {"secrets": ["shop_key"]}


@pytest.mark.parametrize("uses", [*USES, {"pod": "p"}], ids=lambda uses: next(iter(uses)))
def test_check_mode_predicts_a_removal_that_others_prevent(host: Host, uses: dict[str, Any]) -> None:
    module, args = "libpod_compose", _compose()
    if "pod" in uses:  # which goes with its pod, and uses nothing of the set's then
        module, args = "libpod_kube", KUBE
        uses = {**uses, "secrets": ["s_k"]}
    assert not host.module(module, args).failed
    assert not host.container("other", image=IMAGE, command=["sleep", "1000"], stop_timeout=1, **uses).failed
    predicted = host.module(module, {**args, **ABSENT}, check=True)
    result = host.module(module, {**args, **ABSENT})
    assert predicted.failed == result.failed == ("pod" not in uses), (predicted, result)
    assert (predicted.get("msg"), predicted["actions"]) == (result.get("msg"), result["actions"])
    host.container("other", state="absent")
    assert not host.module(module, {**args, **ABSENT}).failed
    host.expect_clean()


def test_refused_option_of_a_pod_changes_nothing(host: Host, tmp_path: Path) -> None:
    alias = _pod({"name": "scratch", "emptyDir": {}})
    alias["spec"]["hostAliases"] = [{"ip": "no address", "hostnames": ["a"]}]
    (tmp_path / "one.pod").write_text("[Pod]\nPodName=one\nPublishPort=99999:80\n")
    (tmp_path / "data.volume").write_text("[Volume]\n")
    tasks = ("libpod_kube", {"definition": [SECRET, alias]}), ("libpod_quadlet", {"src": str(tmp_path)})
    for module, args in tasks:
        refused = host.module(module, {"name": "set", **args})
        assert refused.failed and "pod " in refused["msg"] and refused["actions"] == [], refused
        host.expect_clean()
