# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images committed from containers: their contents, that they run, and that an unchanged one is not committed again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {
    "image": "configured",
    "command": WAITING,
    "network": "none",
    "user": "root",
    "stop_signal": "TERM",
}


@pytest.fixture
def committing(host: Host) -> Any:
    """Return the host; the image ``saved`` is removed at the end."""
    yield host
    host.empty()
    Images(host.parts).remove("saved")
    assert not host.module("libpod_prune", {"image": True}).failed


def _commit(host: Host, check: bool = False, **options: Any) -> Any:
    return host.module("libpod_commit", {"container": "c", "image": "saved", **options}, check=check)


def test_committed_image_has_the_containers_files_and_configuration(committing: Host) -> None:
    host = committing
    first = Process(host.container("c", **OPTIONS))
    first.run("sh", "-c", "echo kept > /www/new; rm /www/index.html; rm -r /home; mkdir /home; echo x > /home/only")
    predicted = _commit(host, check=True)
    assert predicted.changed and not predicted.failed
    changes = ['CMD ["sleep", "100"]', "ENV COLOUR=blue MORE=1", "LABEL a=b", "EXPOSE 81", "USER web", "WORKDIR /www"]
    made = _commit(host, changes=[*changes, "STOPSIGNAL KILL"], author="Someone", comment="why")
    assert made.changed and made["name"] == "localhost/saved:latest", made
    assert Process(host.container("c", **OPTIONS)).pid == first.pid
    image = json.loads(host.run("skopeo", "inspect", "--config", Images(host.parts)._target("localhost/saved:latest")))
    assert image["author"] == "Someone" and image["history"][-1]["comment"] == "why"
    assert image["config"]["Labels"] == {"org.example.role": "test", "a": "b"}
    assert image["config"]["Volumes"] == {"/data": {}}
    assert "81/tcp" in image["config"]["ExposedPorts"]
    again = _commit(host, changes=[*changes, "STOPSIGNAL KILL"], author="Someone", comment="why")
    assert (again.changed, again["image_id"]) == (False, made["image_id"])
    second = Process(host.container("second", image="saved", network="none"))
    assert (second.argv, second.folder, second.status["Uid"].split()[0]) == (["sleep", "100"], "/www", "1000")
    assert second.environ["COLOUR"] == "blue" and second.environ["SPACED"] == "two words"
    assert second.run("ls", "/www", "/home").stdout.split() == ["/home:", "only", "/www:", "new"]
    first.run("sh", "-c", "echo more > /www/new")
    assert _commit(host).changed
    host.container("second", state="absent")


def test_stopped_container_and_directory_under_an_overlay_become_images(committing: Host) -> None:
    host = committing
    host.container("c", state="present", **OPTIONS)
    assert _commit(host).changed
    host.container("c", state="absent")
    assert host.container("from", image="saved", network="none", command=["true"], detach=False)["rc"] == 0
    host.container("from", state="absent")
    host.run("sh", "-c", "mkdir -p /srv/tree/bin && cp /bin/busybox /srv/tree/bin/sh")
    host.container("c", image="/srv/tree:O", rootfs=True, command=["sh", "-c", "echo x > /made"], network="none")
    host.module("libpod_container_logs", {"name": "c", "follow": True})
    assert _commit(host, changes=["CMD cat /made"]).changed
    done = host.container(
        "from", image="saved", network="none", detach=False, command=["sh", "-c", "read a < /made; echo $a"]
    )
    assert done["stdout"] == "x\n", done
    host.container("from", state="absent")
    host.container("c", state="absent")
    host.run("rm", "-r", "/srv/tree")


def test_files_of_a_user_namespace_have_the_containers_owners(committing: Host) -> None:
    host = committing
    mapped = Process(host.container("c", **OPTIONS, uidmap=["0:100000:65536"], gidmap=["0:100000:65536"]))
    mapped.run("sh", "-c", "echo > /www/roots; echo > /www/webs; chown web:web /www/webs")
    assert _commit(host).changed
    plain = Process(host.container("plain", **{**OPTIONS, "image": "saved"}))
    owners = plain.run("stat", "-c", "%n %u:%g", "/www/roots", "/www/webs").stdout
    assert owners == "/www/roots 0:0\n/www/webs 1000:1000\n"
    host.container("plain", state="absent")


def test_killed_commit_leaves_nothing_paused_behind_the_next(committing: Host) -> None:
    host = committing
    host.container("c", **OPTIONS)
    effects = host.module("libpod_commit", {"container": "c", "image": "saved"}, kill_at=NOWHERE).effects
    (reading,) = (failpoint for failpoint in effects if "diff" in failpoint)
    assert host.module("libpod_commit", {"container": "c", "image": "saved"}, kill_at=reading).killed
    assert host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["State"]["Paused"]
    assert not _commit(host).failed
    assert host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["State"]["Running"]


def test_bad_names_and_changes_are_refused(host: Host) -> None:
    host.container("c", state="present", **OPTIONS)
    for wrong, word in (
        ({"image": "Not A Name"}, "Not A Name"),
        ({"image": "0" * 64}, "image"),
        ({"changes": ["NONSENSE x"]}, "NONSENSE"),
        ({"changes": ["CMD"]}, "CMD"),
        ({"changes": ["CMD [1]"]}, "CMD"),
        ({"container": "nobody"}, "nobody"),
    ):
        refused = _commit(host, **wrong)
        assert refused.failed and word in refused["msg"], refused
