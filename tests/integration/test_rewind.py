# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rewindable containers: files go back to the mark, the process is a new one, and identity and addresses stay."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {
    "name": "web",
    "image": "busybox",
    "command": WAITING,
    "network": "none",
    "rewindable": True,
    "stop_signal": "KILL",
}
BRIDGED: dict[str, Any] = {**BASE, "network": "bridge", "publish": ["8080:80"]}


def _ok(host: Host, options: dict[str, Any], **how: Any) -> Result:
    done = host.module("libpod_container", options, **how)
    assert not done.failed, done
    return done


def _to(host: Host, state: str, actions: list[str], **options: Any) -> Result:
    """Bring ``web`` to the state; check mode predicts it, and what it says is what is done."""
    task = {"name": "web", "state": state, **options}
    predicted, done = _ok(host, task, check=True, diff=True), _ok(host, task, diff=True)
    assert done["actions"] == predicted["actions"] == actions
    assert done["plan"] == predicted["plan"] and done["diff"] == predicted["diff"]
    assert done.changed == predicted.changed == bool(actions)
    return done


def _inspected(host: Host, name: str = "web") -> dict[str, Any]:
    (found,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    return dict(found)


def _program(host: Host, *words: str) -> subprocess.Popen[str]:
    """Start the operator's command ``libpod``."""
    environment = {**os.environ, **host.parts.environment()}
    argv = [*self_program.argv(host.parts), *words]
    return subprocess.Popen(argv, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _sh(process: Process, script: str) -> str:
    done = process.run("sh", "-c", script)
    assert done.returncode == 0, done
    return str(done.stdout)


# What a layer can hold: kinds, owners, modes, links and content.
SEEN = """cd /srv && find . | sort | while read p; do stat -c '%n %F %a %u %g %h %s' "$p"; done
cat /etc/motd kept/* 2>&1; readlink link; ls -la /home | wc -l"""
MADE = """mkdir -p /srv/kept /srv/gone /home/was /etc /media; echo motd > /etc/motd; echo one > /srv/kept/a
ln /srv/kept/a /srv/hard; ln -s kept/a /srv/link; mkfifo /srv/pipe; echo x > /srv/set; chown 7:8 /srv/set
chmod 4711 /srv/set; chmod 1777 /srv/gone; echo old > /srv/gone/old; rm -rf /media; chmod 700 /"""
CHANGED = """echo changed > /srv/kept/a; echo two > /srv/kept/b; rm /srv/link; ln -s / /srv/link; rm -r /srv/gone
mkdir /srv/gone /media; echo new > /srv/gone/new; chown 1:1 /srv/set; rm /srv/pipe; echo changed > /etc/motd
rmdir /home/was; chmod 755 /"""


@pytest.mark.smoke
def test_files_go_back_to_the_mark_and_the_container_stays_the_same(host: Host) -> None:
    first = _ok(host, BRIDGED)
    _sh(Process(first), MADE)
    marked = _to(host, "marked", ["marked web"])
    before = _sh(Process(marked), SEEN)
    for _turn in range(2):
        now = Process(_inspected(host))
        _sh(now, CHANGED + "; touch /dev/shm/process /tmp/later")
        assert _sh(now, SEEN) != before
        done = _to(host, "rewound", ["rewound web"])
        again = Process(done)
        assert again.pid != now.pid and _sh(again, SEEN) == before
        assert _sh(again, "stat -c %a /; ls -d /media /tmp/later 2>/dev/null; ls /dev/shm || true") == "700\n"
        for key in ("Id", "Name", "Created"):
            assert done["container"][key] == first["container"][key]
        assert done["container"]["NetworkSettings"]["Ports"] == first["container"]["NetworkSettings"]["Ports"]
        for key in ("IPAddress", "MacAddress"):
            assert done["container"]["NetworkSettings"][key] == first["container"]["NetworkSettings"][key]
        state = done["container"]["State"]
        assert (state["Status"], state["ExitCode"], done["container"]["RestartCount"]) == ("running", 0, 0)
    assert not _ok(host, BRIDGED).changed
    host.container("web", state="absent")
    assert not host.leaks()


def test_without_a_mark_the_container_goes_back_to_its_image(host: Host) -> None:
    one = Process(_ok(host, BASE))
    _sh(one, "rm -r /www; echo x > /x")
    again = Process(_to(host, "rewound", ["rewound web"]))
    assert _sh(again, "ls -d /www /x 2>/dev/null || true") == "/www\n"


def test_second_mark_replaces_the_first_and_an_unchanged_container_is_not_marked_again(host: Host) -> None:
    _sh(Process(_ok(host, BASE)), "echo 1 > /a; echo 1 > /b")
    _to(host, "marked", ["marked web"])
    _to(host, "marked", [])
    _sh(Process(_inspected(host)), "rm /a; echo 2 > /b; echo 2 > /c")
    _to(host, "marked", ["marked web"])
    _sh(Process(_inspected(host)), "echo 3 > /a; echo 3 > /b; rm /c")
    back = Process(_to(host, "rewound", ["rewound web"]))
    assert _sh(back, "ls /a 2>/dev/null; cat /b /c") == "2\n2\n"


@pytest.mark.parametrize("state", ["stopped", "paused", "present"])
def test_rewind_and_mark_begin_from_any_state(host: Host, state: str) -> None:
    if state != "present":
        _sh(Process(_ok(host, BASE)), "echo 1 > /a")
    _ok(host, {**BASE, "state": state})
    before = _inspected(host)["State"]["Status"]
    steps = {
        "stopped": ["marked web"],
        "paused": ["unpaused web", "marked web", "paused web"],
        "present": [],
    }[state]
    _to(host, "marked", steps)
    assert _inspected(host)["State"]["Status"] == before
    unpaused = ["unpaused web"] if state == "paused" else []
    back = Process(_to(host, "rewound", [*unpaused, "rewound web"]))
    assert _sh(back, "cat /a 2>/dev/null || true") == ("" if state == "present" else "1\n")


def test_volumes_keep_their_data_and_their_writer_is_stopped_by_its_signal(host: Host) -> None:
    script = "trap 'echo saved > /data/end; exit 0' TERM; echo up > /data/begun; while :; do sleep 0.1; done"
    task = {**BASE, "command": ["sh", "-c", script], "volume": ["data:/data", "/anonymous"]}
    one = Process(_ok(host, {**task, "stop_signal": "TERM"}))
    _sh(one, "while ! test -e /data/begun; do sleep 0.1; done; echo kept > /anonymous/file")
    back = Process(_to(host, "rewound", ["rewound web"]))
    assert _sh(back, "cat /data/end /anonymous/file") == "saved\nkept\n"


def test_process_whose_writes_are_all_undone_is_killed_at_once(host: Host) -> None:
    _ok(host, {**BASE, "stop_signal": "USR1", "stop_timeout": 3600})
    _to(host, "rewound", ["rewound web"])
    _to(host, "stopped", ["stopped web"], stop_time=0)


def test_diff_size_export_and_commit_see_all_changes(host: Host) -> None:
    one = Process(_ok(host, BASE))
    _sh(one, "mkdir /d /e; echo 12345 > /d/marked; echo x > /e/x; rm /www/index.html")
    _to(host, "marked", ["marked web"])
    later = Process(_inspected(host))
    _sh(later, "echo 1234567 > /d/later; rm -r /e; echo y > /www/index.html; mkdir /e; echo z > /e/z")
    container = Runtime(host.parts).container("web")
    found = {(one.kind, one.path) for one in container.diff()}
    wanted = {("A", "/d"), ("A", "/d/marked"), ("A", "/d/later"), ("A", "/e"), ("A", "/e/z"), ("C", "/www/index.html")}
    assert wanted <= found and not any(path == "/e/x" for _kind, path in found), found
    size = host.module("libpod_container_info", {"name": ["web"], "size": True})["containers"][0]["SizeRw"]
    assert size >= 6 + 8 + 2 + 2
    assert not host.module("libpod_export", {"container": "web", "dest": "/srv/web.tar"}).failed
    names = host.run("tar", "-tf", "/srv/web.tar").split()
    assert {"d/marked", "d/later", "e/z", "www/index.html"} <= set(names) and "e/x" not in names
    os.unlink("/srv/web.tar")
    done = host.module("libpod_commit", {"container": "web", "image": "saved"})
    assert done.changed and not done.failed, done
    second = Process(host.container("second", image="saved", command=WAITING, network="none"))
    assert _sh(second, "cat /d/marked /d/later /e/* /www/index.html") == "12345\n1234567\nz\ny\n"
    host.empty()
    Images(host.parts).remove("saved")


def test_owners_are_right_in_a_user_namespace(host: Host) -> None:
    task = {**BASE, "uidmap": ["0:100000:65536"], "gidmap": ["0:100000:65536"]}
    one = Process(_ok(host, task))
    assert _sh(one, "stat -c '%u %g' / /bin /www; touch /mine; id -u") == "0 0\n0 0\n0 0\n0\n"
    _to(host, "marked", ["marked web"])
    _sh(Process(_inspected(host)), "echo x > /etc/later; rm /mine")
    back = Process(_to(host, "rewound", ["rewound web"]))
    assert _sh(back, "stat -c '%u %g' / /mine; ls /etc/later 2>/dev/null || true") == "0 0\n0 0\n"
    assert os.stat(back.path("root/mine")).st_uid == 100000


def test_read_only_container_and_a_guest_of_its_network_are_rewound(host: Host) -> None:
    _ok(host, {**BRIDGED, "read_only": True})
    guest = {**BASE, "name": "guest", "network": "container:web"}
    _ok(host, guest)
    back = Process(_to(host, "rewound", ["rewound web"]))
    _ok(host, guest)
    assert os.readlink(Process(_inspected(host, "guest")).path("ns/net")) == os.readlink(back.path("ns/net"))
    again = _ok(host, {"name": "guest", "state": "rewound"})
    assert os.readlink(Process(again).path("ns/net")) == os.readlink(back.path("ns/net"))


def test_what_cannot_be_marked_or_rewound_is_refused(host: Host) -> None:
    plain = {key: value for key, value in BASE.items() if key != "rewindable"}
    one = _ok(host, plain)
    for state in ("marked", "rewound"):
        for check in (True, False):
            refused = host.module("libpod_container", {"name": "web", "state": state}, check=check)
            assert refused.failed and "rewindable: true" in refused["msg"], refused
            unknown = host.module("libpod_container", {"name": "nobody", "state": state})
            assert unknown.failed and "no container has the name 'nobody'" in unknown["msg"]
    assert Process(_inspected(host)).pid == Process(one).pid
    made = _ok(host, BASE)
    assert made["actions"] == ["recreated web"] and made["plan"]["recreated_because_of"] == ["rewindable"]
    directory = host.module("libpod_container", {**BASE, "name": "dir", "image": "/srv", "rootfs": True})
    assert directory.failed and "rewindable" in directory["msg"], directory


def test_too_many_marks_are_refused_before_anything_is_stopped(host: Host) -> None:
    one = Process(_ok(host, BASE))
    runtime = Runtime(host.parts)
    container = runtime.container("web")
    assert container.rewindable is not None
    _to(host, "stopped", ["stopped web"])
    while len(container.rewindable.layers(container.id).lower) < 180:
        container.rewindable.mark(container.id)
    one = Process(_ok(host, BASE))
    assert os.path.exists(one.path("root/www"))
    _sh(one, "echo x > /x")
    refused = host.module("libpod_container", {"name": "web", "state": "marked"})
    assert refused.failed and "marked too" not in refused["msg"] and "re-create it" in refused["msg"], refused
    assert Process(_inspected(host)).pid == one.pid
    assert _sh(Process(_to(host, "rewound", ["rewound web"])), "ls /x 2>/dev/null || true") == ""


def test_rewinds_stops_and_commands_at_once_end_in_a_whole_container(host: Host) -> None:
    _sh(Process(_ok(host, BASE)), "echo 1 > /a")
    _to(host, "marked", ["marked web"])
    commands = [
        ["rewind", "web"],
        ["rewind", "web"],
        ["stop", "web"],
        ["exec", "web", "sh", "-c", "echo 2 > /a; sleep 9"],
    ]
    for _turn in range(3):
        programs = [_program(host, *words) for words in commands]
        outputs = [program.communicate()[0] for program in programs]
        assert not [text for text in outputs if "Traceback" in text], outputs
        assert [program.returncode for program in programs[:3]] == [0, 0, 0], outputs
    back = Process(_to(host, "rewound", ["rewound web"]))
    assert _sh(back, "cat /a") == "1\n"
    host.container("web", state="absent")
    assert not host.leaks()


def test_operator_marks_and_rewinds_by_the_program(host: Host) -> None:
    _sh(Process(_ok(host, BASE)), "echo 1 > /a")
    assert _program(host, "mark", "web").communicate()[0] == "web\n"
    _sh(Process(_inspected(host)), "echo 2 > /a")
    assert _program(host, "rewind", "web").communicate()[0] == "web\n"
    assert _sh(Process(_inspected(host)), "cat /a") == "1\n"


def test_several_containers_are_rewound_in_one_task_and_waited_for(host: Host) -> None:
    names = ["a", "b"]
    for name in names:
        one = Process(_ok(host, {**BASE, "name": name, "healthcheck": "test -e /ready", "healthcheck_interval": "1h"}))
        _sh(one, "touch /ready")
        assert _ok(host, {"name": name, "state": "marked"}).changed
        _sh(Process(_inspected(host, name)), "rm /ready; touch /later")
    task = {"containers": [{"name": name} for name in names], "defaults": {"state": "rewound", "wait": "healthy"}}
    predicted = host.module("libpod_containers", task, check=True)
    done = host.module("libpod_containers", task)
    assert not done.failed and done["actions"] == predicted["actions"] == ["rewound a", "rewound b"], done
    for name in names:
        again = _inspected(host, name)
        assert again["State"]["Health"]["Status"] == "healthy"
        assert _sh(Process(again), "ls /ready /later 2>/dev/null || true") == "/ready\n"
