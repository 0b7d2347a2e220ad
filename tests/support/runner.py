# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-runner in a test host, run as AWX runs a job in an execution environment, and the job's events.

The job's processes are user 1000's, without capabilities and a home. They have the collection and Ansible read-only,
and may write below the private data directory and /tmp alone.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

import yaml

from . import images, kernel, sshd

EXAMPLE = f"{images.PROJECT}/docs/examples/awx"
USER = 1000
_TOP = "/srv/ee"
_READ_ONLY = kernel.MS_BIND | kernel.MS_REMOUNT | 1
_UNPRIVILEGED = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--bounding-set=-all")


@dataclass
class Job:
    """A job's end: its exit code, its events in order, all it printed, and all that its artifacts hold."""

    exit_code: int
    output: str
    events: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""

    def results(self, event: str = "runner_on_ok") -> list[dict[str, Any]]:
        """Return the tasks' results of events of this kind."""
        return [one["event_data"]["res"] for one in self.events if one["event"] == event]

    @property
    def changed(self) -> int:
        """Number of changed tasks."""
        return sum(self.events[-1]["event_data"]["changed"].values())

    @property
    def artifacts(self) -> dict[str, Any]:
        """What the job set by set_stats: AWX gives it to the workflow's next jobs as extra variables."""
        data: dict[str, Any] = self.events[-1]["event_data"].get("artifact_data", {})
        return data


class Controller:
    """An execution environment in the test host that the test's process has entered."""

    def __init__(self) -> None:
        self._jobs = 0
        os.makedirs(f"{_TOP}/bin")
        venv = os.path.dirname(os.path.dirname(sys.executable))
        # Where a clone lies, another user may not get: both are shown elsewhere.
        for source, target in ((venv, "venv"), (images.PROJECT, "collections/ansible_collections/libpod/engine")):
            os.makedirs(f"{_TOP}/{target}")
            kernel.mount(source, f"{_TOP}/{target}", flags=kernel.MS_BIND)
            kernel.mount("none", f"{_TOP}/{target}", flags=_READ_ONLY)
        for name, module in (("ansible-playbook", "playbook"), ("ansible-inventory", "inventory")):
            with open(os.open(f"{_TOP}/bin/{name}", os.O_CREAT | os.O_WRONLY, 0o755), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\nexec {_TOP}/venv/bin/python -m ansible.cli.{module} "$@"\n')
        with open("/etc/passwd", "a", encoding="ascii") as file:
            file.write(f"runner:x:{USER}:{USER}::/nonexistent:/bin/sh\n")

    def run(
        self,
        book: str,
        *arguments: str,
        hosts: Mapping[str, Mapping[str, Any]],
        variables: Optional[Mapping[str, Any]] = None,
        tasks: Optional[list[dict[str, Any]]] = None,
    ) -> Job:
        """Run a playbook of the example's project, or one of these tasks; ``variables`` are a survey's answers.

        ``arguments`` are those of ansible-playbook.
        """
        self._jobs += 1
        folder = f"{_TOP}/job-{self._jobs}"
        shutil.copytree(EXAMPLE, folder)
        if tasks:
            _write(f"{folder}/project/{book}", [{"hosts": "all", "gather_facts": False, "tasks": tasks}])
        elif os.path.isabs(book):
            shutil.copy(book, f"{folder}/project")
        answers = yaml.safe_load(open(f"{folder}/env/extravars", encoding="utf-8"))
        _write(f"{folder}/env/extravars", {**answers, **(variables or {})})
        _write(f"{folder}/inventory/hosts.yml", {"all": {"hosts": hosts}})
        _write(f"{folder}/env/cmdline", None, " ".join(arguments))
        for key in glob.glob(f"{sshd.FOLDER}/key"):
            shutil.copy(key, f"{folder}/env/key")
        for path, folders, names in os.walk(folder):
            for name in (*folders, *names, "."):
                os.chown(f"{path}/{name}", USER, USER)
        return self._run(folder, os.path.basename(book))

    def _run(self, folder: str, book: str) -> Job:
        argv = [*_UNPRIVILEGED, "--inh-caps=-all", "--no-new-privs", f"{_TOP}/venv/bin/python", "-m", "ansible_runner"]
        argv += ["run", folder, "-p", book, "--ident", "job", "--quiet"]
        done = subprocess.run(argv, check=False, cwd=folder, env=_environment(folder), capture_output=True, text=True)
        job = Job(done.returncode, done.stdout + done.stderr)
        for path in glob.glob(f"{folder}/artifacts/job/job_events/*.json"):
            with open(path, encoding="utf-8") as file:
                job.events.append(json.load(file, parse_constant=_refuse))
        job.events.sort(key=lambda one: one["counter"])
        with open(f"{folder}/artifacts/job/stdout", encoding="utf-8") as file:
            job.text = job.output + file.read() + json.dumps(job.events)
        return job


def _environment(folder: str) -> dict[str, str]:
    return {
        "PATH": f"{_TOP}/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "ANSIBLE_HOME": f"{folder}/.ansible",
        "ANSIBLE_COLLECTIONS_PATH": f"{_TOP}/collections",
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        **sshd.settings(),
        "ANSIBLE_PIPELINING": "1",
        # A master would outlive the job, and keep its output open.
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        "ANSIBLE_PRIVATE_KEY_FILE": f"{folder}/env/key",
    }


def _write(path: str, content: Any, text: Optional[str] = None) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(content) if text is None else text)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")
