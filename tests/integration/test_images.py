# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of libpod_container: pulled from every type of source and name; what counts as another image."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import UNMAKEABLE, WAITING, Process, files
from ansible_collections.libpod.engine.tests.support.registry import HTTP, REGISTRY, Registry

BASE: dict[str, Any] = {"command": WAITING, "network": "none"}


def _images(host: Host) -> dict[str, str]:
    """Return the names in the store and the IDs they resolve to, by containers-storage(1)."""
    listed = json.loads(host.store("images", "--json") or "[]") or []
    return {name: image["id"] for image in listed for name in image.get("names") or [""]}


def _skopeo(host: Host, source: str, target: str) -> None:
    host.run("skopeo", "--insecure-policy", "copy", "--quiet", source, target)
    # skopeo's own cache, which has no option for its location.
    shutil.rmtree("/var/lib/containers")


def _in_store(host: Host, name: str) -> str:
    return f"containers-storage:[overlay@{host.parts.storage_root}+{host.parts.storage_run_root}]{name}"


@pytest.fixture
def registry(host: Host) -> Iterator[Registry]:
    made = Registry(host, HTTP)
    yield made
    made.remove()


def _pulls(host: Host, source: str) -> str:
    """Return the image ID of a container of this source: predicted, pulled, run, and unchanged afterwards."""
    before = files("/srv", "/run", "/var/lib")
    predicted = host.container("c", image=source, check=True, **BASE)
    assert predicted.get("actions") == [f"pulled image {source}", "created c", "started c"], predicted
    assert files("/srv", "/run", "/var/lib") == before, "check mode pulls nothing"
    done = host.container("c", image=source, **BASE)
    assert done.get("actions") == predicted["actions"], done
    assert Process(done).read("root/www/index.html") == "It works.\n"
    assert host.container("c", image=source, **BASE)["actions"] == []
    second = host.container("d", image=source, **BASE)
    assert second["actions"] == ["created d", "started d"], "the store has it now"
    identity: str = done["container"]["Image"]
    assert _images(host)[done["container"]["ImageName"]] == identity
    return identity


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive", "dir"])
def test_image_is_pulled_from_a_path(host: Host, transport: str) -> None:
    shutil.copytree(host.layout, "/srv/layout")
    label = ("--config.label", "fresh=yes")
    host.run("umoci", "config", "--no-history", "--image", "/srv/layout:busybox", "--tag", "fresh", *label)
    source = "oci:/srv/layout:fresh"
    if transport != "oci":
        tag = {"oci-archive": ":fresh", "docker-archive": ":example.org/fresh:1", "dir": ""}[transport]
        _skopeo(host, source, f"{transport}:/srv/image{tag}")
        source = f"{transport}:/srv/image{'' if transport == 'docker-archive' else tag}"
    known = _images(host)
    identity = _pulls(host, source)
    (pulled,) = set(_images(host)) - set(known)
    assert _images(host)[pulled] == identity
    assert not os.path.exists("/var/lib/containers"), "nothing outside the roots is touched"
    host.empty()
    host.store("delete-image", pulled)
    host.run("rm", "-rf", "/srv/image", "/srv/layout")


def _clean_up(host: Host, names: set[str]) -> None:
    """Remove the containers, and these names of images that have other names too."""
    host.empty()
    for name in names:
        known = _images(host)
        kept = [one for one, identity in known.items() if identity == known[name] and one != name]
        host.store("set-names", *[word for one in kept for word in ("--name", one)], known[name])


@pytest.mark.parametrize("prefix", ["", "docker://"])
def test_image_is_pulled_from_a_registry(host: Host, registry: Registry, prefix: str) -> None:
    registry.push("configured", f"{REGISTRY}/team/app:1.0")
    source = f"{prefix}{REGISTRY}/team/app:1.0"
    done = host.container("c", image=source, network="none")
    assert done.get("actions") == [f"pulled image {source}", "created c", "started c"], done
    assert done["container"]["ImageName"] == f"{REGISTRY}/team/app:1.0"
    process = Process(done)
    assert (process.argv, process.folder, process.environ["COLOUR"]) == (["sleep", "1000"], "/home/web", "green")
    assert host.container("c", image=source, network="none")["actions"] == []
    os.kill(process.pid, 9)
    assert not os.path.exists("/var/lib/containers"), "nothing outside the roots is touched"
    assert done["container"]["Image"] == _images(host)["localhost/configured:latest"]
    _clean_up(host, {f"{REGISTRY}/team/app:1.0"})


