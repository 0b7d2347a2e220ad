# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack of networks, volumes, secrets, images and containers, applied in this order by what their modules do."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..._drivers.images.store import ImageStore
from ..._inputs.stack import EMPTY_DIR, Options, Stack
from ..._model.engine_config import EngineConfig, PlannedImage
from ..._model.errors import InvalidArgument, LibpodError, PlanDiffers, may_come, note_done, warn, warn_of_missing
from ..._model.errors import done as done_before
from ..._model.failpoints import failpoint
from ..._model.options.network.definition import Wanted
from ..._model.options.network.definition import wanted as wanted_network
from ..._model.options.syntax.parsers import mapping
from ..._model.records.image import local_names, normalise, split_domain
from ..._reconcile.desired import Desired
from ..._reconcile.plan import NOTHING
from ..._resources import secrets
from ..._resources.images.outcome import Outcome as ImageOutcome
from ..._resources.images.resolution import planned as planned_image
from ..._resources.networks import changes as network_changes
from ..._resources.networks import networks, removal
from ..._resources.networks.files import Files, described
from ..._resources.volumes import changes as volume_changes
from ..._resources.volumes.inspect import everyone as all_volumes
from ..._store import volumes as volume_store
from .. import containers
from ..images import image
from ..resources import network, secret, volume

_PARTS = ("what is there", "the steps", "what is wanted")


class Owner(NamedTuple):
    """The label that all of a stack has, by which what is no longer in it is found."""

    label: str
    value: str

    def has(self, labels: Mapping[str, str]) -> bool:
        """Return whether something with these labels is the owner's."""
        return labels.get(self.label) == self.value

    def check(self, what: str, labels: Mapping[str, str]) -> None:
        """Check that what a task is to change is the owner's.

        :raises InvalidArgument: it is not.
        """
        if not self.has(labels):
            raise InvalidArgument(
                f"{what} is there without the label {self.label}={self.value}: remove it, or give the new one another "
                "name"
            )


class Done(NamedTuple):
    """What was done to one thing, or would be, and what is there before and after."""

    actions: Sequence[str]
    before: object
    after: object


# Does one thing, or with True only looks at what that takes.
Act = Callable[[bool], Done]


class PlannedChange(NamedTuple):
    """A change of one thing, with its part of the plan's digest."""

    what: str
    actions: tuple[str, ...]
    digest: str

    def difference(self, expected: Mapping[str, str]) -> str:
        """Return in what the change differs from the approved one, empty where it does not."""
        from ..._reconcile import approval

        approved = expected.get(key_of(self.what), NOTHING)
        if approved == self.digest:
            return ""
        return approval.differing(approved, self.digest, self.actions, self.what, _PARTS)


