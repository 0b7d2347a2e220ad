# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls from a real registry behind a front that fails: one clear sentence, nothing half in the store, and retries."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, eventually, kill_all
from ansible_collections.libpod.engine.tests.support.registry import APP, FRONT, HTTP, Failing, Registry, front

BEHIND = APP.replace(APP.partition("/")[0], FRONT)
TASK: dict[str, Any] = {"name": "c", "image": BEHIND, "state": "present", "command": ["sh"], "network": "none"}
MANIFEST, LAYER = "/manifests/", "/blobs/{layer}"
SOON = {"retry": 1, "retry_delay": "100ms"}


@pytest.fixture(scope="module")
def shop() -> Iterator[Host]:
    """Yield a host with a registry that has an image with a layer of its own of 3 MiB, and the front to it."""
    with Host() as host:
        registry = Registry(host, HTTP)
        os.mkdir("/srv/new")
        host.run("cp", "-a", host.layout, "/srv/new/layout")
        host.run("umoci", "unpack", "--image", "/srv/new/layout:busybox", "/srv/new/bundle")
        with open("/srv/new/bundle/rootfs/new-data", "wb") as file:
            file.write(os.urandom(3 << 20))
        host.run("umoci", "repack", "--image", "/srv/new/layout:own", "/srv/new/bundle")
        registry.push("oci:/srv/new/layout:own")
        raw = json.loads(host.run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{APP}"))
        Failing.layer = raw["layers"][-1]["digest"]
        Failing.over.clear()
        with front(Failing):
            yield host
            Failing.over.set()
        registry.remove()


def _store(host: Host) -> tuple[str, str, list[str]]:
    """Return the images and layers of the store, and what lies in the folder of downloads."""
    folder = f"{host.parts.static_root}/images"
    left = os.listdir(folder) if os.path.isdir(folder) else []
    return host.store("images", "--json"), host.store("layers", "--json"), left


def _pull(host: Host, way: str, pattern: str, times: int, **options: Any) -> Any:
    Failing.fail(way, pattern.format(layer=Failing.layer), times)
    return host.module("libpod_container", {**TASK, **options})


def _forget(host: Host) -> None:
    assert not host.container("c", state="absent", rmi=True).failed


@pytest.mark.parametrize(
    ("way", "pattern", "words"),
    [
        ("broken", MANIFEST, "500 Internal Server Error"),
        ("broken", LAYER, "500 (Internal Server Error)"),
        ("half", MANIFEST, "the registry broke off its answer"),
        ("half", LAYER, "the registry broke off its answer"),
        ("garbage", MANIFEST, "exceeded maximum allowed size"),
        ("garbage", LAYER, "Digest did not match"),
        ("loop", MANIFEST, "stopped after 10 redirects"),
        ("loop", "/v2/$", "stopped after 10 redirects"),
        ("loop", LAYER, "stopped after 10 redirects"),
    ],
)
def test_failing_registry_is_one_sentence_and_leaves_nothing(shop: Host, way: str, pattern: str, words: str) -> None:
    before = _store(shop)
    failed = _pull(shop, way, pattern, 1 << 30)
    assert failed.failed and failed["error"] == "ToolFailed" and not failed["changed"], failed
    assert failed["msg"].startswith(f"pulling image {BEHIND}: skopeo ended with") and words in failed["msg"], failed
    assert failed["msg"].isprintable() and len(failed["msg"]) < 1000
    assert _store(shop) == before and not shop.module("libpod_container_info")["containers"]


@pytest.mark.parametrize("way", ["broken", "half", "garbage"])
@pytest.mark.parametrize("pattern", [MANIFEST, LAYER])
def test_failure_that_passes_is_retried_as_asked(shop: Host, way: str, pattern: str) -> None:
    done = _pull(shop, way, pattern, 1, **SOON)
    assert done["actions"] == [f"pulled image {BEHIND}", "created c"], done
    _forget(shop)


def test_retries_wait_as_documented_and_end(shop: Host) -> None:
    failed = _pull(shop, "broken", MANIFEST, 1 << 30, retry=2, retry_delay="300ms")
    assert failed.failed and len(Failing.seen) == 3
    waits = [after - before for before, after in zip(Failing.seen, Failing.seen[1:])]
    assert all(wait >= 0.3 for wait in waits), waits
    failed = _pull(shop, "broken", MANIFEST, 1 << 30, retry=2)
    waits = [after - before for before, after in zip(Failing.seen, Failing.seen[1:])]
    assert failed.failed and waits[0] >= 1.0 and waits[1] >= 2.0, waits


def test_registry_that_fails_is_asked_once_whether_it_has_a_newer_image(shop: Host) -> None:
    # Without the image, another try may still get it.
    done = _pull(shop, "broken", MANIFEST, 1, pull="newer", **SOON)
    assert done["actions"] == [f"pulled image {BEHIND}", "created c"], done
    kept = _pull(shop, "broken", MANIFEST, 1 << 30, name="d", pull="newer", retry=3)
    assert kept["actions"] == ["created d"] and len(Failing.seen) == 1, kept
    failed = _pull(shop, "broken", MANIFEST, 1 << 30, name="e", pull="always", **SOON)
    assert failed.failed and len(Failing.seen) == 2, failed
    assert shop.container("d", state="absent")["actions"] == ["deleted d"]
    _forget(shop)


def test_limit_of_requests_is_waited_for_as_the_registry_says(shop: Host) -> None:
    done = _pull(shop, "too_many", MANIFEST, 2)
    assert done["actions"] == [f"pulled image {BEHIND}", "created c"], done
    assert len(Failing.seen) == 2 and Failing.seen[1] - Failing.seen[0] >= 1.0, "Retry-After: 1"
    _forget(shop)


@pytest.mark.parametrize(("way", "pattern"), [("hang", "/v2/$"), ("hang", LAYER), ("stall", LAYER)])
def test_registry_that_hangs_meets_the_limit_of_time(shop: Host, way: str, pattern: str) -> None:
    before = _store(shop)
    # A limit that is enough for skopeo to ask for the layer: a busy machine takes long for that.
    for limit in (PATIENCE, 4 * PATIENCE, 16 * PATIENCE):
        failed = _pull(shop, way, pattern, 1 << 30, tool_timeouts={"skopeo": limit}, **SOON)
        if Failing.seen:
            break
    assert failed.failed and failed["error"] == "ToolTimedOut" and len(Failing.seen) == 1, failed
    assert (
        f"did not end within {limit:g} seconds and was killed (a longer limit: tool_timeouts: {{skopeo: SECONDS}})"
        in failed["msg"]
    )
    assert _store(shop) == before


def _kill_pull(host: Host) -> None:
    """Kill the task and its skopeo, in the order in which neither cleans up after the other."""
    # Other hosts beside this one have programs with the same arguments.
    ours = host.cgroups.processes()
    for skopeo in {*process.with_argument(f"{host.parts.static_root}/images/0", ("skopeo",))} & ours:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            task = int(Path(f"/proc/{skopeo}/stat").read_text("ascii").rpartition(")")[2].split()[1])
            kill_all([task, skopeo])


# Parts of the layer that were sent at the kill, and milliseconds from the last byte to it: the store is being written.
@pytest.mark.parametrize(
    ("part", "later"), [(0, 0), (0.001, 0), (0.3, 0), (0.999999, 0), *((1, later) for later in range(0, 120, 15))]
)
def test_pull_killed_at_any_byte_is_retried_clean(shop: Host, part: float, later: int) -> None:
    before = _store(shop)

    def kill() -> None:
        assert Failing.stalled.wait(60)
        time.sleep(later / 1000)
        _kill_pull(shop)

    Failing.fail("stall", LAYER.format(layer=Failing.layer))
    Failing.part = part
    with ThreadPoolExecutor() as pool:
        killing = pool.submit(kill)
        killed = shop.module("libpod_image", {"name": BEHIND})
        killing.result()
    assert part == 1 or killed.exit_code == -signal.SIGKILL, killed
    Failing.fail("broken", LAYER, 0)
    again = shop.module("libpod_image", {"name": BEHIND})
    assert not again.failed and not shop.module("libpod_image", {"name": BEHIND}).changed, again
    ran = shop.container("c", image=BEHIND, network="none", detach=False, command=["sha256sum", "/new-data"])
    assert ran["stdout"].split()[:1] == [sha256(Path("/srv/new/bundle/rootfs/new-data").read_bytes()).hexdigest()], ran
    _forget(shop)
    assert _store(shop) == before


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("libpod_image", {"name": BEHIND}),
        ("libpod_image", {"name": "busybox:none", "state": "absent"}),
        ("libpod_container", TASK),
        ("libpod_prune", {"image": True}),
    ],
)
def test_what_is_left_of_a_pull_that_was_killed_at_its_end_is_removed(
    shop: Host, module: str, options: dict[str, Any]
) -> None:
    before = _store(shop)
    Failing.fail("broken", LAYER, 0)
    assert shop.module("libpod_image", {"name": BEHIND}, kill_at="remove work folder #1").killed
    assert _store(shop)[2] == ["0"] and shop.module("libpod_image_info", {"name": BEHIND})["images"]
    shop.module(module, options, check=True)
    assert _store(shop)[2] == ["0"], "check mode changes nothing"
    assert not shop.module(module, options).failed and _store(shop)[2] == []
    assert not shop.container("c", state="absent").failed
    assert shop.module("libpod_image", {"name": BEHIND, "state": "absent"}).changed and _store(shop) == before


