# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_image and libpod_image_info: images pulled by policy, named, removed and inspected."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, REGISTRY, Registry

BUSYBOX, CONFIGURED = "localhost/busybox:latest", "localhost/configured:latest"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """One host for all tests, each of which leaves the store as it was."""
    with Host() as made:
        yield made


@pytest.fixture(scope="module")
def registry(host: Host) -> Iterator[Registry]:
    made = Registry(host, HTTP)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def source(host: Host) -> str:
    """Return an image that the store does not have."""
    shutil.copytree(host.layout, "/srv/layout")
    args = ("--no-history", "--image", "/srv/layout:bare", "--tag", "own", "--config.label", "fresh=yes")
    host.run("umoci", "config", *args)
    return "oci:/srv/layout:own"


@pytest.fixture(autouse=True)
def _same_images(host: Host) -> Iterator[None]:
    before = _names(host)
    yield
    host.empty()
    assert _names(host) == before


def _names(host: Host) -> dict[str, str]:
    """Return the names in the store and the IDs they stand for, by containers-storage(1)."""
    listed = json.loads(host.store("images", "--json") or "[]") or []
    return {name: image["id"] for image in listed for name in image.get("names") or [image["id"]]}


def _image(host: Host, check: bool = False, **options: Any) -> Result:
    return host.module("libpod_image", options, check=check)


def _does(host: Host, **options: Any) -> Result:
    """Run a task, which check mode predicts and which a second run finds done."""
    said = _image(host, check=True, **options)
    before = _names(host)
    done = _image(host, **options)
    assert not done.failed and done["actions"] == said["actions"], (said, done)
    assert done["diff"]["before"] == said["diff"]["before"]
    assert done.changed == bool(done["actions"])
    again = _image(host, **options)
    assert again["actions"] == [] and not again.changed, again
    assert again["diff"]["before"] == again["diff"]["after"]
    assert done.changed or _names(host) == before
    return done


