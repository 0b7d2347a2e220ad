# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the engine's caller does not reach containers, conmon or tools, for each of the engine's programs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import MODULES
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, settled

IGNORED = (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1)
MODULE = f"""
import importlib, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.argv[1].encode(), "legacy"
importlib.import_module("{MODULES}.libpod_container").main()
"""
# Another user accesses these: a parent of a mount point, the working directory, a new volume and a secret.
OPTIONS: dict[str, Any] = {
    "name": "c",
    "image": "busybox",
    "command": WAITING,
    "user": "1000:1000",
    "network": "none",
    "volume": ["/srv/bound:/srv/app/data", "data:/var/data"],
    "workdir": "/app/dir",
    "secrets": ["tok"],
    "restart_policy": "always",
}
SEEN = "for name in /srv /srv/app /app /app/dir /run/secrets /run/secrets/tok /var/data; do stat -c '%a %n' $name; done"

# Readable by others if they could reach it: files over /etc, network namespaces, volumes, files of conmon and runc.
OPEN = {
    *(f"/srv/run/containers/ID/{name}" for name in ("hostname", "hosts", "resolv.conf")),
    *(
        f"/srv/run/containers/ID/{name}"
        for name in (".containerenv", "conmon.pid", "ctl", "oci-log", "pidfile", "winsz")
    ),
    *("/srv/run/netns", "/srv/run/netns/libpod-ID", "/srv/run/runc/ID", "/srv/run/crun/ID"),
    *("/srv/static/volumes/data", "/srv/static/volumes/data/_data"),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    with Host() as made:
        os.makedirs("/srv/bound")
        os.mkdir(made.parts.static_root, 0o700)
        os.mkdir(f"{made.parts.static_root}/secrets", 0o700)
        Path(f"{made.parts.static_root}/secrets/tok").write_text("t", encoding="ascii")
        os.chmod(f"{made.parts.static_root}/secrets/tok", 0o600)
        yield made
        made.empty()
        made.run("rm", "-r", f"{made.parts.static_root}/secrets", "/srv/bound")


class Seen(NamedTuple):
    """What a container and its conmon inherit from the process that started them."""

    signals: Sequence[Sequence[str]]
    umasks: Sequence[str]
    own_folder: bool
    descriptors: int
    variables: Sequence[str]
    modes: str
    exec_umask: str


def _hostile(umask: int) -> None:
    """Run in the child of Popen, before its program starts."""
    os.umask(umask)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGCHLD))
    for _number in range(200):
        os.dup2(2, os.dup(2), inheritable=True)
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)


def _run(argv: Sequence[str], environment: dict[str, str], umask: Optional[int]) -> str:
    hostile: dict[str, Any] = {}
    if umask is not None:
        # A variable is 128 KiB at most; the locale does not exist.
        environment.update({f"LARGE{number}": "x" * (1 << 16) for number in range(16)}, LC_ALL="xx_XX.ISO-8859-1")
        hostile = {"restore_signals": False, "close_fds": False, "preexec_fn": lambda: _hostile(umask)}
    done: subprocess.CompletedProcess[str] = subprocess.run(
        argv, check=False, capture_output=True, text=True, env=environment, **hostile
    )
    assert done.returncode == 0, done
    return done.stdout


def _engine(host: Host, kind: str, umask: Optional[int]) -> dict[str, Any]:
    """Run the container under a new conmon, and return its inspection."""
    environment = {"PATH": os.environ["PATH"], **host.parts.environment()}
    helper = [sys.executable, "-I", "-m", main.__name__]
    host.container("c", state="absent", delete_volumes=True)
    if kind == "module":
        _run([sys.executable, "-c", MODULE, json.dumps({"ANSIBLE_MODULE_ARGS": {**host.arguments, **OPTIONS}})],
             environment, umask)  # fmt: skip
        return _inspected(host)
    made = host.container(**OPTIONS)["container"]
    if kind == "command":
        _run([*helper, "restart", "-t", "0", "c"], environment, umask)
    else:
        # Without its conmon only this exit command handles the exit.
        os.kill(_conmon(host, made), signal.SIGKILL)
        os.kill(made["State"]["Pid"], signal.SIGKILL)
        eventually(lambda: not process.start_time(made["State"]["Pid"]))
        _run([*helper, "exit", made["Id"]], environment, umask)
    again = _inspected(host)
    assert again["Id"] == made["Id"] and again["State"]["Pid"] != made["State"]["Pid"]
    return again


