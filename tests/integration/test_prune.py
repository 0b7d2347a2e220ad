# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prune removes exited containers and unused objects, as predicted; what is in use stays."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def _prune(host: Host, check: bool = False, **options: Any) -> Result:
    done = host.module("libpod_prune", options, check=check)
    assert not done.failed, done
    return done


def test_exited_containers_are_removed_in_order_and_the_others_stay(host: Host) -> None:
    for name, options in (("ended", {"label": {"job": "1"}}), ("lives", {}), ("base", {})):
        host.container(name, **{**OPTIONS, **options})
    host.container("joined", **{**OPTIONS, "network": "container:base"})
    host.container("fresh", state="present", **OPTIONS)
    for name in ("ended", "joined"):
        host.container(name, state="stopped")
    assert _prune(host, container=True, container_filters={"until": "1h"}).changed is False
    assert _prune(host, container=True, container_filters={"label": "job=2"}).changed is False
    predicted = _prune(host, check=True, container=True)
    assert predicted["actions"] == ["deleted ended", "deleted joined"]
    assert _prune(host, container=True, container_filters={"label": ["job"]})["actions"] == ["deleted ended"]
    host.container("base", state="stopped")
    assert _prune(host, container=True)["actions"] == ["deleted joined", "deleted base"]
    assert _prune(host, container=True)["actions"] == []
    left = [one["Name"] for one in host.module("libpod_container_info")["containers"]]
    assert left == ["fresh", "lives"]


def test_volumes_of_no_container_are_removed(host: Host) -> None:
    host.container("a", volume=["used:/data"], **OPTIONS)
    host.container("b", volume=["free:/data"], **OPTIONS)
    host.container("b", state="absent")
    assert _prune(host, check=True, volume=True)["volumes"] == ["free"]
    assert _prune(host, volume=True, volume_filters={"until": "1h"})["volumes"] == []
    assert _prune(host, volume=True)["actions"] == ["removed volume free"]
    assert sorted(os.listdir("/srv/static/volumes")) == ["used"]
    assert _prune(host, system=True)["volumes"] == []
    host.container("a", state="absent")
    assert _prune(host, system=True, system_volumes=True)["volumes"] == ["used"]


def test_dangling_and_unused_images_are_removed(host: Host) -> None:
    host.container("c", **OPTIONS)
    for text in ("one", "two"):
        change = {"container": "c", "image": "mine", "changes": [f"LABEL text={text}"]}
        assert host.module("libpod_commit", change).changed
    first = len(ImageStore(host.parts).all())
    predicted = _prune(host, check=True, image=True)
    assert len(predicted["images"]) == 1
    assert _prune(host, image=True)["images"] == predicted["images"]
    assert len(ImageStore(host.parts).all()) == first - 1
    assert _prune(host, image=True).changed is False
    named = _prune(host, image=True, image_filters={"dangling": False, "label": "text=two"})
    assert len(named["images"]) == 1
    assert ImageStore(host.parts).find("mine") is None and ImageStore(host.parts).find("busybox") is not None


def test_check_mode_foretells_what_only_a_pruned_container_used(host: Host) -> None:
    host.module("libpod_network", {"name": "front"})
    host.container("source", **OPTIONS)
    change = {"container": "source", "image": "mine", "changes": ["LABEL own=1"]}
    assert host.module("libpod_commit", change).changed
    options = {**OPTIONS, "image": "mine", "network": "front", "volume": ["pages:/pages", "/nameless"]}
    host.container("job", **options)
    host.container("job", state="stopped", **options)
    asked: dict[str, Any] = {
        "system": True,
        "system_all": True,
        "system_volumes": True,
        "image_filters": {"label": "own"},
    }
    predicted = _prune(host, check=True, **asked)
    done = _prune(host, **asked)
    assert predicted["actions"] == done["actions"]
    assert (done["networks"], done["volumes"]) == (["front"], ["pages"]), done
    assert len(done["images"]) == 1


def test_until_removes_what_is_older_and_keeps_what_is_newer(host: Host) -> None:
    parting = 0.0
    for age in ("old", "new"):
        parting = time.time()
        time.sleep(0.05)  # the kernel's time of a file lags behind by a tick
        assert host.module("libpod_network", {"name": f"{age}-front"}).changed
        assert host.module("libpod_volume", {"name": f"{age}-pages"}).changed
        host.container(f"{age}-job", **OPTIONS)
        change = {"container": f"{age}-job", "image": f"{age}-image", "changes": ["LABEL own=1"]}
        assert host.module("libpod_commit", change).changed
        host.container(f"{age}-job", state="stopped")
    assert host.module("libpod_network", {"name": "old-front", "labels": {"own": "1"}}).changed  # and as old
    kinds = ("container", "network", "volume", "image")
    asked: dict[str, Any] = {"system": True, "system_all": True, "system_volumes": True}

    def filters(until: str) -> dict[str, Any]:
        return {f"{kind}_filters": {"until": until, **({"label": "own"} if kind == "image" else {})} for kind in kinds}

    def left() -> list[list[str]]:
        containers = [one["Name"] for one in host.module("libpod_container_info")["containers"]]
        networks = [one["name"] for one in host.module("libpod_network_info")["networks"] if "-" in one["name"]]
        images = [name for name in ("old-image", "new-image") if ImageStore(host.parts).find(name)]
        return [containers, networks, sorted(os.listdir("/srv/static/volumes")), images]

    assert _prune(host, **asked, **filters("1h")).changed is False
    for until, age in ((str(parting), "old"), ("0s", "new")):
        predicted = _prune(host, check=True, **asked, **filters(until))
        done = _prune(host, **asked, **filters(until))
        assert predicted["actions"] == done["actions"] and len(done["actions"]) == len(kinds), (predicted, done)
        assert done["actions"][:3] == [
            f"deleted {age}-job",
            f"removed network {age}-front",
            f"removed volume {age}-pages",
        ]
        remaining = [[f"new-{one}"] if age == "old" else [] for one in ("job", "front", "pages", "image")]
        assert left() == remaining
        assert _prune(host, **asked, **filters(until)).changed is False


def test_invalid_filters_are_refused(host: Host) -> None:
    for wrong, word in (
        ({"container_filters": {"status": "exited"}}, "status"),
        ({"volume_filters": {"driver": "x"}}, "driver"),
        ({"image_filters": {"until": "yesterday"}}, "yesterday"),
    ):
        refused = host.module("libpod_prune", {"system": True, **wrong})
        assert refused.failed and word in refused["msg"], refused