def test_download_of_a_killed_task_is_removed_by_the_next(shop: Host) -> None:
    before, folder = _store(shop), f"{shop.parts.static_root}/images/0"

    def kill() -> None:
        eventually(lambda: any(os.path.getsize(path) for path in glob.glob(f"{folder}/*/*")))
        _kill_pull(shop)

    with ThreadPoolExecutor() as pool:
        killing = pool.submit(kill)
        killed = _pull(shop, "stall", LAYER, 1 << 30)
        killing.result()
    assert killed.exit_code == -signal.SIGKILL and glob.glob(f"{folder}/*/*")
    done = _pull(shop, "broken", LAYER, 0)
    assert done["actions"] == [f"pulled image {BEHIND}", "created c"], done
    _forget(shop)
    assert _store(shop) == before


def test_question_to_a_hanging_registry_has_a_limit_of_its_own(shop: Host) -> None:
    failed = _pull(shop, "hang", MANIFEST, 1 << 30, pull="always", tool_timeouts={"registry": 1})
    assert failed.failed and failed["error"] == "ToolTimedOut" and "{registry: SECONDS}" in failed["msg"], failed


def test_answer_that_repeats_the_password_is_not_shown(shop: Host) -> None:
    failed = _pull(shop, "echo", MANIFEST, 1 << 30, creds="me:canary-word")
    assert failed.failed and "canary-word" not in str(failed) and "bWU6Y2FuYXJ5" not in str(failed), failed
