# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_secret: what becomes of its file and of the containers that use it; its content is shown nowhere."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from functools import partial
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import mount_api
from ansible_collections.libpod.engine.plugins.module_utils._resources import secrets
from ansible_collections.libpod.engine.tests.support import modules, syslog
from ansible_collections.libpod.engine.tests.support.canary import files_with, readable_by_others
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import MODULES, Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, traced

CANARY = "canary-8c1f"
RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


@pytest.fixture(scope="module", name="host")
def _host() -> Iterator[Host]:
    with Host() as made:
        yield made


@pytest.fixture(autouse=True)
def _empty(host: Host) -> Iterator[None]:
    """Have each test leave neither containers nor secrets, nor anything else."""
    yield
    host.empty()
    for one in host.module("libpod_secret_info")["secrets"]:
        assert host.module("libpod_secret", {"name": one["Spec"]["Name"], "state": "absent"}).changed
    host.expect_clean()


def _put(host: Host, content: str, name: str = "key", **options: Any) -> Result:
    done = host.module("libpod_secret", {"name": name, "data": content, **options}, diff=True)
    assert not done.failed, done
    return done


def _file(host: Host, name: str = "key") -> str:
    return f"{host.parts.static_root}/secrets/{name}"


def _inside(made: Result, path: str = "/run/secrets/key") -> str:
    return Process(made).read(f"root{path}")


# The secret by itself


def test_secret_is_created_replaced_and_removed(host: Host) -> None:
    options: dict[str, Any] = {"name": "key", "data": "first", "labels": {"owner": "shop"}}
    predicted = host.module("libpod_secret", options, check=True, diff=True)
    assert not os.path.exists(f"{host.parts.static_root}/secrets/key")
    made = _put(host, "first", labels={"owner": "shop"})
    assert predicted["actions"] == made["actions"] == ["created secret key"] and predicted["diff"] == made["diff"]
    info = os.stat(_file(host))
    assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o600, 0)
    assert not _put(host, "first", labels={"owner": "shop"}).changed

    assert _put(host, "first")["actions"] == ["updated secret key"]  # an omitted option means its default
    replaced = _put(host, "second")
    assert replaced["actions"] == ["replaced secret key"]
    assert (replaced["diff"]["before"]["content"], replaced["diff"]["after"]["content"]) == (
        "(hidden)",
        "(hidden) changed",
    )
    assert replaced["secret"]["ID"] == made["secret"]["ID"] and re.fullmatch("[0-9a-f]{25}", made["secret"]["ID"])
    assert replaced["secret"]["CreatedAt"] == made["secret"]["CreatedAt"]
    assert not _put(host, "third", skip_existing=True).changed
    with open(_file(host), encoding="ascii") as file:
        assert file.read() == "second"
    gone = host.module("libpod_secret", {"name": "key", "state": "absent"})
    assert gone["actions"] == ["removed secret key"]
    assert not host.module("libpod_secret", {"name": "key", "state": "absent"}).changed
    assert os.listdir(f"{host.parts.static_root}/secrets/.engine") in ([], ["key"])


