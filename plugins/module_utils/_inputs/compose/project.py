# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Compose project, from its files to a stack of networks, volumes, secrets, images and containers."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from ..._model import caller
from ..._model.errors import InvalidArgument, MalformedData
from ..._model.foreign import Foreign
from ..._model.records.image import split_domain
from ..fields import Fields, elements, scalar, unread
from ..stack import Options, Stack, check_order, warned
from ..yaml_files import decoded
from . import include, mounts
from .document import PAGE, Document, default_files, read_file
from .merge import untagged
from .resources import LABEL, Resources
from .services import COMPLETED, HEALTHY, STARTED, Names, Service, Translator
from .variables import Lookup, interpolate, with_files

_TOP = ("configs", "name", "networks", "secrets", "services", "volumes")
_MOST_SERVICES = 500
_STRENGTH = ("", STARTED, HEALTHY, COMPLETED)  # of conditions: of several, the one that implies most counts
_WAITS = {HEALTHY: "healthy", COMPLETED: "exited"}


class Request(NamedTuple):
    """What a task says of a project: paths are absolute, ``folder`` is empty where there is none.

    ``definition`` stands in the place of ``files``; ``services`` and what they depend on are all that is translated,
    where there are any, without their dependencies unless ``dependencies``.
    """

    folder: str = ""
    files: Sequence[str] = ()
    definition: Optional[Mapping[str, object]] = None
    name: str = ""
    env_files: Sequence[str] = ()
    profiles: Sequence[str] = ()
    services: Sequence[str] = ()
    dependencies: bool = True
    scale: Mapping[str, Any] = {}


class Project(NamedTuple):
    """A project's name, all services of its files, those that the task is about, and their stack."""

    name: str
    services: frozenset[str]
    selected: tuple[str, ...]
    stack: Stack


def load(request: Request) -> Project:
    """Return the project that a task asks for.

    :raises MalformedData: a file is no Compose file, or has a field without a counterpart.
    :raises InvalidArgument: a file cannot be read, or an option names what is not in the files.
    """
    look_up = _variables(request)
    sources = _sources(request)
    paths = [path for path, _content in sources] if request.definition is None else []
    return _Loading(request, include.load(sources, request.folder, look_up), look_up, paths).project()


def named(request: Request) -> Project:
    """Return a project of which the name alone is known.

    :raises MalformedData: a file is no Compose file. :raises InvalidArgument: a file cannot be read.
    """
    look_up = _variables(request)
    name = ""
    for path, content in _sources(request):
        if not isinstance(content, dict):
            raise MalformedData(f"{path}: expected a Compose file, a mapping with the key services")
        given = Foreign(untagged(content.get("name")), path, "name").text()
        name = interpolate(given, look_up, f"{path}: name") or name
    return Project(project_name(request, name, look_up), frozenset(), (), Stack())


def _sources(request: Request) -> list[tuple[str, object]]:
    """Return the contents of the files by their names, or the task's definition."""
    if request.definition is not None:
        return [("definition", request.definition)]
    return [(path, read_file(path)) for path in request.files or default_files(request.folder)]


def _variables(request: Request) -> Lookup:
    """Return the look-up of variables: those of the module's environment, then of the env files."""
    default = f"{request.folder}/.env"
    paths = request.env_files or ([default] if request.folder and os.path.isfile(default) else [])
    return with_files(caller.environment.get, paths, "env_files")


def project_name(request: Request, named: str, look_up: Lookup) -> str:
    """Return the project's name: the task's, ``COMPOSE_PROJECT_NAME``, the files' or its directory's.

    :raises InvalidArgument: there is none, or it is no project's.
    """
    name = request.name or look_up("COMPOSE_PROJECT_NAME") or named
    if not name:
        name = re.sub(r"[^a-z0-9_-]", "", os.path.basename(request.folder).lower()).lstrip("_-")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", name):
        raise InvalidArgument(
            f"project_name: {name!r} cannot be used: expected a lower-case letter or digit, then lower-case letters, "
            "digits, '_' and '-'"
        )
    return name


