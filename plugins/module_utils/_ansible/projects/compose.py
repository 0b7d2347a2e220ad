# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_compose does, between the arguments and the result."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Mapping

from ..._inputs.compose import project as compose_project
from ..._inputs.compose.project import Project, Request
from ..._inputs.compose.resources import LABEL
from ..._inputs.stack import Options, Stack
from ..._model import caller
from ..._model.errors import InvalidArgument, some, warn
from ..._reconcile.desired import SECRETS_CHANGED, Desired
from .. import arguments
from ..images.image import OTHERWISE
from ..module import EngineModule, run
from .run import DefinitionModule, StackRun, container_options, registry_options, registry_spec, run_stack
from .stack import Owner

_STATES = ("absent", "stopped", "restarted", "present", "created")
_ENDS = ("absent", "stopped")
_PULLS = ("always", "missing", "never", "newer", "policy")


def spec() -> dict[str, Any]:
    """Return the argument spec of libpod_compose."""
    return {
        "project_src": {"type": "path"},
        "project_name": {"type": "str"},
        "files": {"type": "list", "elements": "path"},
        "definition": {"type": "dict"},
        "env_files": {"type": "list", "elements": "path"},
        "profiles": {"type": "list", "elements": "str"},
        "services": {"type": "list", "elements": "str"},
        "dependencies": {"type": "bool", "default": True},
        "scale": {"type": "dict"},
        "state": {"type": "str", "default": "present", "choices": list(_STATES)},
        "pull": {"type": "str", "default": "policy", "choices": list(_PULLS)},
        **registry_spec(),
        "build": {"type": "str", "default": "policy", "choices": ["always", "never", "policy"]},
        "recreate": {"type": "str", "default": "auto", "choices": ["always", "auto", "never"]},
        "secrets_changed": {"type": "str", "default": "restart", "choices": list(SECRETS_CHANGED), "no_log": False},
        "remove_orphans": {"type": "bool", "default": False},
        "remove_volumes": {"type": "bool", "default": False},
        "timeout": {"type": "str"},
        "wait": {"type": "bool", "default": False},
        "wait_timeout": {"type": "str", "default": "300"},
        "workers": {"type": "int"},
        "expect_plan": {"type": "str", "default": ""},
        **arguments.parts_spec(),
    }


def request(params: Mapping[str, Any]) -> Request:
    """Return what a task says of a project.

    :raises InvalidArgument: options contradict each other, or an option that is needed is missing.
    """
    registry_options(params)
    folder = caller.absolute(params["project_src"]) if params["project_src"] else ""
    if params["definition"] is not None and params["files"]:
        raise InvalidArgument("definition: cannot be combined with files: give one of them")
    if params["definition"] is None and not folder:
        raise InvalidArgument("project_src: is needed where there is no definition: give the project's directory")
    if folder and params["definition"] is None and not os.path.isdir(folder):
        raise InvalidArgument(f"project_src: {folder} is no directory on the target")
    scale = params["scale"] or {}
    for name, number in scale.items():
        if not str(number).isascii() or not str(number).isdigit() or int(number) > 1000:
            raise InvalidArgument(f"scale: {name}: {number!r} cannot be used: expected a number up to 1000")
    return Request(
        folder,
        [os.path.join(folder, one) for one in params["files"] or ()],
        params["definition"],
        params["project_name"] or "",
        [os.path.join(folder or caller.absolute("."), one) for one in params["env_files"] or ()],
        params["profiles"] or (),
        params["services"] or (),
        params["dependencies"],
        scale,
    )


def compose(module: EngineModule) -> dict[str, object]:
    """libpod_compose: bring a project to its state, or in check mode say what that takes."""
    project = _read(module.params)
    owner = Owner(f"{LABEL}.project", project.name)
    return run_stack(module, owner, lambda task: _Run(task, project).result())


def _read(params: Mapping[str, Any]) -> Project:
    """Return the project; one that ends needs no more than its name."""
    ends = params["state"] in _ENDS
    if ends and params["project_name"]:
        asked = Request(name=params["project_name"])
        name = compose_project.project_name(asked, "", lambda _name: None)
        return Project(name, frozenset(), (), Stack())
    asked = request(params)
    return compose_project.named(asked) if ends else compose_project.load(asked)


