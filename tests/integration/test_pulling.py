# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When and how libpod_container pulls: policies, credentials, TLS, platforms, keys; and removal of images."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually
from ansible_collections.libpod.engine.tests.support.registry import (
    APP,
    FRONT,
    HTTP,
    REGISTRY,
    SECURE,
    MovingTag,
    Registry,
    front,
)

MOVING = f"{FRONT}/team/app:moving"
BASE: dict[str, Any] = {"command": WAITING, "network": "none", "stop_signal": "KILL"}


@pytest.fixture
def registry(host: Host, request: pytest.FixtureRequest) -> Iterator[Registry]:
    made = Registry(host, getattr(request, "param", HTTP))
    yield made
    made.remove()


def _ids(host: Host) -> dict[str, str]:
    listed = json.loads(host.store("images", "--json") or "[]") or []
    return {name: image["id"] for image in listed for name in image.get("names") or [""]}


def _forget(host: Host, *names: str) -> None:
    """Remove the containers and these image names; an image without another name is deleted."""
    host.empty()
    for name in names:
        known = _ids(host)
        kept = [one for one, identity in known.items() if identity == known[name] and one != name]
        if kept:
            host.store("set-names", *[word for one in kept for word in ("--name", one)], known[name])
        else:
            host.store("delete-image", known[name])


def test_pull_policies_decide_when_to_pull(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    never = host.container("c", image=APP, pull="never", **BASE)
    assert never.failed and never["error"] == "NoSuchImage" and "never" in never["msg"], never
    first = host.container("c", image=APP, pull="always", **BASE)
    assert first["actions"] == [f"pulled image {APP}", "created c", "started c"]
    registry.push("configured")
    # Without image_strict an existing container stays, and the registry is not queried.
    assert host.container("c", image=APP, pull="always", **BASE)["actions"] == []
    assert host.container("c", image=APP, image_strict=True, pull="missing", **BASE)["actions"] == []
    strict = {**BASE, "image": APP, "image_strict": True, "pull": "newer"}
    said = host.container("c", check=True, diff=True, **strict)
    assert said["actions"] == [f"pulled image {APP}", "recreated c"]
    assert _ids(host)[APP] == first["container"]["Image"], "check mode pulls nothing"
    done = host.container("c", **strict)
    assert done["actions"] == said["actions"]
    assert done["container"]["Image"] == _ids(host)["localhost/configured:latest"] == _ids(host)[APP]
    assert Process(done).argv == WAITING
    for policy in ("newer", "always"):
        assert host.container("c", **{**strict, "pull": policy})["actions"] == [], "the source has what the store has"
    registry.stop()
    assert host.container("c", **strict)["actions"] == [], "what cannot be asked has nothing newer"
    refused = host.container("c", **{**strict, "pull": "always"})
    assert refused.failed and refused["error"] == "ToolFailed", refused
    assert host.container("d", image=APP, pull="newer", **BASE)["actions"] == ["created d", "started d"]
    registry.start()
    _forget(host, APP)


@pytest.fixture
def moving(registry: Registry) -> Iterator[type[MovingTag]]:
    """Yield a tag that refers to the image ``busybox`` or ``configured``: tags ``1`` and ``2`` of the registry."""
    registry.push("busybox")
    registry.push("configured", f"{REGISTRY}/team/app:2")
    with front(MovingTag) as served:
        yield served


def _image(host: Host, tag: str) -> tuple[str, str]:
    """Return the ID and manifest digest of an image of the registry, by skopeo(1)."""
    name = f"docker://{REGISTRY}/team/app:{tag}"
    raw = host.run("skopeo", "inspect", "--raw", "--tls-verify=false", name)
    return json.loads(raw)["config"]["digest"].partition(":")[2], f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}"


def _had(result: Any) -> tuple[str, str]:
    return result["container"]["Image"], result["container"]["ImageDigest"]


@pytest.mark.parametrize("policy", ["missing", "always", "newer"])
def test_moving_tag_is_queried_once_and_the_container_has_that_image(
    host: Host, moving: type[MovingTag], policy: str
) -> None:
    task = {**BASE, "image": MOVING, "image_strict": True, "pull": policy}
    moving.lead("1", "2")
    made = host.container("c", **task)
    assert made["actions"] == [f"pulled image {MOVING}", "created c", "started c"], made
    assert moving.asked == 1 and _had(made) == _image(host, "1")
    moving.lead("1")
    assert host.container("c", **task)["actions"] == []
    assert moving.asked == (policy != "missing")
    moving.lead("2", "1")
    predicted = host.container("c", check=True, **task)
    moving.lead("2", "1")
    changed = host.container("c", **task)
    assert changed["actions"] == predicted["actions"] and changed["plan"] == predicted["plan"]
    if policy == "missing":
        assert not changed["changed"] and moving.asked == 0
    else:
        assert changed["actions"] == [f"pulled image {MOVING}", "recreated c"]
        assert moving.asked == 1 and _had(changed) == _image(host, "2")
        assert _image(host, "2")[0][:12] in str(changed["plan"]["differences"])
        moving.lead("2")
        assert host.container("c", **task)["actions"] == []
    _forget(host, MOVING)