def test_file_that_a_user_wrote_is_a_secret(host: Host) -> None:
    os.makedirs(os.path.dirname(_file(host)), 0o700, exist_ok=True)
    with open(os.open(_file(host), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write("by hand")
    (found,) = host.module("libpod_secret_info", {"name": "key"})["secrets"]
    assert found["Spec"] == {
        "Name": "key",
        "Driver": {"Name": "file", "Options": {"path": f"{host.parts.static_root}/secrets"}},
        "Labels": {},
    }
    assert not _put(host, "by hand").changed
    # Others could read it: it is written again.
    os.chmod(_file(host), 0o644)
    assert _put(host, "by hand")["actions"] == ["replaced secret key"]
    assert stat.S_IMODE(os.stat(_file(host)).st_mode) == 0o600
    # A directory is no secret, and stays.
    os.rename(_file(host), "/srv/moved")
    os.mkdir(_file(host))
    for options in ({"data": "by hand"}, {"state": "absent"}):
        for check in (True, False):
            refused = host.module("libpod_secret", {"name": "key", **options}, check=check)
            assert refused["error"] == "InvalidArgument" and "is a directory" in refused["msg"], refused
    os.rmdir(_file(host))
    os.rename("/srv/moved", _file(host))
    # A link to a file of the host is replaced, and not followed.
    os.unlink(_file(host))
    os.symlink("/srv/target", _file(host))
    assert _put(host, "by hand").changed and not os.path.lexists("/srv/target")


def test_content_comes_from_a_file_or_a_variable_too(host: Host) -> None:
    with open("/srv/content", "wb") as file:
        file.write(b"\0\xff bytes\n")
    assert host.module("libpod_secret", {"name": "key", "path": "/srv/content"}).changed
    with open(_file(host), "rb") as file:
        assert file.read() == b"\0\xff bytes\n"
    os.environ["LIBPOD_TEST_SECRET"] = "value"
    try:
        assert host.module("libpod_secret", {"name": "key", "env": "LIBPOD_TEST_SECRET"}).changed
    finally:
        del os.environ["LIBPOD_TEST_SECRET"]
    assert not _put(host, "value").changed
    os.unlink("/srv/content")
    missing = host.module("libpod_secret", {"name": "key", "path": "/srv/content"}, check=True)
    assert missing["actions"] == ["replaced secret key"] and "earlier task" in missing["warnings"][0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "x", "path": "/etc/passwd"}, "data and path cannot be combined"),
        ({}, "give one of data, path and env"),
        ({"data": ""}, "data: the secret would be empty"),
        ({"data": "x" * 512001}, "at most 512000"),
        ({"path": "/dev/zero"}, "not a regular file"),
        ({"path": "/no/such"}, "path: '/no/such' cannot be used"),
        ({"env": "NO_SUCH_VARIABLE"}, "env: 'NO_SUCH_VARIABLE' cannot be used"),
        ({"data": CANARY, "driver": "pass"}, "driver: 'pass' cannot be used: expected file"),
        ({"data": CANARY, "name": "../key"}, "name: '../key' cannot be used"),
        ({"data": [CANARY]}, "data: is a list: expected text"),
    ],
)
def test_refused_task_says_why_and_shows_no_content(host: Host, options: dict[str, Any], words: str) -> None:
    refused = host.module("libpod_secret", {"name": "key", **options})
    assert refused.failed and words in refused["msg"], refused
    assert CANARY not in json.dumps(refused) and not os.path.lexists(_file(host))