class _Loading:
    """One translation of a project's files."""

    def __init__(self, request: Request, whole: Document, look_up: Lookup, paths: Sequence[str]) -> None:
        self._request = request
        self._paths = paths
        self._look_up = look_up
        self._root = whole.root()
        self._fields = Fields(whole.file_of, PAGE)
        named = self._root["name"].text() if self._root["name"] else ""
        self.name = project_name(request, named, look_up)
        self._all = dict(self._root["services"].items())
        self._enabled = self._active()
        self._resources = Resources(self._root, self.name, request.folder, self._fields, look_up)
        resources = self._resources
        names = Names(
            resources.network,
            resources.volume,
            resources.secret,
            resources.config,
            self._first_container,
            lambda path, node: mounts.host_path(request.folder, path, node),
            _text,
            self._enabled,
        )
        self._translator = Translator(self._fields, names, look_up)

    def project(self) -> Project:
        self._check_top()
        translated = self._selected()
        check_order({name: one.needs for name, one in translated.items()}, f"{self._root.origin}: services: ")
        containers: list[Options] = []
        after: dict[str, tuple[str, ...]] = {}
        once: set[str] = set()
        needed: dict[str, str] = {}
        for service in translated.values():
            for name, how in service.needs.items():
                needed[name] = max(how, needed.get(name, ""), key=_STRENGTH.index)
        for name, service in translated.items():
            if needed.get(name) == HEALTHY and service.options.get("no_healthcheck"):
                self._root["services"][name]["healthcheck"].fail("one that is not disabled, as a service waits for it")
            before = [one for other in service.needs if other in translated for one in self._names(translated[other])]
            for number, container in enumerate(self._names(service), 1):
                containers.append(self._container(service, container, number, needed.get(name, "")))
                after[container] = tuple(before)
                if needed.get(name) == COMPLETED:
                    once.add(container)
        stack = Stack(
            networks=self._resources.made("networks"),
            volumes=self._resources.made("volumes"),
            foreign_volumes=tuple(self._resources.foreign_volumes),
            secrets=self._resources.made("secrets"),
            images=tuple(self._image(one) for one in translated.values() if one.build is not None),
            folders=tuple(dict.fromkeys(self._translator.folders)),
            containers=tuple(containers),
            after=after,
            once=frozenset(once),
            ineffective=warned(self._fields.ineffective),
        )
        return Project(self.name, frozenset(self._all), tuple(translated), stack)

    def _check_top(self) -> None:
        if len(self._all) > _MOST_SERVICES:
            self._root["services"].fail(f"at most {_MOST_SERVICES} services")
        self._fields.of(self._root, dict.fromkeys(_TOP, unread), ("version",))
        for option in ("services", "scale"):
            for name in getattr(self._request, option):
                if name not in self._all:
                    raise InvalidArgument(f"{option}: the files have no service {name!r}")

    def _active(self) -> frozenset[str]:
        """Return the services that their profiles do not leave out."""
        active = set(self._request.profiles or (self._look_up("COMPOSE_PROFILES") or "").split(","))
        found = set()
        for name, node in self._all.items():
            own = [scalar(one) for one in elements(node["profiles"])]
            if not own or "*" in active or active & set(own) or name in self._request.services:
                found.add(name)
        return frozenset(found)

    def _selected(self) -> dict[str, Service]:
        """Return the translated services that the task is about, with those that they need."""
        waiting = [name for name in self._all if name in (self._request.services or self._enabled)]
        found: dict[str, Service] = {}
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = self._translator.service(name, self._all[name])
                if self._request.dependencies:
                    waiting += found[name].needs
        return {name: found[name] for name in self._all if name in found}

    def _first_container(self, name: str, node: Foreign) -> str:
        """Return the name of a service's first container; ``node`` is the field that names the service."""
        if name not in self._enabled:
            node.fail("a service of the files that its profiles do not leave out", f'"{name}"')
        return self._all[name]["container_name"].text() or f"{self.name}-{name}-1"

    def _names(self, service: Service) -> list[str]:
        own = self._all[service.name]["container_name"].text()
        scale = self._request.scale.get(service.name)
        number = service.number if scale is None else int(scale)
        if own and number > 1:
            raise InvalidArgument(f"scale: {service.name} has the container_name {own}, so that there is one of it")
        return [own] if own and number else [f"{self.name}-{service.name}-{one + 1}" for one in range(number)]

    def _container(self, service: Service, name: str, number: int, condition: str) -> Options:
        options = dict(service.options)
        options["image"], pull = self._image_name(service), options.get("pull")
        if service.build is not None or pull == "build":
            options["pull"] = "never"
        if condition in _WAITS:
            options["wait"] = _WAITS[condition]
        needs = ",".join(f"{other}:{how}:false" for other, how in sorted(service.needs.items()))
        own = {
            "project": self.name,
            "service": service.name,
            "container-number": str(number),
            "oneoff": "False",
            "depends_on": needs,
            **({"project.working_dir": self._request.folder} if self._request.folder else {}),
            **({"project.config_files": ",".join(self._paths)} if self._paths else {}),
        }
        options["label"] = {**options.get("label", {}), **{f"{LABEL}.{key}": value for key, value in own.items()}}
        return {"name": name, "image_strict": True, **options}

    def _image_name(self, service: Service) -> str:
        """Return the image's name: a build has its own in ``localhost``, as builds by libpod_image have."""
        if service.build is None:
            return str(service.options["image"])
        name = str(service.options.get("image") or f"{self.name}-{service.name}")
        return name if split_domain(name)[0] else f"localhost/{name}"

    def _image(self, service: Service) -> Options:
        return {**(service.build or {}), "name": self._image_name(service), "state": "build"}


def _text(path: str, _option: str) -> str:
    """Return the text of a file.

    :raises FileNotFoundError: there is none. :raises InvalidArgument: it cannot be read.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(path)
    return decoded(path, "env_file")