def test_image_is_pulled_once_named_and_removed(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    done = _does(host, name=APP.rpartition(":")[0], tag="1", tags=["a", "quay.io/b:2"])
    assert done["actions"] == [f"pulled image {APP}", "tagged image localhost/a:latest", "tagged image quay.io/b:2"]
    (image,) = done["image"]
    assert image["Id"] == _names(host)[BUSYBOX] and {APP, "localhost/a:latest"} <= set(image["RepoTags"])
    assert _does(host, name=APP, untag=["a"])["actions"] == ["untagged image localhost/a:latest"]
    assert _does(host, name=APP, state="absent")["actions"] == [f"untagged image {APP}"]
    assert _does(host, name="quay.io/b:2", state="absent")["actions"] == ["untagged image quay.io/b:2"]


def test_result_tells_what_a_pull_has_copied(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    with open("/srv/data", "wb") as file:
        file.write(os.urandom(1 << 20))
    shutil.copytree(host.layout, "/srv/larger")
    host.run("umoci", "insert", "--image", "/srv/larger:bare", "--tag", "larger", "/srv/data", "/data/new")
    larger = f"{REGISTRY}/team/larger:1"
    registry.push("oci:/srv/larger:larger", larger)
    (known,) = _image(host, name=APP)["pulled"]
    assert (known["image"], known["layers"], known["bytes"]) == (APP, 0, 0), known
    raw = json.loads(host.run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{larger}"))
    listed = [{"name": name, "image": larger, "state": "present", "network": "none"} for name in ("a", "b")]
    done = host.module("libpod_containers", {"containers": listed})
    (new,) = done["pulled"]
    assert (new["image"], new["layers"], new["bytes"]) == (larger, 1, raw["layers"][-1]["size"]), new
    assert 0 < new["seconds"] < 1000 and "pulled" not in _image(host, name=larger)
    host.empty()
    for name in (larger, APP):
        assert _image(host, name=name, state="absent").changed
    shutil.rmtree("/srv/larger")
    os.unlink("/srv/data")


def test_the_name_by_which_a_task_names_an_image_is_not_taken_from_it(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    for check in (True, False):
        done = _image(host, check=check, name=APP, untag=["a", APP])
        assert done.failed and done["msg"].startswith(f"untag: '{APP}' is the image's name"), done
    assert APP not in _names(host)
    identity = _does(host, name=APP, tags=["own"])["image"][0]["Id"]
    assert _does(host, name=identity, untag=[APP])["actions"] == [f"untagged image {APP}"]
    assert _does(host, name="own", state="absent")["actions"] == ["untagged image localhost/own:latest"]


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        ({"auth_file": "/none"}, "auth_file: '/none' cannot be used"),
        ({"authfile": "/none"}, "authfile: '/none' cannot be used"),
        ({"ca_cert_dir": "/none"}, "ca_cert_dir: '/none' cannot be used"),
        ({"cert_dir": "/none"}, "cert_dir: '/none' cannot be used"),
        (
            {"auth_file": "/none", "username": "user-1", "password": "pass-77"},
            "username: cannot be combined with auth_file",
        ),
        (
            {"authfile": "/none", "username": "user-1", "password": "pass-77"},
            "username: cannot be combined with authfile",
        ),
        ({"retry_delay": "x"}, "retry_delay: 'x' cannot be used"),
    ],
)
def test_a_message_names_the_option_as_the_task_does(host: Host, options: dict[str, Any], begin: str) -> None:
    done = _image(host, name=APP, **options)
    assert done.failed and done["msg"].startswith(begin), done


def test_policies_decide_when_the_source_is_asked(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    never = _image(host, name=APP, pull="never")
    assert never.failed and never["error"] == "NoSuchImage", never
    assert _does(host, name=APP, pull=True)["actions"] == [f"pulled image {APP}"]
    registry.push("configured")
    for options in ({"pull": "missing"}, {"pull": False}, {"pull": "never", "force": True}):
        assert _does(host, name=APP, **options)["actions"] == []
    done = _does(host, name=APP, pull="newer")
    assert done["image"][0]["Id"] == _names(host)[CONFIGURED] != done["diff"]["before"]["id"]
    registry.push("busybox")
    assert _does(host, name=APP, force=True)["actions"] == [f"pulled image {APP}"]
    registry.stop()
    assert _does(host, name=APP, pull="newer", retry=0)["actions"] == []
    refused = _image(host, name=APP, pull="always", retry=0)
    assert refused.failed and refused["error"] == "ToolFailed" and not refused.changed, refused
    registry.start()
    _does(host, name=APP, state="absent")


def test_removal_is_refused_while_containers_use_the_image(host: Host, source: str) -> None:
    name = _does(host, name=source)["image"][0]["RepoTags"][0]
    for one in "abcd":
        done = host.container(one, image=name, command=WAITING, network="none", stop_signal="KILL")
        assert not done.failed, done
    for check in (True, False):
        refused = _image(host, check, name=name, state="absent")
        assert refused.failed and refused["error"] == "ImageInUse" and "a, b, c and 1 more" in refused["msg"], refused
    identity = _names(host)[name]
    _does(host, name=identity, tags=["other"])
    assert _does(host, name="other", state="absent")["actions"] == ["untagged image localhost/other:latest"]
    done = _does(host, name=name, state="absent", force=True)
    assert done["actions"] == [*(f"deleted {one}" for one in "abcd"), f"removed image {name}"]


def test_container_of_another_engine_keeps_the_image(host: Host) -> None:
    host.store("create-container", "--name", "theirs", CONFIGURED)
    for force in (True, False):
        refused = _image(host, name="configured", state="absent", force=force)
        assert refused["error"] == "ImageInUse" and "theirs" in refused["msg"], refused
    host.store("delete-container", "theirs")


def test_image_with_several_names_is_removed_by_its_id_only_with_force(host: Host, source: str) -> None:
    identity = _does(host, name=source, tags=["x", "y"])["image"][0]["Id"]
    refused = _image(host, name=identity[:12], state="absent")
    assert refused["error"] == "InvalidArgument" and "localhost/x:latest" in refused["msg"], refused
    assert _does(host, name=identity, state="absent", force=True)["actions"] == [f"removed image {identity[:12]}"]