def test_image_is_pulled_by_digest(host: Host, registry: Registry) -> None:
    registry.push("busybox", f"{REGISTRY}/team/app:1.0")
    inspected = json.loads(host.run("skopeo", "inspect", "--tls-verify=false", f"docker://{REGISTRY}/team/app:1.0"))
    source = f"{REGISTRY}/team/app@{inspected['Digest']}"
    known = _images(host)
    done = host.container("c", image=source, **BASE)
    assert done.get("actions") == [f"pulled image {source}", "created c", "started c"], done
    assert host.container("c", image=source, **BASE)["actions"] == []
    _clean_up(host, {name for name in _images(host) if name not in known})


@pytest.mark.usefixtures("registry")
def test_image_that_the_registry_lacks_is_refused(host: Host) -> None:
    for name in ("team/none:1", "team/app:none"):
        refused = host.container("c", image=f"{REGISTRY}/{name}", **BASE)
        assert refused.failed and refused["error"] == "NoSuchImage", refused
        assert f"{REGISTRY}/{name}" in refused["msg"] and "\n" not in refused["msg"]
    assert host.module("libpod_container_info")["containers"] == []


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ("localhost/none", "NoSuchImage"),
        ("127.0.0.1:9/none", "ToolFailed"),
        ("oci:/srv/nowhere:x", "NoSuchImage"),
        ("oci-archive:/srv/nowhere.tar", "NoSuchImage"),
        ("dir:relative", "InvalidArgument"),
        ("example.org/UPPER", "InvalidArgument"),
        ("f" * 64, "NoSuchImage"),
    ],
)
def test_missing_image_is_refused_and_changes_nothing(host: Host, image: str, error: str) -> None:
    # Check mode does not ask a registry whether it has the image.
    for check in (False,) if error == "ToolFailed" else (True, False):
        refused = host.container("c", check=check, image=image, **BASE, recreate_policy="never" if check else "auto")
        if check and image.startswith("localhost/"):
            # An earlier task of the play may create it.
            assert not refused.failed and image in str(refused["warnings"]), refused
            continue
        assert refused.failed and refused["error"] == error, refused
        assert image[:12] in refused["msg"] and "\n" not in refused["msg"]
    assert host.module("libpod_container_info")["containers"] == []
    host.expect_clean()


def test_missing_image_of_an_existing_container_can_be_ignored(host: Host) -> None:
    assert host.container("c", image="busybox", **BASE)["actions"] == ["created c", "started c"]
    wanted = {"image": "localhost/none", **BASE, "comparisons": {"image": "ignore"}}
    assert host.container("c", **wanted)["actions"] == []
    refused = host.container("c", **wanted, hostname="another")
    assert refused.failed and refused["error"] == "NoSuchImage"


def test_missing_oci_tag_is_refused(host: Host) -> None:
    refused = host.container("c", image=f"oci:{host.layout}:no-such-tag", **BASE)
    assert refused.failed and refused["error"] == "NoSuchImage", refused


def test_container_without_an_image_is_refused(host: Host) -> None:
    refused = host.container("c", **BASE)
    assert refused.failed and refused["error"] == "InvalidArgument"
    assert "image" in refused["msg"] and "c" in refused["msg"]


def test_every_name_of_an_image_is_the_same_image(host: Host) -> None:
    identity = _images(host)["localhost/busybox:latest"]
    made = host.container("c", image="busybox", state="present", **BASE)
    assert made["container"]["Image"] == identity
    assert made["container"]["ImageName"] == "localhost/busybox:latest"
    names = ("localhost/busybox", "localhost/busybox:latest", "busybox:latest")
    for name in (*names, identity, identity[:12], identity[:6]):
        assert host.container("c", image=name, state="present", **BASE)["actions"] == [], name
    by_id = host.container("d", image=identity, state="present", **BASE)
    assert by_id["container"]["ImageName"] == "localhost/busybox:latest"
    assert host.container("d", image=identity, state="present", **BASE)["actions"] == []
    assert host.container("d", image="busybox", state="present", **BASE)["actions"] == []


