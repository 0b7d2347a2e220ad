# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building images by buildah(1)."""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack, suppress
from typing import Iterator, Mapping, NamedTuple, Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData, ToolFailed, ToolTimedOut
from .. import foreign_files, network_backend, process
from ..command import run
from ..registries import registries_conf
from ..storage.roots import StorageRoots, member, storage_roots
from .transport import absent_cache, in_memory, remove_cache

PACKAGE = "buildah"
# Begins a secret that no command of a build asks for. buildah has it in its command line, and in the records of the
# containers in which it builds: so they tell whose they are, and whether they are used.
_MARK = "id=io.libpod.engine.build-"
# Variables that steer buildah itself; build arguments of such names are no secrets, and go on its command line.
_STEERING = re.compile(
    r"PATH|HOME|TMPDIR|LANG|USER|GO(GC|DEBUG|MAXPROCS|MEMLIMIT|TRACEBACK)|.*_PROXY"
    r"|(LD|LC|SSL|XDG|STORAGE|CONTAINERS?|BUILDAH|REGISTRY|LIBPOD)_.*"
)


class Build(NamedTuple):
    """What an image is made of, as options of buildah; ``cache`` is whether it takes layers of earlier builds."""

    name: str
    context: str
    containerfile: bytes
    args: Mapping[str, str] = {}
    secrets: Mapping[str, bytes] = {}
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    volumes: Sequence[str] = ()
    target: str = ""
    platform: str = ""
    format: str = "oci"
    isolation: str = "chroot"
    cache: bool = True
    extra: Sequence[str] = ()


def build(parts: EngineConfig, wanted: Build, scratch: str) -> str:
    """Build the image and return its ID; the store's image of that name loses it. ``scratch`` has buildah's own files.

    No value of a build argument or secret stands in a command line. What a killed buildah leaves is removed.

    :raises ToolFailed: buildah failed; the end of what it and the build's own commands printed is kept.
    """
    roots = storage_roots(parts)
    with ExitStack() as opened:
        opened.callback(remove_cache, absent_cache(roots))
        made = in_memory(b"", opened)
        mark = ("--secret", f"{_MARK}{os.urandom(8).hex()},src={made}")
        argv = ["buildah", *_store(roots), "build", "--iidfile", made, *mark, *_options(wanted, opened)]
        variables = {name: value for name, value in wanted.args.items() if not _STEERING.fullmatch(name.upper())}
        env = {**_environment(parts, roots, opened), "TMPDIR": scratch, **variables}
        doing = f"building image {wanted.name}"
        with suppress(ToolFailed):
            remove_left(parts)
        try:
            run([*argv, wanted.context], package=PACKAGE, env=env, doing=doing, label="build")
        except ToolFailed as error:
            with suppress(ToolFailed):  # the error of the build is the one to report
                remove_left(parts)
            if isinstance(error, ToolTimedOut):
                error.argv = error.argv[:1]
                raise
            raise ToolFailed(error.argv[:1], error.exit_code, error.stderr[-2000:], doing) from None
        with open(made, encoding="ascii") as file:
            return file.read().strip().partition("sha256:")[2]


def _options(wanted: Build, opened: ExitStack) -> Iterator[str]:
    yield from ("--file", in_memory(wanted.containerfile, opened), "--tag", wanted.name, "--format", wanted.format)
    yield from ("--isolation", wanted.isolation, f"--layers={str(wanted.cache).lower()}")
    yield from ("--rm", "--force-rm", "--pull-never")
    yield from () if wanted.cache else ("--no-cache",)
    yield from ("--platform", wanted.platform) if wanted.platform else ()
    yield from ("--target", wanted.target) if wanted.target else ()
    for name, value in wanted.args.items():
        # Its value is taken from the environment, which only root can read.
        yield from ("--build-arg", f"{name}={value}" if _STEERING.fullmatch(name.upper()) else name)
    for name, content in wanted.secrets.items():
        yield from ("--secret", f"id={name},src={in_memory(content, opened)}")
    for option, pairs in (("--label", wanted.labels), ("--annotation", wanted.annotations)):
        for name, value in pairs.items():
            yield from (option, f"{name}={value}")
    for volume in wanted.volumes:
        yield from ("--volume", volume)
    yield from wanted.extra
    # It pulls nothing itself: this is for the images below it, which are in the store.
    anything = {"default": [{"type": "insecureAcceptAnything"}]}
    yield from ("--signature-policy", in_memory(json.dumps(anything).encode(), opened))


def _store(roots: StorageRoots) -> list[str]:
    if not roots.configured:
        return []
    return ["--root", roots.root, "--runroot", roots.run_root, "--storage-driver", roots.driver]


def _environment(parts: EngineConfig, roots: StorageRoots, opened: ExitStack) -> dict[str, str]:
    """Return variables with which buildah uses this store, and with given roots nothing outside of them."""
    env = {**roots.environment(), **registries_conf.environment()}
    if not roots.configured:
        return env
    backend = network_backend.backend(parts)
    networks = network_backend.folder(parts, backend)
    network = f'[network]\nnetwork_backend = "{backend}"\nnetwork_config_dir = "{networks}"\n'
    return {**env, "CONTAINERS_CONF": in_memory(network.encode(), opened)}


def _left(roots: StorageRoots) -> Iterator[str]:
    """Yield the IDs of the containers in which builds of this engine worked that have ended."""
    for record in roots.containers("-working-container"):
        container = member(record, "id")
        path = f"{roots.root}/{roots.driver}-containers/{container}/userdata/buildah.json"
        try:
            secrets = foreign_files.read_json(path)["CommonBuildOpts"]["Secrets"].texts()
        except (OSError, MalformedData):
            continue  # another engine's container, or one that buildah was about to make
        mark = next((one for one in secrets if one.startswith(_MARK)), "")
        if mark and not any(process.with_argument(mark, ("buildah",))):
            yield container


def remove_left(parts: EngineConfig, *, dry: bool = False) -> list[str]:
    """Remove the containers in which builds of this engine worked that have ended; return their IDs.

    :raises ToolFailed: they cannot be removed.
    """
    roots = storage_roots(parts)
    left = sorted(_left(roots))
    if left and not dry:
        with ExitStack() as opened:
            env = _environment(parts, roots, opened)
            try:
                run(["buildah", *_store(roots), "rm", *left], package=PACKAGE, env=env, label="rm")
            except ToolFailed:
                if any(_left(roots)):
                    raise
                # A build that ended after the look at the store has removed its own, or another task the others.
                return []
    return left
