# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack of networks, volumes, secrets, images and containers, applied in this order by what their modules do."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ..._drivers.images.store import ImageStore
from ..._inputs.stack import Options, Stack
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, LibpodError, may_come, note_done, warn_of_missing
from ..._model.failpoints import failpoint
from ..._model.options.network_definition import Wanted
from ..._model.options.network_definition import wanted as wanted_network
from ..._model.options.parsers import mapping
from ..._model.records.image import normalise, split_domain
from ..._reconcile.desired import Desired
from ..._resources import secrets
from ..._resources.images.outcome import Outcome as ImageOutcome
from ..._resources.networks import changes as network_changes
from ..._resources.networks import networks, removal
from ..._resources.networks.files import Files, described
from ..._resources.volumes import changes as volume_changes
from ..._resources.volumes.inspect import everyone as all_volumes
from .. import containers
from ..resources import image, network, secret, volume


class Owner(NamedTuple):
    """The label that all of a stack has, by which what is no longer in it is found."""

    label: str
    value: str

    def has(self, labels: Mapping[str, str]) -> bool:
        """Return whether something with these labels is the owner's."""
        return labels.get(self.label) == self.value

    def check(self, what: str, labels: Mapping[str, str]) -> None:
        """Check that what a task is to change is not another owner's.

        :raises InvalidArgument: it is.
        """
        other = labels.get(self.label, self.value)
        if other != self.value:
            raise InvalidArgument(f"{what} is of {self.label}={other}: give one of the two another name")