def test_reader_has_the_old_or_the_new_content(host: Host) -> None:
    contents, seen = [b"a" * 9000, b"b" * 9000], set[bytes]()
    secrets.present(host.parts, "key", contents[0], {}, keep=False, check_mode=False)
    end = threading.Event()

    def read() -> None:
        while not end.is_set():
            with open(_file(host), "rb") as file:
                seen.add(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        secrets.present(host.parts, "key", contents[number % 2], {}, keep=False, check_mode=False)
    end.set()
    reader.join()
    assert seen <= set(contents) and seen


def test_tasks_at_once_leave_one_content(host: Host) -> None:
    args = [{**host.arguments, "name": "key", "data": text} for text in ("first", "second", "third")]
    results = run_concurrently(host, [partial(modules.run, "libpod_secret", one) for one in args])
    assert not any(one.failed for one in results), results
    with open(_file(host), encoding="ascii") as file:
        assert file.read() in ("first", "second", "third")
    (found,) = host.module("libpod_secret_info")["secrets"]
    assert found["Spec"]["Name"] == "key"


def test_used_secret_is_removed_only_by_force(host: Host) -> None:
    _put(host, "first")
    for number in range(5):
        assert not host.container(f"c{number}", **RUNNING, secrets=["key"], state="present").failed
    refused = host.module("libpod_secret", {"name": "key", "state": "absent"})
    assert refused["error"] == "DependencyExists" and "c0, c1, c2 and 2 more" in refused["msg"], refused
    assert host.module("libpod_secret", {"name": "key", "state": "absent"}, check=True).failed
    assert host.module("libpod_secret", {"name": "key", "state": "absent", "force": True}).changed
    missing = host.container("c0", **RUNNING, secrets=["key"])
    assert missing.failed and "make it with libpod_secret" in missing["msg"]


# Its content is shown nowhere


def test_content_is_in_no_result_log_command_line_or_readable_file(host: Host) -> None:
    trace = "/srv/trace"
    with syslog.syslog() as log:
        results = [_put(host, f"{CANARY}-1"), _put(host, f"{CANARY}-2")]
        made = host.container("web", **RUNNING, secrets=["key", "key,type=env,target=KEY"])
        results += [_put(host, f"{CANARY}-3")]
        for how in ("replace", "restart", "recreate"):
            options = {**RUNNING, "secrets": ["key", "key,type=env,target=KEY"], "secrets_changed": how}
            results += [host.container("web", **options, check=True, diff=True), host.container("web", **options)]
            results += [_put(host, f"{CANARY}-{how}")]
        results += [host.module("libpod_secret_info"), host.module("libpod_container_info"), made]
        results += [host.module("libpod_secret", {"name": "key", "data": CANARY, "no_such": 1})]
        played = host.play(
            [{"libpod.engine.libpod_secret": {"name": "key", "data": f"{CANARY}-4"}}],
            diff=True,
            settings={"ANSIBLE_VERBOSITY": "3"},
        )
        runner = [*traced(trace), sys.executable, "-c", RUNNER]
        args = json.dumps({**host.arguments, "name": "key", "data": f"{CANARY}-5"})
        done = subprocess.run(runner, input=args, capture_output=True, text=True, check=True)
    assert "replaced secret key" in done.stdout and played.changed == 1
    shown = json.dumps(results) + "".join(one.stderr for one in results) + played.output + done.stdout + done.stderr
    with open(trace, encoding="utf-8") as file:
        shown += file.read()
    os.unlink(trace)
    assert CANARY not in shown
    assert "libpod_secret" in str(log) and CANARY not in str(log)
    paths = files_with(CANARY, ("/srv", "/run", "/var/lib", "/etc"))
    assert _file(host) in paths and readable_by_others(paths) == []


RUNNER = f"""
import importlib, json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({{"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
importlib.import_module("{MODULES}.libpod_secret").main()
"""


def test_recorded_digest_tells_nothing_without_the_key(host: Host) -> None:
    _put(host, "guess")
    made = host.container("web", **RUNNING, secrets=["key"])
    path = f"{host.parts.static_root}/containers/{made['container']['Id']}/secrets.json"
    with open(path, encoding="ascii") as file:
        digests = [json.load(file)["key"]]
    key = f"{host.parts.static_root}/secrets/.engine/key"
    assert [stat.S_IMODE(os.stat(one).st_mode) for one in (path, key)] == [0o600, 0o600]
    os.unlink(key)
    assert not host.container("web", **RUNNING, secrets=["key"]).changed
    assert host.container("web", **RUNNING, secrets=["key"], secrets_changed="restart")["actions"] == ["restarted web"]
    with open(path, encoding="ascii") as file:
        digests.append(json.load(file)["key"])
    assert digests[0] != digests[1] and all(re.fullmatch("[0-9a-f]{64}", one) for one in digests)


# Containers whose secret has changed


def test_file_of_a_running_container_is_replaced(host: Host) -> None:
    _put(host, "first")
    wanted = ["key,mode=0440,uid=5,gid=6", "key,target=/etc/app/key"]
    options: dict[str, Any] = {**RUNNING, "secrets": wanted, "read_only": True, "secrets_changed": "replace"}
    made = host.container("web", **options)
    assert not made.failed, made
    process = Process(made)
    with open(process.path("root/run/secrets/key"), encoding="ascii") as held:
        for content in ("second, and longer", "third"):
            _put(host, content)
            assert not host.container("web", **{**options, "secrets_changed": "ignore"}).changed
            predicted = host.container("web", **options, check=True, diff=True)
            done = host.container("web", **options, diff=True)
            assert predicted["actions"] == done["actions"] == ["updated web"]
            assert predicted["diff"] == done["diff"] and "secret key" in done["diff"]["after"]
            assert content not in json.dumps(done)
            assert _inside(done) == _inside(done, "/etc/app/key") == content
            assert Process(done).pid == process.pid
            info = os.stat(process.path("root/run/secrets/key"))
            assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o440, 5, 6)
            assert os.statvfs(process.path("root/run/secrets/key")).f_flag & os.ST_RDONLY
            assert not host.container("web", **options).changed
        assert held.read() == "first", "who has it open keeps it"
    # No mount is left below.
    assert process.read("mountinfo").count(" /run/secrets/key ") == 1
    assert host.container("web", **options, force_restart=True)["actions"] == ["restarted web"]
    assert not host.container("web", **options).changed


def test_replacement_leaves_no_moment_without_a_file(host: Host) -> None:
    _put(host, "0" * 5000)
    options: dict[str, Any] = {**RUNNING, "secrets": ["key"], "secrets_changed": "replace"}
    made = host.container("web", **options)
    path, end, seen = Process(made).path("root/run/secrets/key"), threading.Event(), set[str]()

    def read() -> None:
        while not end.is_set():
            with open(path, encoding="ascii") as file:
                seen.add(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 4):
        _put(host, str(number) * 5000)
        assert host.container("web", **options).changed
    end.set()
    reader.join()
    assert seen <= {str(number) * 5000 for number in range(4)} and len(seen) > 1


def test_kernel_without_beneath_has_the_new_file_on_top(host: Host) -> None:
    def older() -> None:
        mount_api.supports_beneath = lambda: False

    _put(host, "first")
    options: dict[str, Any] = {**RUNNING, "secrets": ["key"], "secrets_changed": "replace"}
    made = host.container("web", **options)
    for content in ("second", "third"):
        _put(host, content)
        done = host.container("web", **options, prepare=older)
        assert done["actions"] == ["updated web"] and _inside(done) == content
    assert Process(made).pid == Process(done).pid and not host.container("web", **options).changed