class Changes:
    """What is done to a stack's resources, or in check mode would be; ``actions`` and ``diffs`` gather it.

    ``planned`` has the changes by their names in the plan's digest. With ``approved`` digests, each is compared before
    it is carried out. ``gone`` are the containers that in check mode count as removed where a resource is, for they
    would be before it. An error carries what had been done before it.
    """

    def __init__(
        self, parts: EngineConfig, owner: Owner, *, dry: bool, approved: Optional[Mapping[str, str]] = None
    ) -> None:
        self.actions: list[str] = []
        self.diffs: list[dict[str, object]] = []
        self.gone: set[str] = set()
        self.planned: dict[str, PlannedChange] = {}
        self._parts = parts
        self._owner = owner
        self._dry = dry
        self._approved = approved

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Have an error carry what was done, unless it does, with what was done to containers."""
        try:
            yield
        except (LibpodError, OSError) as error:
            if not self._dry:
                note_done(error, done_before(error) or self.actions)
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
                volumes_wanted.append(self._owned(volume.desired(filled(volume.spec(), one))))
        self._check_names(stack)
        for name in stack.foreign_volumes:
            self._check_foreign(name)
        for wanted, one in zip(networks_wanted, stack.networks):
            self._network(wanted, one)
        for described_volume, one in zip(volumes_wanted, stack.volumes):
            self._volume(described_volume, one)
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

    def did(self, what: str, actions: Sequence[str], before: object, after: object) -> None:
        """Note what was done to one thing, or in check mode would be."""
        self.actions += actions
        if actions:
            self.diffs.append({"before": before, "after": after, "before_header": what, "after_header": what})

    def plan(self, what: str, actions: Sequence[str], digest: str) -> None:
        """Note what is to be done to one thing, with its part of the plan's digest.

        :raises PlanDiffers: other steps were approved.
        """
        change = PlannedChange(what, tuple(actions), digest)
        self.planned[key_of(what)] = change
        if self._approved is not None and (found := change.difference(self._approved)):
            raise PlanDiffers(found, {"digest": digest})

    def do(self, what: str, act: Act, wanted: object = None, *, looks: bool = True) -> Sequence[str]:
        """Do one thing, or in check mode look at it, and return the actions; see ``Act``.

        ``wanted`` is what it is to be. Where the plan was approved, it is looked at and compared before, if ``looks``.
        """
        done = act(self._dry or looks and self._approved is not None)
        if done.actions and (looks or self._approved is None):
            from ..._reconcile import approval

            self.plan(what, done.actions, approval.digest((done.before, done.actions, wanted, ())))
        if looks and self._approved is not None and not self._dry:
            done = act(False)
        self.did(what, *done)
        return done.actions

    def _check_names(self, stack: Stack) -> None:
        """Check that the names of the stack's networks and secrets are free or the owner's.

        :raises InvalidArgument: one is not, whose content or options would be lost.
        """
        for wanted in stack.networks:
            for file in Files(self._parts).of(wanted["name"])[:1]:
                self._owner.check(f"network {wanted['name']}", described(file).labels)
        for one in stack.secrets:
            there = secrets.inspect(self._parts, one["name"])
            if there:
                self._owner.check(f"secret {one['name']}", there["Spec"]["Labels"])

    def _check_foreign(self, name: str) -> None:
        """Check that a volume is there that others make; in check mode an earlier task may be to make it.

        :raises InvalidArgument: it is not.
        """
        if volume_store.read(volume_store.folder(self._parts, name)) is not None:
            return
        error = InvalidArgument(
            f"volume {name} is external, and there is none: make it with libpod_volume or 'libpod volume create', or "
            "correct the name"
        )
        if not self._dry:
            raise error
        warn_of_missing(error)

    def _owned(self, wanted: volume_changes.DesiredVolume) -> volume_changes.DesiredVolume:
        """Return a volume as the owner wants it; one that is there without an owner stays as it is.

        :raises InvalidArgument: it has another owner, or a pod's own volume has the name of one that is there.
        """
        there = volume_store.read(volume_store.folder(self._parts, wanted.name))
        if there is None or self._owner.has(there.labels):
            return wanted
        if self._owner.label in there.labels or EMPTY_DIR in wanted.labels:
            self._owner.check(f"volume {wanted.name}", there.labels)
        warn(
            f"volume {wanted.name} is there without the label {self._owner.label}={self._owner.value}: it is used as "
            "it is, and not removed with the others"
        )
        return wanted._replace(keep=True)

    def _network(self, wanted: Wanted, options: Options) -> None:
        def act(dry: bool) -> Done:
            outcome = networks.present(self._parts, wanted, force=True, recreate=False, dry=dry)
            return Done([naming("network", one) for one in outcome.actions], outcome.before, outcome.after)

        if self.do(f"network {wanted.name}", act, options) and self._dry:
            network_changes.plan(self._parts, wanted)

    def _volume(self, wanted: volume_changes.DesiredVolume, options: Options) -> None:
        def act(dry: bool) -> Done:
            outcome = volume_changes.present(self._parts, wanted, dry=dry)
            shown = [dict(one.labels) if one else {} for one in (outcome.before, outcome.after)]
            return Done([naming("volume", one) for one in outcome.actions], *shown)

        self.do(f"volume {wanted.name}", act, options)

    def _secret(self, options: Options) -> None:
        name, labels = options["name"], mapping(options["labels"], "labels")
        try:
            content = options.get("content") or secret.content_of(filled(secret.spec(), options))
        except InvalidArgument as error:
            if not (self._dry and may_come(error)):
                raise
            warn_of_missing(error)
            content = b""  # which no secret has

        def act(dry: bool) -> Done:
            outcome = secrets.present(self._parts, name, content, labels, keep=False, check_mode=dry)
            return Done(outcome.actions, outcome.before, outcome.after)

        if self.do(f"secret {name}", act, (labels, content.hex())) and self._dry:
            self._parts.planned.secrets[name] = content

    def _path(self, kind: str, path: str) -> None:
        """Have a directory, or an empty file, where there is nothing of that path."""

        def act(dry: bool) -> Done:
            if os.path.lexists(path):
                return Done((), {}, {})
            if self._dry:
                self._parts.planned.directories.add(path)
            elif not dry:
                failpoint(f"make a {kind} to be bound")
                os.makedirs(path if kind == "directory" else os.path.dirname(path), exist_ok=True)
                if kind == "file":
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644))
            return Done([f"created {kind} {path}"], {}, {"path": path})

        self.do(f"{kind} {path}", act)

    def _image(self, options: Options, force: bool) -> None:
        from ..images.image_making import built

        params = filled(image.spec(), {**options, "force": force})
        name = params["name"]
        try:
            made = built(self._parts, name, params, image.pulling(params), dry=self._dry)
        except LibpodError as error:
            if not (self._dry and may_come(error)):
                raise
            warn_of_missing(error)
            self._parts.planned.images[local_names(name)[0]] = PlannedImage(built=True)
            return
        outcome = ImageOutcome((f"built image {made.name}",) if made.changed else (), made.id, ())
        if params["tags"]:
            from ..._resources.images.tags import tag

            there = ImageStore(self._parts).find(made.id) if made.id else None
            outcome = tag(
                self._parts, outcome._replace(names=there.names if there else ()), params["tags"], (), dry=self._dry
            )
        self.do(f"image {made.name}", lambda _dry: Done(list(outcome.actions), {}, {"id": made.id}), looks=False)

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

        def rebuilt(image: str) -> bool:
            coming = planned_image(self._parts, image) if image and self._dry else None
            return coming is not None and coming.built

        return [one._replace(recreate=one.recreate or rebuilt(one.image)) for one in desired]

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

                def act(dry: bool, name: str = name, before: Mapping[str, object] = before) -> Done:
                    networks.absent(self._parts, name, force=False, dry=dry, gone=self.gone)
                    return Done([f"deleted network {name}"], before, {})

                self.do(f"network {name}", act)

    def remove_secrets(self, kept: Sequence[str]) -> None:
        """Remove the owner's secrets but those that are kept, once their containers are gone."""
        for one in secrets.everyone(self._parts):
            name = one["Spec"]["Name"]
            if name not in kept and self._owner.has(one["Spec"]["Labels"]):

                def act(dry: bool, name: str = name) -> Done:
                    outcome = secrets.absent(self._parts, name, force=False, check_mode=dry, gone=self.gone)
                    return Done(outcome.actions, outcome.before, {})

                self.do(f"secret {name}", act)

    def remove_volumes(self, kept: Sequence[str] = (), label: str = "") -> None:
        """Remove the owner's volumes with what is in them, but those that are kept and those without a ``label``."""
        for one in list(all_volumes(self._parts)):
            if self._owner.has(one.labels) and one.name not in kept and (not label or label in one.labels):

                def act(dry: bool, name: str = one.name) -> Done:
                    volume_changes.absent(self._parts, name, dry=dry, gone=self.gone)
                    return Done([f"deleted volume {name}"], {"exists": True}, {"exists": False})

                self.do(f"volume {one.name}", act)


def key_of(what: str) -> str:
    """Return the name in a plan's digest of what is changed: ``network/NAME``, which no container has."""
    kind, _space, name = what.partition(" ")
    if not set(",= ").isdisjoint(name):
        name = name.encode().hex()
    return f"{kind}/{name}"


@contextmanager
def about(what: str) -> Iterator[None]:
    """Have the message of a refused option begin with what the option is of."""
    try:
        yield
    except InvalidArgument as error:
        raise error if str(error).startswith(what) else InvalidArgument(f"{what}: {error}") from error


def naming(kind: str, action: str) -> str:
    """Return an action on a resource, with its kind: ``created x`` as ``created network x``."""
    verb, _space, rest = action.partition(" ")
    return f"{verb} {kind} {rest}" if " " not in rest else action


def filled(spec: Mapping[str, Any], options: Options) -> Options:
    """Return a module's parameters: ``options``, and its defaults for all else."""
    return {**{name: one.get("default") for name, one in spec.items()}, **options}
