# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tasks with ansible-playbook and read each one's result."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

from . import ansible_fork

CALLBACKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "callbacks")
GROUP = "group/libpod.engine.libpod"
# .venv's keeps what it compiles of Ansible's files (see compiled_zips.py); a measurement takes the host's.
interpreter = sys.executable


@dataclass
class Played:
    """A play's end: the exit code, each task's result in order, the totals by Ansible's words, and all it printed."""

    exit_code: int
    tasks: list[dict[str, Any]] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    output: str = ""

    @property
    def changed(self) -> int:
        """Number of changed tasks."""
        return self.totals.get("changed", 0)

    def __getitem__(self, task: str) -> dict[str, Any]:
        """Return the result of the task of that name."""
        return next(one for one in self.tasks if one["task"] == task)


def play(
    tasks: Sequence[dict[str, Any]],
    *,
    defaults: Optional[Mapping[str, Any]] = None,
    check: bool = False,
    diff: bool = False,
    variables: Optional[Mapping[str, Any]] = None,
    hosts: Union[Mapping[str, Mapping[str, Any]], str, None] = None,
    settings: Optional[Mapping[str, str]] = None,
    ok: bool = True,
) -> Played:
    """Run the tasks on localhost; ``defaults`` become module_defaults of the collection's group.

    With ``hosts`` they are run on these, by their names and variables, or on those of an inventory's source.
    ``settings`` are Ansible's, by their environment variables. A failing play is an AssertionError with its output,
    unless ``ok`` is false.
    """
    # Else localhost, where no inventory has it, takes this process's Python.
    own = {} if hosts or interpreter == sys.executable else {"ansible_python_interpreter": interpreter}
    play_: dict[str, Any] = {"gather_facts": False, "tasks": list(tasks), "vars": {**own, **(variables or {})}}
    play_["hosts"] = "all" if hosts else "localhost"
    if defaults:
        play_["module_defaults"] = {GROUP: dict(defaults)}
    with ansible_fork.server(environment, settings or {}) as server, _folder(server) as folder:
        book = os.path.join(folder, "play.yml")
        with open(book, "w", encoding="utf-8") as file:
            json.dump([play_], file)
        argv = [program(), book, *(["--check"] if check else []), *(["--diff"] if diff else [])]
        if hosts:
            argv += ["-i", hosts if isinstance(hosts, str) else inventory(folder, hosts)]
        done = ansible_fork.run(server, argv, {**environment(folder), **(settings or {})}, folder)
    played = Played(done.returncode, output=done.stdout + done.stderr)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            record = json.loads(line)
            if "totals" in record:
                played.totals = record["totals"]
            else:
                played.tasks.append(record)
    assert played.exit_code == 0 or not ok, played.output
    return played


@contextlib.contextmanager
def _folder(server: Optional[ansible_fork.Server]) -> Iterator[str]:
    """Yield the folder of a play."""
    if server:
        yield server.folder
        return
    with tempfile.TemporaryDirectory(prefix="libpod-play-") as folder:
        yield folder


def inventory(folder: str, hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """Write an inventory of these hosts, by their names and variables, and return its path."""
    path = os.path.join(folder, "hosts.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"all": {"hosts": hosts}}, file)
    return path


def program() -> str:
    """Return the path of the ansible-playbook beside this Python."""
    return os.path.join(os.path.dirname(sys.executable), "ansible-playbook")


def environment(folder: str) -> dict[str, str]:
    """Ansible's environment: results as JSON lines, and nothing written outside ``folder``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_") or "COLLECTIONS" in key}
    return {
        **kept,
        "ANSIBLE_STDOUT_CALLBACK": "results",
        "ANSIBLE_CALLBACK_PLUGINS": CALLBACKS,
        "ANSIBLE_HOME": folder,
        "ANSIBLE_LOCAL_TEMP": os.path.join(folder, "local"),
        "ANSIBLE_REMOTE_TEMP": os.path.join(folder, "remote"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": interpreter,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
    }
