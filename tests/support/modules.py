# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module the way Ansible does, in a process of its own, without a playbook."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import signal
import sys
import threading
from collections import Counter
from typing import Any, Callable, Optional, Sequence

# Here and not in each child: it is Ansible's own, the same for every module, and half of a child's time.
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import PASS_VARS

from .process import end_by

# Likewise: how modules read and write JSON since ansible-core 2.19, which imports it where it is needed.
with contextlib.suppress(ImportError):
    for _profile in ("c2m", "m2c"):
        importlib.import_module(f"ansible.module_utils._internal._json._profiles._module_legacy_{_profile}")

NOWHERE = "nowhere"
MODULES = "ansible_collections.libpod.engine.plugins.modules"


class Result(dict[str, Any]):
    """What the module printed, with ``exit_code``, ``stderr``, and the ``effects`` passed where they were counted.

    ``dumped_core``: the kernel says that a signal ended it with a core dump.
    """

    exit_code: int = 0
    dumped_core: bool = False
    stderr: str = ""
    effects: Sequence[str] = ()

    @property
    def killed(self) -> bool:
        return self.exit_code == -signal.SIGKILL

    @property
    def killed_at(self) -> str:
        """The effect before which the module was killed; empty where it came to its end."""
        return self.effects[-1] if self.killed and self.effects else ""

    def __repr__(self) -> str:
        return f"{dict(self)} (exit code {self.exit_code}{', stderr: ' + self.stderr if self.stderr else ''})"

    @property
    def failed(self) -> bool:
        """Whether the module reported a failure or exited with one."""
        return bool(self.get("failed")) or self.exit_code != 0

    @property
    def changed(self) -> bool:
        return bool(self.get("changed"))


def run(
    name: str,
    args: dict[str, Any],
    *,
    check: bool = False,
    diff: bool = False,
    kill_at: str | int = "",
    prepare: Optional[Callable[[], object]] = None,
) -> Result:
    """Run ``plugins/modules/NAME.py`` with these options in a forked child.

    ``kill_at`` is one of an earlier run's ``effects``, or a number: the child ends by SIGKILL just before it; with
    ``NOWHERE`` the effects are counted alone. ``prepare`` runs in the child first.
    """
    options = {**args, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_module_name": name}

    def body() -> None:
        if prepare is not None:
            prepare()
        give_arguments(options)
        importlib.import_module(f"{MODULES}.{name}").main()

    return in_child(body, kill_at=kill_at)


def in_child(body: Callable[[], object], *, kill_at: str | int = "") -> Result:
    """Run ``body`` in a forked child; what it prints, where it is a JSON object, becomes the result."""
    streams = {number: os.memfd_create(name) for number, name in ((1, "stdout"), (2, "stderr"), (9, "effects"))}
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        end_by(lambda: _child(body, streams, kill_at))
    _pid, status = os.waitpid(pid, 0)
    out, err, effects = (_read(streams[number]) for number in (1, 2, 9))
    try:
        result = Result(json.loads(out))
    except ValueError:
        result = Result({"printed": out} if out else {})
    if "warnings" in result:
        # Ansible 2.19 and later write more than the sentences.
        result["warnings"] = [one["event"]["msg"] if isinstance(one, dict) else one for one in result["warnings"]]
    result.stderr = err
    result.exit_code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    result.dumped_core = os.WIFSIGNALED(status) and os.WCOREDUMP(status)
    result.effects = effects.splitlines()
    return result


def _child(body: Callable[[], object], streams: dict[int, int], kill_at: str | int) -> None:
    """Do the work of the forked child."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(streams[1], 1)
    os.dup2(streams[2], 2)
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False))
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False))
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False))
    if kill_at:
        _watch_effects(kill_at, streams[9])
    # A test may have imported Ansible's controller, on which warnings are displayed and not returned.
    vars(sys.modules.get("ansible.module_utils._internal", sys))["is_controller"] = False
    # Nor does a module check the encoding of its arguments, as a controller does of results.
    profiles = sys.modules.get("ansible.module_utils._internal._json._profiles", sys)
    vars(profiles)["_string_encoding_check_enabled"] = lambda: False
    body()


def _watch_effects(kill_at: str | int, note: int) -> None:
    """Write each effect to ``note`` and SIGKILL this process, threads and all, just before the one that is ``kill_at``.

    An effect is its name, IDs, PIDs and the hierarchy of a cgroup left out, and how often that came before in the same
    process: threads change the order, not the set. A process that was forked takes this one along.
    """
    from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints as effects

    lock, seen, main = threading.Lock(), Counter[str](), os.getpid()

    def observer(name: str) -> None:
        with lock:
            name = re.sub(r"[0-9a-f]{12,64}|(?<= to )\d+", "ID", re.sub("/sys/fs/cgroup/[^/]+", "", name))
            seen[name] += 1
            os.write(note, f"{name} #{seen[name]}\n".encode())
            if kill_at in (f"{name} #{seen[name]}", sum(seen.values())):
                os.kill(main, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)

    effects.observe(observer)


def give_arguments(options: dict[str, Any]) -> None:
    """Put the options where AnsibleModule looks for them; the profile is 2.19's, which 2.18 does not read."""
    if "inject_invocation" in PASS_VARS:  # of ansible-core 2.21, which else returns none
        options = {**options, "_ansible_inject_invocation": True}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
    basic._ANSIBLE_PROFILE = "legacy"


def _read(fd: int) -> str:
    try:
        return os.pread(fd, os.fstat(fd).st_size, 0).decode(errors="replace")
    finally:
        os.close(fd)
