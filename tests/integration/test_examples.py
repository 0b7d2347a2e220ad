# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under docs/examples: each runs, changes nothing when run again, and is removed with nothing left.

An example is a folder with ``site.yml`` and ``remove.yml``, for ``hosts: all``; its images are variables whose
names are in IMAGES. The demo has a runner of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import urllib.request
from http.client import HTTPException

import pytest
from ansible_collections.libpod.engine.tests.support import images, kept_engine, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import eventually

EXAMPLES = f"{images.PROJECT}/docs/examples"
NAMES = sorted(
    name for name in os.listdir(EXAMPLES) if os.path.exists(f"{EXAMPLES}/{name}/remove.yml") and name != "demo"
)
# Those with a test of their own, in which they run in this way too.
FURTHER = ("live", "names", "rolling")
# Variable of an example: the test store's image used for it.
IMAGES = {"image": "localhost/busybox:latest"}


@pytest.fixture(autouse=True)
def _engine(host: Host, request: pytest.FixtureRequest) -> None:
    """Have the engine on the host, but for one example, whose tasks are sent it: in check mode each of them."""
    if not request.node.name.endswith(f"[{NAMES[0]}]"):
        kept_engine.install(host.parts.static_root)


def play(host: Host, book: str, *more: str, **variables_of_play: str) -> int:
    """Run a playbook with ``more`` arguments and the roots in the environment; return the number of changed tasks."""
    return sum(changes(host, book, *more, **variables_of_play))


def changes(host: Host, *arguments: str, **variables_of_play: str) -> list[int]:
    """Run playbooks in turn as ``play`` does; return each one's number of changed tasks.

    One ansible-playbook runs them, as its start takes longer than most of their tasks.
    """
    with tempfile.TemporaryDirectory(prefix="libpod-play-") as folder:
        argv = [
            playbooks.program(),
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            json.dumps({**IMAGES, **variables_of_play}),
            *arguments,
        ]
        variables = {**playbooks.environment(folder), **host.parts.environment()}
        done = subprocess.run(argv, check=False, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"totals"'))
    # Ansible counts on from one playbook to the next.
    totals = [0, *(int(line["totals"]["changed"]) for line in lines)]
    return [after - before for before, after in zip(totals, totals[1:])]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FURTHER])
def test_example_runs_is_idempotent_and_is_removed(host: Host, name: str) -> None:
    site, remove = (f"{EXAMPLES}/{name}/{book}.yml" for book in ("site", "remove"))
    assert play(host, site, "--check") > 0
    made, made_again, removed, removed_again = changes(host, site, site, remove, remove)
    assert made > 0 and removed > 0 and (made_again, removed_again) == (0, 0)
    host.expect_clean()


def _make(host: Host, site: str) -> int:
    """Run an example, in check mode first, and again; return the number of changes."""
    assert play(host, site, "--check") > 0
    made, again = changes(host, site, site)
    assert made > 0 and again == 0
    return made


def _remove(host: Host, site: str) -> None:
    """Remove an example, twice, with nothing left."""
    removed, again = changes(host, *[site.replace("site.yml", "remove.yml")] * 2)
    assert removed > 0 and again == 0
    host.expect_clean()


def fetch() -> str:
    """Return the published port's answer; retry once if the connection is reset or ends early, as a browser does."""
    for last in (False, True):
        try:
            with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=30) as answer:
                return str(answer.read().decode())
        except (OSError, HTTPException):
            if last:
                raise
    raise AssertionError("unreachable")


def test_port_answers_throughout_a_rolling_change(host: Host) -> None:
    """A change that would affect the proxy is refused before anything is done."""
    site = f"{EXAMPLES}/rolling/site.yml"
    assert _make(host, site) == 3
    eventually(lambda: fetch().startswith("first"), seconds=60)
    answers: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(fetch())
            except (OSError, HTTPException) as error:
                answers.append(repr(error))
            done.wait(0.005)  # in which the proxy and the web servers have the machine for themselves

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert play(host, site, page="second") == 2
    finally:
        done.set()
        asking.join()
    wrong = [one for one in answers if one not in ("first from green\n", "first from blue\n", "second from blue\n")]
    assert answers and not wrong, wrong
    assert fetch().startswith("second")
    before = host.module("libpod_container_info")["containers"]
    with pytest.raises(AssertionError, match="recreate_policy is never"):
        play(host, site, image="oci:/srv/nowhere:1", page="third")
    assert host.module("libpod_container_info")["containers"] == before
    assert fetch().startswith("second")
    _remove(host, site)


def test_live_changes_keep_the_process_and_others_are_refused(host: Host) -> None:
    site = f"{EXAMPLES}/live/site.yml"
    _make(host, site)
    (before,) = host.module("libpod_container_info")["containers"]
    more = {"memory": "128m", "data": "live-more"}
    assert changes(host, site, site, **more) == [1, 0]
    (after,) = host.module("libpod_container_info")["containers"]
    assert after["State"]["Pid"] == before["State"]["Pid"] and after["HostConfig"]["Memory"] == 128 << 20
    with pytest.raises(AssertionError, match="recreate_policy is never"):
        play(host, site, **{**more, "image": "localhost/bare:latest"})
    _remove(host, site)


def test_alias_leads_to_the_database_that_took_it_over(host: Host) -> None:
    site = f"{EXAMPLES}/names/site.yml"
    assert _make(host, site) == 1
    app = host.module("libpod_container_info", {"name": ["shop-app"]})["containers"][0]["State"]["Pid"]
    assert play(host, site, database="shop-db-b") == 1
    assert host.module("libpod_container_info", {"name": ["shop-app"]})["containers"][0]["State"]["Pid"] == app
    _remove(host, site)
