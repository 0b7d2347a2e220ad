# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers that cannot be: refused in check mode as in the run, before podman has the container no more."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman import bolt
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman.bolt import Bucket
from ansible_collections.libpod.engine.plugins.module_utils._store.store import Store
from ansible_collections.libpod.engine.tests.support.adoption import begun, handed, side_by_side
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.podman import Podman

SLEEP = ("sleep", "1000")

pytestmark = pytest.mark.usefixtures("cleared")


@pytest.fixture(scope="module", name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with side_by_side(request.session) as both:
        yield both


def started(podman: Podman, *args: str) -> dict[str, Any]:
    return begun(podman, "--network", "none", *args, command=SLEEP)


def refused(host: Host, state: str, error: str, named: str) -> None:
    """Expect that both check mode and the run refuse the state, and by the same sentence."""
    predicted = host.container("web", check=True, state=state)
    done = host.container("web", state=state)
    assert done["error"] == error and named in done["msg"] and done["actions"] == [], done
    assert predicted["msg"] == done["msg"]


def database(host: Host) -> str:
    return f"{host.parts.storage_root}/libpod/bolt_state.db"


@pytest.mark.parametrize("arguments", (["--ipc", "host"], ["--ipc", "none"], ["--log-driver", "none"]))
def test_what_podman_did_not_make_is_neither_linked_nor_removed(
    both: tuple[Host, Podman], arguments: list[str]
) -> None:
    """The host's own /dev/shm stays mounted where the container has that."""
    host, podman = both
    started(podman, *arguments)
    handed(host, "adopted")
    assert not host.container("web", state="started", drift="full").changed
    handed(host, "given_back")
    assert podman.run("exec", "web", "echo", "theirs") == "theirs\n"
    handed(host, "adopted")
    assert not host.container("web", state="absent").failed
    assert os.path.ismount("/dev/shm")


def test_container_of_the_engine_is_in_the_way_of_podmans(both: tuple[Host, Podman]) -> None:
    host, podman = both
    started(podman)
    assert host.container("web", image="busybox", command=list(SLEEP), network="none").changed
    refused(host, "adopted", "ContainerExists", "the engine has another one of that name")
    assert "another one of that name" in libpod(host, "adopt", "--all", code=125).stderr
    refused(host, "given_back", "InvalidState", "was not adopted")
    podman.run("rm", "--force", "--time", "0", "web")
    assert not host.container("web", state="adopted").changed


def test_what_is_in_the_way_at_podman_is_found_in_check_mode(both: tuple[Host, Podman]) -> None:
    host, podman = both
    started(podman, "-v", "data:/data")
    handed(host, "adopted")
    podman.run("volume", "create", "data")
    refused(host, "given_back", "InvalidState", "another volume data")
    podman.run("volume", "rm", "data")
    podman.run("pod", "create", "--infra=false", "web")
    refused(host, "given_back", "ContainerExists", "another container or pod of that name")
    podman.run("pod", "rm", "web")
    os.rename(database(host), "/srv/aside")
    refused(host, "given_back", "InvalidState", f"no database in {host.parts.storage_root}")
    assert not host.container("web", state="started", drift="full").changed
    os.rename("/srv/aside", database(host))
    handed(host, "given_back")


def named(name: bytes) -> Callable[[Bucket, bytes], None]:
    def change(root: Bucket, key: bytes) -> None:
        root.bucket(b"name-registry").pop(root.bucket(b"all-ctrs").value(key))
        for registry in (b"id-registry", b"all-ctrs"):
            root.bucket(registry)[key] = name
        root.bucket(b"name-registry")[name] = key

    return change


def identified(root: Bucket, key: bytes) -> None:
    for registry in (b"id-registry", b"all-ctrs", b"ctr"):
        root.bucket(registry)[b".."] = root.bucket(registry).pop(key)


HOSTILE: dict[str, tuple[Callable[[Bucket, bytes], None], str]] = {
    "name": (named(b"../../x"), "'../../x'"),
    "control characters": (named(b"\x1b[31m\n"), r"'\\x1b[31m\\n'"),
    "ID": (identified, "'..'"),
}


@pytest.mark.parametrize("part", HOSTILE)
def test_name_that_cannot_be_used_is_refused_while_podman_has_it(both: tuple[Host, Podman], part: str) -> None:
    host, podman = both
    key = started(podman)["Id"].encode()
    change, expected = HOSTILE[part]
    before = open_copy(database(host))
    with bolt.opened(database(host)) as there:
        change(there.root, key)
        there.commit()
    told = libpod(host, "adopt", "--all", code=125).stderr
    assert expected.replace("\\\\", "\\") in told and told.count("\n") == 1, told
    assert Store(host.parts).name_record("web") == {} and os.listdir(f"{host.parts.static_root}/containers") == []
    with open(database(host), "wb") as file:
        file.write(before)
    handed(host, "adopted")


def open_copy(path: str) -> bytes:
    """Return the content of a file."""
    with open(path, "rb") as file:
        return file.read()


def test_file_that_is_missing_is_named(both: tuple[Host, Podman]) -> None:
    host, podman = both
    path = started(podman)["HostsPath"]
    os.rename(path, f"{path}.aside")
    refused(host, "adopted", "InvalidState", f"its file {path!r} is missing: restart it by podman")
    os.rename(f"{path}.aside", path)
    handed(host, "adopted")


def test_name_is_free_where_podmans_database_goes_before_the_container_is_taken(both: tuple[Host, Podman]) -> None:
    """A kill leaves the name's record alone, and no engine has the container any more."""
    host, podman = both
    container_id = started(podman)["Id"]
    Store(host.parts).write_name("web", {"handover": container_id})
    os.rename(database(host), "/srv/aside")
    assert not host.container("web", state="absent").failed
    assert Store(host.parts).name_record("web") == {}
    os.rename("/srv/aside", database(host))
    handed(host, "adopted")


def test_check_mode_predicts_what_follows_a_killed_handover(both: tuple[Host, Podman]) -> None:
    host, podman = both
    started(podman)
    for state, steps in (("adopted", []), ("given_back", ["gave web back to podman"])):
        host.module("libpod_container", {"name": "web", "state": "adopted"}, kill_at="link exits #1")
        assert Store(host.parts).name_record("web").keys() == {"handover"}
        predicted, done = host.container("web", check=True, state=state), host.container("web", state=state)
        assert predicted["actions"] == done["actions"] == steps, (predicted, done)
        assert predicted["plan"]["status"] == done["plan"]["status"]
        host.container("web", state="given_back")


def test_container_that_podman_has_ended_is_an_exited_one(both: tuple[Host, Podman]) -> None:
    host, podman = both
    started(podman)
    podman.run("stop", "--time", "0", "web")
    found = handed(host, "adopted")["container"]["State"]
    assert (found["Status"], found["ExitCode"]) == ("exited", 137)
