# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process with a secret that a signal such as SIGABRT ends: the kernel writes no core dump of it."""

from __future__ import annotations

import ctypes
import faulthandler
import fcntl
import os
import resource
import shutil
import signal
import threading
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.modules import libpod_container
from ansible_collections.libpod.engine.tests.support import modules
from ansible_collections.libpod.engine.tests.support.canary import files_with
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, settled

CORES = "/srv/cores"
CANARY = f"canary-{os.getpid()}-5e1d"  # in memory alone
# <linux/prctl.h>, <linux/capability.h>
PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_CAPBSET_DROP, CAP_SYS_PTRACE = 3, 4, 24, 19
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
SECRETIVE: dict[str, Any] = {"name": "c", **BASE, "env": {"A": CANARY}}
LOGIN = {"username": "me", "password": CANARY}
SERVICE = {"image": "localhost/busybox:latest", "network_mode": "none", "environment": {"A": CANARY}}
COMPOSE = {"services": {"a": {**SERVICE, "secrets": ["s"]}}, "secrets": {"s": {"content": CANARY}}}
# Modules with what they are given, and the effect before which they are ended.
TASKS: list[tuple[str, dict[str, Any], str]] = [
    ("secret", {"name": "s", "data": CANARY}, "write secret"),
    ("container", SECRETIVE, "write config.json"),
    ("container", SECRETIVE, "conmon"),
    ("containers", {"containers": [SECRETIVE]}, "write config.json"),
    ("container_exec", {"name": "web", "argv": ["true"], "env": {"A": CANARY}}, "runc exec"),
    ("login", {"registry": "127.0.0.1:9", **LOGIN}, "skopeo login"),
    ("image", {"name": "127.0.0.1:9/a", **LOGIN}, "skopeo copy"),
    ("image", {"name": "own", "path": "/srv/context", "build": {"secrets": ["id=k,src=/srv/key"]}}, "buildah"),
    ("compose", {"project_name": "p", "definition": COMPOSE}, "write secret"),
    ("compose", {"project_name": "p", "definition": COMPOSE}, "write config.json"),
]
COMMANDS: list[tuple[tuple[str, ...], str]] = [
    (("run", "--detach", "--env", f"A={CANARY}", "busybox", "true"), "write config.json"),
    (("exec", "--env", f"A={CANARY}", "web", "true"), "runc exec"),
]


@pytest.fixture(scope="module", name="host")
def _host() -> Iterator[Host]:
    """Yield a host with a running container, and a context and a secret to build an image of, on which tasks end."""
    with Host() as made:
        os.mkdir("/srv/context")
        for path, text in (("context/Containerfile", "FROM localhost/busybox:latest\nRUN true\n"), ("key", CANARY)):
            with open(f"/srv/{path}", "w", encoding="ascii") as file:
                file.write(text)
        assert not made.container("web", **BASE).failed
        yield made
        made.empty()


@pytest.fixture(autouse=True)
def _cores(host: Host) -> Iterator[None]:
    """Have a directory for the core dumps of one test."""
    os.mkdir(CORES)
    yield
    shutil.rmtree(CORES)


def _allow() -> None:
    """Let this process dump core, whatever the test's own has run before it was forked."""
    assert ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, ctypes.c_ulong(1)) == 0


def _abort() -> None:
    """End this process by SIGABRT, with no limit on a core dump and a place for it."""
    os.chdir(CORES)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.write(1, b"dumpable %d" % ctypes.CDLL(None).prctl(PR_GET_DUMPABLE))
    faulthandler.disable()  # of pytest
    os.abort()


def _at(effect: str) -> Callable[[], None]:
    """Return what has a process abort just before an effect."""

    def prepare() -> None:
        _allow()
        failpoints.observe(lambda name: _abort() if name.startswith(effect) else None)

    return prepare


def _once(condition: Callable[[], bool]) -> Callable[[], None]:
    """Return what has a process abort once the condition is met."""

    def look(_number: int, _frame: object) -> None:
        if condition():
            _abort()

    def prepare() -> None:
        _allow()
        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)

    return prepare


def _check_none(result: modules.Result) -> None:
    """Check that the process, or one that it forked, has aborted and left no core dump."""
    assert "dumpable 0" in result["printed"], result
    assert not result.dumped_core and os.listdir(CORES) == []


def test_process_that_is_not_protected_dumps_core() -> None:
    def body() -> None:
        _allow()
        _abort()

    result = modules.in_child(body)
    assert result["printed"] == "dumpable 1"
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
        pattern = file.read().strip()
    if pattern and pattern[0] not in "/|":
        assert result.dumped_core and files_with(CANARY, (CORES,))


@pytest.mark.parametrize("module,args,effect", TASKS, ids=[f"{module}, {effect}" for module, _args, effect in TASKS])
def test_task_leaves_no_core(host: Host, module: str, args: dict[str, Any], effect: str) -> None:
    _check_none(host.module(f"libpod_{module}", args, prepare=_at(effect)))


def test_task_that_waits_for_a_lock_leaves_no_core(host: Host) -> None:
    with open(f"{host.parts.run_root}/locks/web.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another thread looks for processes that hold it for too long.
        waiting = _once(lambda: threading.active_count() > 1)
        _check_none(host.container("web", **BASE, env={"A": CANARY}, prepare=waiting))


def test_unchanged_task_leaves_no_core(host: Host) -> None:
    def body() -> None:
        _allow()
        modules.give_arguments({**host.arguments, **SECRETIVE, "state": "present"})
        try:
            libpod_container.main()
        except SystemExit:
            _abort()

    assert not host.container(**SECRETIVE, state="present").failed
    result = modules.in_child(body)
    assert '"changed": false' in result["printed"]
    _check_none(result)


@pytest.mark.parametrize("arguments,effect", COMMANDS, ids=[arguments[0] for arguments, _effect in COMMANDS])
def test_command_leaves_no_core(host: Host, arguments: tuple[str, ...], effect: str) -> None:
    def command() -> None:
        os.environ.update(host.parts.environment())
        _at(effect)()
        main(arguments)

    _check_none(modules.in_child(command))


def test_container_of_a_protected_task_may_dump_core(host: Host) -> None:
    """The kernel gives root the files below /proc of a process that may not."""
    process = settled(host.container(**SECRETIVE, user="1000"))
    assert os.stat(process.path("environ")).st_uid == 1000


def _without_ptrace() -> None:
    """Drop CAP_SYS_PTRACE, by which root's programs look into processes that may not dump core."""
    _allow()
    library = ctypes.CDLL(None)
    assert library.prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE) == 0
    header, sets = (ctypes.c_uint * 2)(0x20080522, 0), (ctypes.c_uint * 6)()
    assert library.capget(header, sets) == 0
    for number in range(3):
        sets[number] &= ~(1 << CAP_SYS_PTRACE)
    assert library.capset(header, sets) == 0


def test_tools_reach_what_the_engine_gives_them_without_ptrace(host: Host) -> None:
    args = {"name": "web", "argv": ["true"], "env": {"A": CANARY}, "detach": True}
    result = host.module("libpod_container_exec", args, prepare=_without_ptrace)
    assert not result.failed, result