def _inspected(host: Host) -> dict[str, Any]:
    (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
    return dict(container)


def _conmon(host: Host, container: dict[str, Any]) -> int:
    return int(Path(f"{host.parts.run_root}/containers/{container['Id']}/conmon.pid").read_text(encoding="ascii"))


def _seen(host: Host, container: dict[str, Any]) -> Seen:
    pids = (settled(container).pid, _conmon(host, container))
    status = [
        dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
        for pid in pids
    ]
    task = {"name": "c", "argv": ["sh", "-c", "umask"]}
    variables = Path(f"/proc/{pids[1]}/environ").read_text(encoding="utf-8").split("\0")
    look = host.module("libpod_container_exec", {**task, "argv": ["sh", "-c", SEEN]})
    return Seen(
        [[one[key] for key in ("SigIgn", "SigBlk", "ShdPnd")] for one in status],
        [one["Umask"] for one in status],
        os.readlink(f"/proc/{pids[1]}/cwd") == f"{host.parts.run_root}/containers/{container['Id']}",
        len(os.listdir(f"/proc/{pids[1]}/fd")),
        sorted(one for one in variables if not one.startswith("_OCI_")),
        look["stdout"],
        host.module("libpod_container_exec", task)["stdout"],
    )


@pytest.mark.parametrize("kind", ["module", "exit", "command"])
def test_state_of_the_caller_is_not_inherited(shared: Host, kind: str) -> None:
    expected = _seen(shared, _engine(shared, kind, None))
    assert expected.umasks == ["0022", "0022"] and expected.exec_umask == "0022\n" and expected.own_folder
    assert [line.split()[0] for line in expected.modes.splitlines()[:5]] == ["755"] * 5
    for umask in (0o077, 0o027):
        assert _seen(shared, _engine(shared, kind, umask)) == expected


def test_engine_files_are_accessible_to_root_only(shared: Host) -> None:
    """Even under the loosest umask, others can open only what containers' users need, and cannot reach it."""
    made = _engine(shared, "module", 0)
    _engine_exec(shared, detach=True)
    shared.container(**{**OPTIONS, "state": "stopped"})
    shared.container(**OPTIONS)
    roots = (shared.parts.static_root, shared.parts.run_root)
    assert [os.stat(root).st_mode & 0o777 for root in roots] == [0o700] * 2
    loose = set()
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if not os.path.ismount(f"{folder}/{name}")]
            for path in (f"{folder}/{name}" for name in (*folders, *names)):
                try:
                    info = os.lstat(path)
                except FileNotFoundError:
                    continue  # removed by the exit command, or by conmon at its end
                if info.st_mode & 0o077 and not stat.S_ISLNK(info.st_mode):
                    assert not info.st_mode & 0o022, path
                    loose.add(path.replace(made["Id"], "ID").replace(made["Id"][:12], "ID"))
    assert loose <= OPEN, sorted(loose - OPEN)


def _engine_exec(host: Host, **how: Any) -> Any:
    return host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", "umask > /tmp/umask"], **how})


def test_exec_and_health_checks_have_the_containers_umask(host: Host) -> None:
    check: dict[str, Any] = {"healthcheck": "umask > /tmp/umask", "healthcheck_interval": "disable"}
    made = host.container(**{**OPTIONS, "secrets": [], "volume": []}, umask="0027", **check)
    path = Process(made).path("root/tmp/umask")
    helper = [sys.executable, "-I", "-m", main.__name__]
    environment = {"PATH": os.environ["PATH"], **host.parts.environment()}
    assert Process(made).status["Umask"] == "0027"
    argv = ["sh", "-c", "umask > /tmp/umask"]
    for run in (
        partial(_engine_exec, host),
        partial(_engine_exec, host, tty=True),
        partial(_engine_exec, host, detach=True),
        partial(_run, [*helper, "exec", "c", *argv], environment, 0o077),
        partial(_run, [*helper, "healthcheck", "run", "c"], environment, 0o077),
    ):
        run()
        assert eventually(lambda: os.path.exists(path) and Path(path).read_text("ascii")) == "0027\n"
        os.unlink(path)


def test_closed_streams_are_opened(host: Host) -> None:
    """Otherwise the first file opened would receive what is written to standard output."""
    helper = [sys.executable, "-I", "-m", main.__name__]
    environment = {"PATH": os.environ["PATH"], **host.parts.environment()}
    host.container(**{**OPTIONS, "secrets": [], "volume": []})
    command = shlex.join([*helper, "restart", "-t", "0", "c"])
    done = subprocess.run(["sh", "-c", f"exec {command} <&- >&- 2>&-"], check=False, env=environment)
    assert done.returncode == 0 and not host.container(**{**OPTIONS, "secrets": [], "volume": []}).changed


def test_exit_command_has_the_storage_conf_of_the_task(host: Host) -> None:
    parts = host.parts
    with open("/srv/mine.conf", "w", encoding="utf-8") as file:
        file.write('[storage]\ndriver = "overlay"\n')
        file.write(f'graphroot = "{parts.storage_root}"\nrunroot = "{parts.storage_run_root}"\n')

    def prepare() -> None:
        os.chdir("/srv")
        os.environ["CONTAINERS_STORAGE_CONF"] = "mine.conf"

    omitted: dict[str, Any] = dict.fromkeys(("storage_root", "storage_run_root", "storage_driver"))
    options = {"image": "busybox", "command": WAITING, "network": "none", "restart_policy": "on-failure", **omitted}
    first = Process(host.container("c", **options, prepare=prepare))
    os.kill(first.pid, signal.SIGKILL)

    def look() -> dict[str, Any]:
        (shown,) = host.module("libpod_container_info", {"name": ["c"], **omitted}, prepare=prepare)["containers"]
        return dict(shown["State"])

    eventually(lambda: look()["Pid"] not in (0, first.pid))
    assert settled({"State": look()}).run("true").returncode == 0
    mountpoint, mounts = look()["Mountpoint"], Path("/proc/self/mountinfo")
    assert f" {mountpoint} " in mounts.read_text()
    os.kill(look()["Pid"], signal.SIGTERM)
    eventually(lambda: look()["Status"] == "exited" and f" {mountpoint} " not in mounts.read_text())
    assert not host.container("c", state="absent", **omitted, prepare=prepare).failed
    os.unlink("/srv/mine.conf")
    os.unlink(f"{parts.run_root}/storage-conf.json")