def test_containers_of_one_task_query_a_tag_once(host: Host, moving: type[MovingTag]) -> None:
    names = ("a", "b", "c")
    task = {"defaults": {**BASE, "image": MOVING, "image_strict": True}, "workers": 2}
    policies = [{"name": name, "pull": "newer" if name == "b" else "always"} for name in names]
    for first, actions in (
        ("1", [f"pulled image {MOVING}", *(f"{verb} {name}" for name in names for verb in ("created", "started"))]),
        ("2", [f"pulled image {MOVING}", *(f"recreated {name}" for name in names)]),
    ):
        moving.lead(first, "2" if first == "1" else "1")
        predicted = host.module("libpod_containers", {"containers": policies, **task}, check=True)
        assert moving.asked == 1
        moving.lead(first, "2" if first == "1" else "1")
        done = host.module("libpod_containers", {"containers": policies, **task})
        assert done["actions"] == predicted["actions"] == actions, done
        assert moving.asked == 1
        assert [one["Image"] for one in done["containers"]] == [_image(host, first)[0]] * 3
        moving.lead(first)
        assert not host.module("libpod_containers", {"containers": policies, **task})["changed"]
    host.empty()
    _forget(host, MOVING)


def test_image_is_pulled_once_for_containers_that_write_its_name_otherwise(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    made = {
        "containers": [{"name": name, "image": image} for name, image in (("one", APP), ("two", f"docker://{APP}"))]
    }
    predicted = host.module("libpod_containers", {**made, "defaults": BASE}, check=True)
    done = host.module("libpod_containers", {**made, "defaults": BASE})
    pulled = [one for one in done["actions"] if one.startswith("pulled")]
    assert pulled == [f"pulled image {APP}"] and done["actions"] == predicted["actions"], (done, predicted)
    host.empty()
    _forget(host, APP)


@pytest.mark.parametrize("registry", [SECURE], indirect=True)
def test_credentials_and_certificates_are_required(host: Host, registry: Registry) -> None:
    registry.push("busybox", APP, "--dest-creds=me:secret-word")
    for name, word in (("good", "secret-word"), ("bad", "wrong-word")):
        auth = base64.b64encode(f"me:{word}".encode()).decode()
        with open(f"/srv/registry/{name}.json", "w", encoding="ascii") as file:
            json.dump({"auths": {REGISTRY: {"auth": auth}}}, file)
    good: dict[str, Any] = {"authfile": "/srv/registry/good.json", "tls_verify": False}
    for wrong, message in (
        ({"authfile": good["authfile"]}, "certificate"),
        ({"tls_verify": False}, "authentication required"),
        ({**good, "authfile": "/srv/registry/bad.json"}, "authentication required"),
        ({**good, "authfile": "/srv/registry/none.json"}, "authfile"),
        ({"creds": "me:wrong-word", "tls_verify": False}, "authentication required"),
        ({**good, "creds": "me:secret-word"}, "creds: cannot be combined with authfile"),
        ({"cert_dir": "/srv/no"}, "cert_dir"),
    ):
        refused = host.container("c", image=APP, **wrong, **BASE)
        assert refused.failed and message in refused["msg"], refused
        assert "word" not in refused["msg"]
    done = host.container("c", image=APP, **good, **BASE)
    assert done["actions"] == [f"pulled image {APP}", "created c", "started c"], done
    for options in (good, {"creds": "me:secret-word", "tls_verify": False}):
        assert host.container("c", image=APP, image_strict=True, pull="always", **options, **BASE)["actions"] == []
    _forget(host, APP)
    done = host.container("d", image=APP, creds="me:secret-word", tls_verify=False, **BASE)
    assert done["actions"] == [f"pulled image {APP}", "created d", "started d"] and "secret-word" not in str(done), done
    host.container("d", state="absent")
    _forget(host, APP)


def _digest(host: Host, tag: str) -> str:
    """Return the ID of an image of /srv/layout, by skopeo(1)."""
    digest = json.loads(host.run("skopeo", "inspect", "--raw", f"oci:/srv/layout:{tag}"))["config"]["digest"]
    return str(digest).partition(":")[2]


def test_platform_chooses_the_image(host: Host, registry: Registry) -> None:
    shutil.copytree(host.layout, "/srv/layout")
    for tag, *args in (("own", "--config.label", "fresh=yes"), ("other", "--architecture", "arm64")):
        host.run("umoci", "config", "--no-history", "--image", "/srv/layout:busybox", "--tag", tag, *args)
    here = json.loads(host.run("skopeo", "inspect", "--config", f"oci:{host.layout}:busybox"))["architecture"]
    for tag in ("own", "other"):
        registry.push(f"oci:/srv/layout:{tag}", f"{REGISTRY}/team/app:{tag}")
    registry.put_index({here: "own", "arm64": "other"})
    own = host.container("c", image=APP, **BASE)
    assert own["container"]["Image"] == _digest(host, "own")
    asked = {**BASE, "image": APP, "platform": "linux/aarch64"}
    said = host.container("c", check=True, **asked)
    other = host.container("c", **asked)
    assert other["actions"] == said["actions"] == [f"pulled image {APP}", "recreated c"]
    assert other["container"]["Image"] == _digest(host, "other")
    assert host.container("c", **asked)["actions"] == []
    assert host.container("c", **{**BASE, "image": APP, "arch": "arm64", "os": "linux"})["actions"] == []
    asked.update(image_strict=True, pull="always")
    assert host.container("c", **asked)["actions"] == []
    back = host.container("c", **{**asked, "platform": f"linux/{here}"})
    assert back["actions"] == [f"pulled image {APP}", "recreated c"] and back["container"]["Image"] == _digest(
        host, "own"
    )
    refused = host.container("c", **asked, arch="arm64")
    assert refused.failed and "platform" in refused["msg"]
    host.empty()
    for tag in ("own", "other"):
        host.store("delete-image", _digest(host, tag))
    shutil.rmtree("/srv/layout")


def test_encrypted_image_needs_its_key(host: Host) -> None:
    os.mkdir("/srv/keys")
    host.run(
        "openssl", "genrsa", "-traditional", "-aes256", "-passout", "pass:secret-word", "-out", "/srv/keys/key.pem"
    )
    args = ("-passin", "pass:secret-word", "-pubout", "-out", "/srv/keys/public.pem")
    host.run("openssl", "rsa", "-in", "/srv/keys/key.pem", *args)
    copy = ("skopeo", "--insecure-policy", "copy", "--quiet", "--encryption-key", "jwe:/srv/keys/public.pem")
    shutil.copytree(host.layout, "/srv/keys/plain")
    args = ("--no-history", "--image", "/srv/keys/plain:bare", "--tag", "fresh", "--config.label", "fresh=yes")
    host.run("umoci", "config", *args)
    host.run(*copy, "oci:/srv/keys/plain:fresh", "oci:/srv/keys/layout:locked")
    shutil.rmtree("/var/lib/containers", ignore_errors=True)
    source = "oci:/srv/keys/layout:locked"
    for key in ("", "/srv/keys/key.pem:wrong-word"):
        refused = host.container("c", image=source, state="present", decryption_key=key or None)
        assert refused.failed and refused["error"] == "ToolFailed" and "word" not in refused["msg"], refused
    opened: dict[str, Any] = {"decryption_key": "/srv/keys/key.pem:secret-word"}
    done = host.container("c", image=source, state="present", command=["sh"], **opened)
    assert done["actions"] == [f"pulled image {source}", "created c"], done
    _forget(host, done["container"]["ImageName"])
    shutil.rmtree("/srv/keys")


def test_failed_pull_is_retried(host: Host, registry: Registry) -> None:
    registry.push("busybox")
    registry.stop()
    starter = subprocess.Popen(
        ["sh", "-c", "sleep 1; exec docker-registry serve /srv/registry/config.yml"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    registry.server = starter
    done = host.container("c", image=APP, state="present", retry=200, retry_delay="300ms", **BASE)
    assert done["actions"] == [f"pulled image {APP}", "created c"], done
    _forget(host, APP)


def test_image_is_removed_with_its_last_container(host: Host) -> None:
    source = f"oci:{host.layout}:bare"
    host.container("keeper", image=source, state="present", **BASE)
    made = host.container("c", image=source, rmi=True, **BASE)
    name = made["container"]["ImageName"]
    assert host.container("c", state="absent")["actions"] == ["deleted c"], "another container uses the image"
    said = host.container("keeper", state="absent", rmi=True, check=True)
    done = host.container("keeper", state="absent", rmi=True)
    assert done["actions"] == said["actions"] == ["deleted keeper", f"removed image {name}"]
    assert name not in _ids(host) and "localhost/bare:latest" in _ids(host), "its other name stays"
    refused = host.container("c", image="busybox", rmi=True, rm=False, **BASE)
    assert refused.failed and "rmi" in refused["msg"]
    ended = host.container("c", image=source, rmi=True, command=["true"], network="none", detach=False)
    assert not ended.failed, ended
    eventually(lambda: name not in _ids(host))