def test_moved_tag_is_another_image_only_where_strict(host: Host) -> None:
    _skopeo(host, f"oci:{host.layout}:busybox", _in_store(host, "localhost/moving:1"))
    options = {**BASE, "image": "localhost/moving:1", "stop_signal": "TERM"}
    first = host.container("c", **options)
    _skopeo(host, f"oci:{host.layout}:configured", _in_store(host, "localhost/moving:1"))
    assert _images(host)["localhost/moving:1"] != first["container"]["Image"]
    same = host.container("c", **options)
    assert (same["actions"], same["container"]["Image"]) == ([], first["container"]["Image"])
    # A container re-created for another reason gets the image the tag now resolves to, and the plan reports it.
    for check in (True, False):
        recreated = host.container("c", check=check, diff=True, **options, hostname="another")
        assert recreated["plan"]["recreated_because_of"] == ["hostname"]
        ignored = {one["option"]: one["after"] for one in recreated["plan"]["differences"] if one["ignored"]}
        assert ignored["image"] == f"localhost/moving:1 ({_images(host)['localhost/moving:1'][:12]})"
        assert "image: recreate, comes along" in recreated["diff"]["prepared"]
    assert recreated["container"]["Image"] == _images(host)["localhost/moving:1"]
    host.container("c", **options)
    _skopeo(host, f"oci:{host.layout}:busybox", _in_store(host, "localhost/moving:1"))
    strict = host.container("c", image_strict=True, diff=True, **options)
    assert strict["actions"] == ["recreated c"]
    assert "image" in strict["diff"]["after"]["recreated because of"]
    assert strict["container"]["Image"] == _images(host)["localhost/moving:1"]
    assert host.container("c", image_strict=True, **options)["actions"] == []
    assert host.container("c", **options)["actions"] == []
    _clean_up(host, {"localhost/moving:1"})


def test_running_container_outlives_its_tag(host: Host) -> None:
    _skopeo(host, f"oci:{host.layout}:bare", _in_store(host, "localhost/passing:1"))
    host.container("c", image="localhost/passing:1", **BASE)
    host.store("set-names", "--name", "localhost/bare:latest", _images(host)["localhost/bare:latest"])
    assert "localhost/passing:1" not in _images(host)
    assert host.container("c", image="localhost/passing:1", **BASE)["actions"] == []


def test_volume_declared_by_the_image_is_created(host: Host) -> None:
    made = host.container("c", image="volume", **BASE)
    assert Process(made).read("root/data/seed") == "from the image\n"


def test_pull_in_a_playbook_is_reported_once(host: Host) -> None:
    source = f"oci:{host.layout}:entrypoint"
    module = "libpod.engine.libpod_container"
    task = {"name": "c", "image": source, "state": "present", "network": "none"}
    played = host.play([{"name": "one", module: task}, {"name": "two", module: task}], diff=True)
    assert played["one"]["actions"] == [f"pulled image {source}", "created c"]
    assert played["two"]["actions"] == [] and played.changed == 1
    _clean_up(host, {name for name in _images(host) if "test-images" in name})


def test_failed_task_reports_what_remains(host: Host) -> None:
    host.store("delete-image", "localhost/busybox:latest")
    options = {**BASE, "image": f"oci:{host.layout}:busybox", **UNMAKEABLE}
    failed = host.container("c", **options)
    assert failed.failed and failed.changed and failed["actions"] == [f"pulled image {options['image']}"], failed
    again = host.container("c", **options)
    assert again.failed and not again.changed and again["actions"] == [], again
    listed = host.module("libpod_containers", {"containers": [{"name": "c", **options}]})
    assert listed.failed and not listed.changed, listed