class Changes:
    """What is done to a stack's resources, or in check mode would be; ``actions`` and ``diffs`` gather it.

    An error carries what had been done before it.
    """

    def __init__(self, parts: EngineConfig, owner: Owner, *, dry: bool) -> None:
        self.actions: list[str] = []
        self.diffs: list[dict[str, Any]] = []
        self._parts = parts
        self._owner = owner
        self._dry = dry
        self._rebuilt: set[str] = set()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Have an error carry what was done."""
        try:
            yield
        except (LibpodError, OSError) as error:
            if not self._dry:
                note_done(error, self.actions)
            raise

    def have(self, stack: Stack, *, force_build: bool = False) -> None:
        """Have all that the stack's containers use.

        :raises LibpodError: something cannot be had.
        """
        networks_wanted, volumes_wanted = [], []
        for one in stack.networks:
            with about(f"network {one['name']}"):
                networks_wanted.append(wanted_network(filled(network.spec(), one)))
        for one in stack.volumes:
            with about(f"volume {one['name']}"):
                volumes_wanted.append(volume.desired(filled(volume.spec(), one)))
        for wanted in networks_wanted:
            self._network(wanted)
        for described_volume in volumes_wanted:
            self._volume(described_volume)
        for one in stack.secrets:
            with about(f"secret {one['name']}"):
                self._secret(one)
        for folder in stack.folders:
            self._path("directory", folder)
        for file in stack.files:
            self._path("file", file)
        for one in stack.images:
            with about(f"image {one['name']}"):
                self._image(one, force_build)

    def did(self, what: str, actions: Sequence[str], before: Any, after: Any) -> None:
        """Note what was done to one thing, or in check mode would be."""
        self.actions += actions
        if actions:
            self.diffs.append({"before": before, "after": after, "before_header": what, "after_header": what})

    def _network(self, wanted: Wanted) -> None:
        for one in Files(self._parts).of(wanted.name)[:1]:
            self._owner.check(f"network {wanted.name}", described(one).labels)
        outcome = networks.present(self._parts, wanted, force=True, recreate=False, dry=self._dry)
        if outcome.actions and self._dry:
            network_changes.plan(self._parts, wanted)
        actions = [naming("network", one) for one in outcome.actions]
        self.did(f"network {wanted.name}", actions, outcome.before, outcome.after)

    def _volume(self, wanted: volume_changes.DesiredVolume) -> None:
        outcome = volume_changes.present(self._parts, wanted, dry=True)
        if outcome.before is not None:
            self._owner.check(f"volume {wanted.name}", outcome.before.labels)
        if not self._dry:
            outcome = volume_changes.present(self._parts, wanted)
        shown = [dict(one.labels) if one else {} for one in (outcome.before, outcome.after)]
        self.did(f"volume {wanted.name}", [naming("volume", one) for one in outcome.actions], *shown)

    def _secret(self, options: Options) -> None:
        name, labels = options["name"], mapping(options["labels"], "labels")
        self._owner.check(f"secret {name}", _labels(secrets.inspect(self._parts, name)))
        try:
            content = options.get("content") or secret.content_of(filled(secret.spec(), options))
        except InvalidArgument as error:
            if not (self._dry and may_come(error)):
                raise
            warn_of_missing(error)
            content = b""  # which no secret has
        outcome = secrets.present(self._parts, name, content, labels, keep=False, check_mode=self._dry)
        if outcome.actions and self._dry:
            self._parts.planned.secrets[name] = content
        self.did(f"secret {name}", outcome.actions, outcome.before, outcome.after)

    def _path(self, kind: str, path: str) -> None:
        """Have a directory, or an empty file, where there is nothing of that path."""
        if os.path.lexists(path):
            return
        if self._dry:
            self._parts.planned.directories.add(path)
        else:
            failpoint(f"make a {kind} to be bound")
            os.makedirs(path if kind == "directory" else os.path.dirname(path), exist_ok=True)
            if kind == "file":
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644))
        self.did(f"{kind} {path}", [f"created {kind} {path}"], {}, {"path": path})

    def _image(self, options: Options, force: bool) -> None:
        from ..resources.image_making import built

        params = filled(image.spec(), {**options, "force": force})
        name = params["name"]
        try:
            made = built(self._parts, name, params, image.pulling(params), dry=self._dry)
        except LibpodError as error:
            if not (self._dry and may_come(error)):
                raise
            warn_of_missing(error)
            self._rebuilt.add(name)
            return
        if made.changed:
            self._rebuilt.add(name)
        outcome = ImageOutcome((f"built image {made.name}",) if made.changed else (), made.id, ())
        if params["tags"]:
            from ..._resources.images.tags import tag

            there = ImageStore(self._parts).find(made.id) if made.id else None
            outcome = tag(
                self._parts, outcome._replace(names=there.names if there else ()), params["tags"], (), dry=self._dry
            )
        self.did(f"image {made.name}", list(outcome.actions), {}, {"id": made.id})

    def desired(self, stack: Stack) -> list[Desired]:
        """Return the stack's containers.

        :raises InvalidArgument: one cannot be made so.
        """
        built = {one["name"] for one in stack.images}
        given = [self._named(one, built) for one in stack.containers]
        found = containers.wanted({"containers": given, "defaults": {}})
        return [one._replace(once=one.name in stack.once) for one in found]

    def with_images(self, desired: Sequence[Desired]) -> list[Desired]:
        """Return the containers; in check mode one whose image would be built has to be re-created."""
        return [one._replace(recreate=one.recreate or self._dry and one.image in self._rebuilt) for one in desired]

    def _named(self, options: Options, built: set[str]) -> Options:
        """Return a container's options with its image's full name: a short one is a local image's, or docker.io's."""
        name = str(options.get("image") or "")
        if not name or split_domain(name)[0] or ":/" in name:
            return options
        local = f"localhost/{name}"
        if local in built or ImageStore(self._parts).find(local) is not None:
            return {**options, "image": local}
        return {**options, "image": normalise(name)}

    def remove_networks(self, kept: Sequence[str]) -> None:
        """Remove the owner's networks but those that are kept, once their containers are gone."""
        for one in Files(self._parts).effective():
            name = one.config["name"]
            if name not in kept and self._owner.has(described(one).labels):
                before = removal.known(one)
                if not self._dry:  # in check mode its containers and pods are still there
                    networks.absent(self._parts, name, force=False, dry=False)
                self.did(f"network {name}", [f"deleted network {name}"], before, {})

    def remove_secrets(self, kept: Sequence[str]) -> None:
        """Remove the owner's secrets but those that are kept, once their containers are gone."""
        for one in secrets.everyone(self._parts):
            name = one["Spec"]["Name"]
            if name not in kept and self._owner.has(_labels(one)):
                outcome = secrets.absent(self._parts, name, force=self._dry, check_mode=self._dry)
                self.did(f"secret {name}", outcome.actions, outcome.before, {})

    def remove_volumes(self, kept: Sequence[str] = (), label: str = "") -> None:
        """Remove the owner's volumes with what is in them, but those that are kept and those without a ``label``."""
        for one in list(all_volumes(self._parts)):
            if self._owner.has(one.labels) and one.name not in kept and (not label or label in one.labels):
                if not self._dry:
                    volume_changes.absent(self._parts, one.name)
                self.did(f"volume {one.name}", [f"deleted volume {one.name}"], {"exists": True}, {"exists": False})


@contextmanager
def about(what: str) -> Iterator[None]:
    """Have the message of a refused option begin with what the option is of."""
    try:
        yield
    except InvalidArgument as error:
        raise error if str(error).startswith(what) else InvalidArgument(f"{what}: {error}") from error


def _labels(inspected: Mapping[str, Any]) -> dict[str, str]:
    return dict(inspected["Spec"]["Labels"]) if inspected else {}


def naming(kind: str, action: str) -> str:
    """Return an action on a resource, with its kind: ``created x`` as ``created network x``."""
    verb, _space, rest = action.partition(" ")
    return f"{verb} {kind} {rest}" if " " not in rest else action


def filled(spec: Mapping[str, Any], options: Options) -> Options:
    """Return a module's parameters: ``options``, and its defaults for all else."""
    return {**{name: one.get("default") for name, one in spec.items()}, **options}