def test_container_of_an_earlier_version_has_its_files_compared(host: Host) -> None:
    _put(host, "first")
    options: dict[str, Any] = {**RUNNING, "secrets": ["key"], "secrets_changed": "replace"}
    made = host.container("web", **options)
    os.unlink(f"{host.parts.static_root}/containers/{made['container']['Id']}/secrets.json")
    assert not host.container("web", **options).changed
    _put(host, "second")
    assert _inside(host.container("web", **options)) == "second"
    assert not host.container("web", **options).changed


@pytest.mark.parametrize("how", ["restart", "recreate"])
def test_container_is_restarted_or_recreated(host: Host, how: str) -> None:
    _put(host, "first")
    options: dict[str, Any] = {**RUNNING, "secrets": ["key", "key,type=env,target=KEY"], "secrets_changed": how}
    made = host.container("web", **options)
    _put(host, "second")
    predicted, done = host.container("web", **options, check=True), host.container("web", **options)
    assert predicted["actions"] == done["actions"] == [f"{how}ed web" if how == "restart" else "recreated web"]
    assert (made["container"]["Id"] == done["container"]["Id"]) == (how == "restart")
    assert _inside(done) == Process(done).environ["KEY"] == "second"
    assert not host.container("web", **options).changed


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"secrets": ["key,type=env,target=KEY"]}, "it is a variable"),
        ({"secrets": ["key"], "uidmap": ["0:100000:65536"]}, "user namespace"),
    ],
)
def test_what_cannot_be_replaced_in_place_needs_a_restart(host: Host, more: dict[str, Any], why: str) -> None:
    _put(host, "first")
    options = {**RUNNING, **more, "secrets_changed": "replace"}
    assert not host.container("web", **options).failed
    _put(host, "second")
    done = host.container("web", **options)
    assert done["actions"] == ["restarted web"] and why in done["plan"]["differences"][0]["reason"], done
    assert not host.container("web", **options).changed


def test_container_cannot_have_the_engine_mount_elsewhere(host: Host) -> None:
    """One that has put something else in the place of its secret is restarted; nothing is mounted over that."""
    _put(host, "first")
    options: dict[str, Any] = {**RUNNING, "secrets": ["key"], "secrets_changed": "replace", "privileged": True}
    assert not host.container("web", **options).failed
    assert host.module("libpod_container_exec", {"name": "web", "argv": ["mount", "-t", "tmpfs", "x", "/run"]}).changed
    _put(host, "second")
    done = host.container("web", **options)
    assert done["actions"] == ["restarted web"] and "something else" in done["plan"]["differences"][0]["reason"], done
    assert _inside(done) == "second"


def test_stopped_container_takes_the_content_at_its_start(host: Host) -> None:
    _put(host, "first")
    options: dict[str, Any] = {**RUNNING, "secrets": ["key"]}
    assert not host.container("web", **options).failed
    assert not host.container("web", state="stopped").failed
    _put(host, "second")
    for how in ("replace", "restart"):
        assert not host.container("web", **options, state="present", secrets_changed=how).changed
    assert host.container("web", **options, secrets_changed="recreate", check=True)["actions"] == ["recreated web"]
    done = host.container("web", **options, secrets_changed="replace")
    assert done["actions"] == ["started web"] and _inside(done) == "second"
    assert not host.container("web", **options, secrets_changed="recreate").changed


def test_lists_and_pods_replace_it_too(host: Host) -> None:
    _put(host, "first")
    assert not host.module("libpod_pod", {"name": "shop", "state": "started"}).failed
    common = {key: value for key, value in RUNNING.items() if key != "network"}
    listed = {
        "containers": [{"name": "a", "pod": "shop"}, {"name": "b", "network": "none"}],
        "defaults": {**common, "secrets": ["key"], "secrets_changed": "replace"},
    }
    assert not host.module("libpod_containers", listed).failed
    _put(host, "second")
    predicted, done = host.module("libpod_containers", listed, check=True), host.module("libpod_containers", listed)
    assert sorted(predicted["actions"]) == sorted(done["actions"]) == ["updated a", "updated b"]
    assert [_inside(one) for one in host.module("libpod_container_info", {"name": ["a", "b"]})["containers"]] == [
        "second",
        "second",
    ]
    assert not host.module("libpod_containers", listed).changed
    assert host.module("libpod_pod", {"name": "shop", "state": "absent", "force_delete": True}).changed