class _Run:
    """One task about a project."""

    def __init__(self, task: StackRun, project: Project) -> None:
        self._params = task.params
        self._project = project
        self._run = task
        self._services = {name: labels.get(f"{LABEL}.service", "") for name, labels in self._run.own()}

    def result(self) -> dict[str, object]:
        stack = self._project.stack
        images = () if self._params["build"] == "never" else tuple(self._built(one) for one in stack.images)
        stack = stack._replace(images=images)
        want = self._ending if self._params["state"] in _ENDS else partial(self._wanted, stack)
        done = self._run.result(want, {**self._recorded(), **stack.after}, partial(self._remove_unlisted, stack))
        return {**done, "project": self._project.name, "ineffective": list(stack.ineffective)}

    def _wanted(self, stack: Stack) -> list[Desired]:
        """Have what the services use, and return their containers with those that are to go."""
        self._run.check_names(stack)
        adapted = stack._replace(containers=tuple(self._adapted(one) for one in stack.containers))
        found = self._run.changes.desired(adapted)
        self._run.changes.have(stack, force_build=self._params["build"] == "always")
        found = self._run.changes.with_images(found)
        return [*found, *self._surplus({one.name for one in found})]

    def _built(self, options: Options) -> Options:
        """Return the options of an image that is built with what the task says of the registries of those below it."""
        names = {**OTHERWISE, "username": "username", "password": "password"}
        more = {name: self._params[option] for option, name in names.items()}
        return {**options, **{name: value for name, value in more.items() if value is not None}}

    def _adapted(self, options: Options) -> Options:
        """Return a container's options with what the task says of all."""
        params = self._params
        state = {"created": "created", "restarted": "started", "present": "started"}[params["state"]]
        return {
            **container_options(options, params, state),
            "force_restart": params["state"] == "restarted",
            "recreate": params["recreate"] == "always",
            "recreate_policy": "never" if params["recreate"] == "never" else "auto",
        }

    def _surplus(self, wanted: set[str]) -> list[Desired]:
        """Return containers that are to go: more than a service has, and with ``remove_orphans`` of no service."""
        gone, orphans = [], []
        for name, service in self._services.items():
            if name in wanted:
                continue
            if service in self._project.selected:
                gone.append(name)
            elif service not in self._project.services:
                orphans.append(name)
        if orphans and not self._params["remove_orphans"]:
            warn(f"the project's files no longer have the containers {some(orphans)}: remove_orphans removes them")
            orphans = []
        return [self._run.removed(name) for name in (*gone, *orphans)]

    def _ending(self) -> list[Desired]:
        """Return the containers that are to end."""
        services = self._params["services"]
        names = [name for name, service in self._services.items() if not services or service in services]
        if self._params["state"] == "absent":
            return [self._run.removed(name) for name in names]
        stop = arguments.seconds(self._params, "timeout")
        return [Desired(name, "stopped", stop_time=stop) for name in names]

    def _recorded(self) -> dict[str, list[str]]:
        """Return the containers that are there with those that they depend on, by their labels."""
        by_service: dict[str, list[str]] = {}
        for name, service in self._services.items():
            by_service.setdefault(service, []).append(name)
        found = {}
        for name, labels in self._run.own():
            services = [one.partition(":")[0] for one in labels.get(f"{LABEL}.depends_on", "").split(",")]
            found[name] = [other for one in services for other in by_service.get(one, ())]
        return found

    def _remove_unlisted(self, stack: Stack) -> None:
        """Remove the project's networks and secrets that its containers no longer use."""
        params = self._params
        whole = not params["services"]
        if params["state"] == "absent" and whole:
            self._run.changes.remove_networks(())
            self._run.changes.remove_secrets(())
            if params["remove_volumes"]:
                self._run.changes.remove_volumes()
        elif params["state"] not in _ENDS and params["remove_orphans"] and whole:
            self._run.changes.remove_networks([one["name"] for one in stack.networks])
            self._run.changes.remove_secrets([one["name"] for one in stack.secrets])


def main() -> None:
    """libpod_compose, from a task's arguments to its result."""
    run(DefinitionModule(argument_spec=spec(), supports_check_mode=True), compose)
