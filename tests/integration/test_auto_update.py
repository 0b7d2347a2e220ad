# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod auto-update``: a tag that moves in a real registry, and the way back from an image that does not run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support import inside
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod, rows
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, eventually, in_background
from ansible_collections.libpod.engine.tests.support.registry import APP, HTTP, REGISTRY, Registry

LABEL = "io.containers.autoupdate"
# Without a command: the images "entrypoint" and "configured" have one that waits, and that of "busybox" ends.
BASE: dict[str, Any] = {"network": "none", "stop_signal": "KILL"}


def own_names(host: Host) -> None:
    """Leave the store's images, which have the registry's IDs, the names that they had."""
    for name in ("busybox", "entrypoint", "configured"):
        host.store("set-names", "--name", f"localhost/{name}:latest", f"localhost/{name}:latest")


@pytest.fixture
def registry(host: Host) -> Iterator[Registry]:
    made = Registry(host, HTTP)
    yield made
    host.empty()
    own_names(host)
    made.remove()


def run(host: Host, name: str, image: str, policy: str, **options: Any) -> dict[str, Any]:
    made = host.container(name, **{**BASE, "image": image, "label": {LABEL: policy}, **options})
    assert not made.failed, made
    return dict(made["container"])


def state(host: Host, name: str) -> tuple[str, str, str]:
    """Return a container's ID, its image's, and its status."""
    (one,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    return one["Id"], one["Image"], one["State"]["Status"]


def follows(host: Host, name: str, earlier: tuple[str, str, str]) -> bool:
    """Return whether a container of another image runs in place of an earlier one, of which nothing is left."""
    found = host.module("libpod_container_info", {"name": [name]})["containers"]
    new = [one for one in found if one["Image"] != earlier[1] and one["State"]["Status"] == "running"]
    return bool(new) and not os.path.exists(f"{host.parts.static_root}/containers/{earlier[0]}")


def update(host: Host, *flags: str, code: int = 0) -> dict[str, str]:
    """Return what became of each container that has the label."""
    done = libpod(host, "auto-update", "--settle", "1", "--format", "json", *flags, code=code)
    return {one["ContainerName"]: one["Updated"] for one in json.loads(done.stdout)}


def test_container_follows_its_tag_in_the_registry(host: Host, registry: Registry) -> None:
    registry.push("entrypoint")
    run(host, "c", APP, "registry", env={"A": "kept"})
    run(host, "plain", APP, "disabled")
    before, plain = state(host, "c"), state(host, "plain")
    assert update(host) == {"c": "false"} and state(host, "c") == before
    registry.push("configured")
    assert update(host, "--dry-run") == {"c": "pending"} and state(host, "c") == before
    listed = rows(libpod(host, "auto-update", "--settle", "1").stdout)
    assert listed[0] == ["UNIT", "CONTAINER", "IMAGE", "POLICY", "UPDATED"]
    assert listed[1][-3:] == [APP, "registry", "true"], listed
    after = state(host, "c")
    assert after[0] != before[0] and after[1] != before[1] and after[2] == "running"
    (one,) = host.module("libpod_container_info", {"name": ["c"], "env_values": True})["containers"]
    assert {"A=kept", "COLOUR=green"} <= set(one["Config"]["Env"])
    assert update(host) == {"c": "false"} and state(host, "plain") == plain
    registry.stop()
    assert update(host, code=125) == {"c": "failed"} and state(host, "c") == after
    registry.start()


def test_container_that_fails_goes_back_to_its_image(host: Host, registry: Registry) -> None:
    """One whose command ends at once, and one that never gets healthy."""
    registry.push("entrypoint")
    check = {"healthcheck": 'test "$COLOUR" != green', "healthcheck_interval": "1s", "healthcheck_retries": 1}
    run(host, "c", APP, "registry")
    run(host, "h", APP, "registry", **check, wait="healthy")
    before = {name: state(host, name) for name in ("c", "h")}
    registry.push("busybox")
    assert update(host, code=125) == {"c": "rolled back", "h": "rolled back"}
    assert {name: state(host, name)[1:] for name in "ch"} == {name: one[1:] for name, one in before.items()}
    # The store's name leads to the earlier image again, so that a task finds nothing to do.
    assert not host.container("c", image=APP, **BASE, label={LABEL: "registry"}, image_strict=True).changed
    host.container("c", state="absent")
    registry.push("configured")
    assert update(host, code=125) == {"h": "rolled back"} and state(host, "h")[1:] == before["h"][1:]
    host.container("h", state="absent")
    run(host, "c", APP, "registry")
    registry.push("busybox")
    assert update(host, "--rollback=false", code=125) == {"c": "failed"}
    assert state(host, "c")[1] != before["c"][1] and state(host, "c")[2] == "exited"


def test_update_that_was_killed_is_finished_by_the_next(host: Host, registry: Registry) -> None:
    """It is killed while it waits whether the new container goes on, which then ends, and is renamed."""
    registry.push("entrypoint")
    run(host, "c", APP, "registry")
    earlier = state(host, "c")
    registry.push("configured")
    argv = [*self_program.argv(host.parts), "auto-update", "--settle", "600"]
    environment = {**os.environ, **host.parts.environment()}
    with in_background(argv, env=environment, stdout=subprocess.DEVNULL):
        eventually(lambda: follows(host, "c", earlier))
    host.container("c", state="stopped")
    assert update(host, "--dry-run") == {"c": "pending"}
    libpod(host, "rename", "c", "d")
    assert update(host) == {"d": "true"}
    assert state(host, "d")[1] != earlier[1] and state(host, "d")[2] == "running"
    assert update(host) == {"d": "false"} and not os.listdir(f"{host.parts.static_root}/auto-update")


def test_container_that_is_renamed_during_its_update_gets_no_copy(host: Host) -> None:
    """It is renamed while auto-update waits whether the new one goes on, which then ends: no other takes its name."""
    for name in ("a", "c"):
        host.store("add-names", "--name", f"localhost/{name}:1", "localhost/entrypoint:latest")
        run(host, name, f"localhost/{name}:1", "local")
    earlier = {name: state(host, name) for name in ("a", "c")}
    for name in ("a", "c"):
        host.store("add-names", "--name", f"localhost/{name}:1", "localhost/configured:latest")
    argv = [*self_program.argv(host.parts), "auto-update", "--settle", "600", "--format", "json"]
    environment = {**os.environ, **host.parts.environment()}
    with in_background(argv, env=environment, stdout=subprocess.PIPE, text=True) as begun:
        eventually(lambda: follows(host, "a", earlier["a"]))
        libpod(host, "rename", "a", "moved")
        libpod(host, "rename", "c", "later")
        libpod(host, "stop", "moved")
        said = {one["ContainerName"]: one["Updated"] for one in json.loads(begun.communicate(timeout=60 * PATIENCE)[0])}
    assert (said, begun.returncode) == ({"a": "failed", "c": "failed"}, 125)
    assert sorted(one["Name"] for one in host.module("libpod_container_info")["containers"]) == ["later", "moved"]
    assert state(host, "later") == earlier["c"]
    # The one whose update had begun is tried again under its new name.
    assert update(host) == {"later": "true", "moved": "true"}
    host.empty()
    own_names(host)


def _taken(server: socket.socket) -> int:
    """Return how many connections there were since the last call."""
    server.setblocking(False)
    for count in range(50):
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
    return 50


def test_registry_that_does_not_answer_ends_at_its_limit(host: Host, registry: Registry) -> None:
    registry.push("entrypoint")
    run(host, "c", APP, "registry")
    before = state(host, "c")
    registry.stop()
    address, port = REGISTRY.split(":")
    # Connections are taken by the kernel, and answered by none.
    with socket.create_server((address, int(port)), backlog=50) as server:
        host.parts = host.parts._replace(tool_timeouts="registry=1,skopeo=1")
        try:
            assert update(host, code=125) == {"c": "failed"} and state(host, "c") == before
            once = _taken(server)
            run(host, "d", APP, "registry")
            # An image of several containers is asked for once.
            assert update(host, "--dry-run", code=125) == {"c": "failed", "d": "failed"}
            assert once and _taken(server) == once
        finally:
            host.parts = host.parts._replace(tool_timeouts="")
    registry.start()


def test_earlier_image_that_is_gone_is_named(host: Host, registry: Registry) -> None:
    registry.push("entrypoint")
    run(host, "c", APP, "registry")
    earlier = state(host, "c")
    registry.push("configured")
    argv = [*self_program.argv(host.parts), "auto-update", "--settle", "600"]
    environment = {**os.environ, **host.parts.environment()}
    with in_background(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as begun:
        eventually(lambda: follows(host, "c", earlier))
        libpod(host, "rmi", earlier[1])
        libpod(host, "kill", "c")
        _out, errors = begun.communicate()
    assert f"image {earlier[1][:12]} is no longer in the store" in errors and begun.returncode == 125, errors
    assert update(host) == {"c": "true"} and state(host, "c")[2] == "running"
    host.empty()
    host.run("skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{host.layout}:entrypoint", target(host))


def target(host: Host) -> str:
    """Return the store's name of the image that the others have, for skopeo."""
    return str(Images(host.parts)._target("localhost/entrypoint:latest"))


def test_container_follows_its_name_in_the_store(host: Host) -> None:
    host.store("add-names", "--name", "localhost/app:1", "localhost/entrypoint:latest")
    run(host, "c", "localhost/app:1", "local")
    run(host, "r", "localhost/app:1", "registry")
    run(host, "x", "localhost/app:1", "sometimes")
    assert update(host, code=125) == {"c": "false", "r": "failed", "x": "failed"}
    host.store("add-names", "--name", "localhost/app:1", "localhost/configured:latest")
    assert update(host, code=125) == {"c": "true", "r": "failed", "x": "failed"}
    (configured,) = json.loads(libpod(host, "inspect", "--type", "image", "localhost/configured").stdout)
    assert state(host, "c")[1:] == (configured["Id"], "running")
    host.empty()
    own_names(host)


def test_file_system_that_refuses_one_update_stops_none_of_the_others(host: Host) -> None:
    """The record of the first one cannot be written."""
    host.store("add-names", "--name", "localhost/app:1", "localhost/entrypoint:latest")
    for name in ("a", "b"):
        run(host, name, "localhost/app:1", "local")
    host.store("add-names", "--name", "localhost/app:1", "localhost/configured:latest")
    record = f"{host.parts.static_root}/auto-update/a.json"
    os.makedirs(f"{record}/in-the-way")
    assert update(host, code=125) == {"a": "failed", "b": "true"}
    os.rmdir(f"{record}/in-the-way")
    os.rmdir(record)
    assert update(host) == {"a": "true", "b": "false"}
    host.empty()
    own_names(host)


def test_role_installs_a_timer_and_removes_it(host: Host) -> None:
    made = host.container("c", image=host.debian(), network="none", wait="booted", wait_timeout="300")
    assert not made.failed, made

    def role(tasks: str) -> dict[str, Any]:
        # A command that ends well: the engine is not in there.
        settings = {"libpod_host_command": "/bin/true"}
        included = {"name": "libpod.engine.libpod_host", "tasks_from": tasks}
        return {"ansible.builtin.include_role": included, "vars": settings}

    timer, service = "libpod-auto-update.timer", "libpod-auto-update.service"
    asked = f"systemctl is-enabled {timer}; systemctl is-active {timer}; systemctl start {service}"
    asked += f"; systemctl show -P Result {service}; systemd-analyze verify {service} {timer}"
    facts = {"ansible.builtin.setup": {"gather_subset": ["!all", "!min", "service_mgr"]}}
    tasks: list[dict[str, Any]] = [facts, role("auto-update"), {"name": "there", "ansible.builtin.shell": asked}]
    tasks += [role("auto-update-absent")]
    tasks += [{"name": "left", "ansible.builtin.command": "find /etc/systemd/system -name *libpod*"}]
    played = inside.play(host, tasks, settings=inside.PIPELINED)
    assert played["there"]["stdout_lines"] == ["enabled", "active", "success"], played["there"]
    assert played["left"]["stdout"] == ""
    host.empty()
