# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New containers for those whose image's name leads to another image by now: podman-auto-update(1).

A container asks for it by a label. Where the new one fails, the name and the container go back to the earlier image. A
run that is killed before that is known leaves a record, by which the next one finishes it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Iterator, NamedTuple

from .._container.container import Container
from .._container.lifecycle import conmon_cgroup
from .._drivers.images.store import ImageStore
from .._drivers.images.transport import Images, is_registry
from .._model.engine_config import EngineConfig
from .._model.errors import (
    ContainerRemoved,
    InvalidArgument,
    InvalidState,
    LibpodError,
    StateCorrupt,
    Unhealthy,
    sentence,
)
from .._model.options.pulling import Pull
from .._model.records.image import is_short
from .._model.records.status import ContainerStatus
from .._runtime.runtime import Runtime
from .._store import records
from .._store.store import Store
from .desired import Desired
from .image_resolution import resolve_image
from .reconcile import Outcome, apply_one, find_synced

LABEL = "io.containers.autoupdate"
AUTHFILE = f"{LABEL}.authfile"
# podman's words; "image" is its earlier one for "registry".
_POLICIES = {"registry": "registry", "image": "registry", "local": "local", "disabled": "", "": ""}
UPDATED, CURRENT, PENDING, FAILED, ROLLED_BACK = "true", "false", "pending", "failed", "rolled back"


class AutoUpdate(NamedTuple):
    """How containers are updated.

    With ``dry_run`` nothing is changed. ``rollback``: one whose new container fails gets the earlier image again. It
    fails where it is not healthy within ``wait_timeout`` seconds or, without a health check, ends within ``settle``.
    ``pull`` is how a registry is asked.
    """

    dry_run: bool = False
    rollback: bool = True
    pull: Pull = Pull(policy="always")
    wait_timeout: float = 300.0
    settle: float = 5.0


class Report(NamedTuple):
    """What became of one container; ``error`` is why it could not be updated, empty where it could."""

    unit: str
    container_id: str
    name: str
    image: str
    policy: str
    updated: str
    error: str = ""


class _Unproved:
    """The updates that have begun and not yet proved to run, by the containers' names, on disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.unproved_update
        self._directory = os.path.dirname(self._path("name"))

    def note(self, name: str, earlier: str, image: str) -> None:
        """Record that a container of the image ``earlier`` is about to be one of ``image``, by their IDs."""
        os.makedirs(self._directory, 0o700, exist_ok=True)
        self._store.prepare()
        with self._store.lock(name):  # another run may write the same record
            records.write(self._path(name), {"earlier": earlier, "image": image})

    def earlier(self, container: Container) -> str:
        """Return the ID of the image before the container's present one, empty where that has proved to run."""
        with suppress(StateCorrupt):
            record = records.read(self._path(container.name))
            if isinstance(record, dict) and record.get("image") == container.config.rootfs_image_id:
                return str(record.get("earlier", ""))
        return ""

    def forget(self, name: str) -> None:
        records.remove(self._path(name))

    def forget_others(self, names: set[str]) -> None:
        """Remove the records of containers that are no more."""
        with suppress(FileNotFoundError):
            for file in os.listdir(self._directory):
                name = file.removesuffix(".tmp").removesuffix(".json")
                if name not in names:
                    self.forget(name)


def auto_update(parts: EngineConfig, how: AutoUpdate) -> Iterator[Report]:
    """Update the running containers that have the label; one that fails stops none of the others."""
    return _Updates(parts, how).reports()


class _Updates:
    """One run over all containers."""

    def __init__(self, parts: EngineConfig, how: AutoUpdate) -> None:
        self._parts = parts
        self._how = how
        self._runtime = Runtime(parts)  # keeps what sources answer: each image is asked for once a run
        self._unproved = _Unproved(self._runtime.store)

    def reports(self) -> Iterator[Report]:
        containers = list(Runtime(self._parts).containers())
        self._unproved.forget_others({container.name for container in containers})
        for container in containers:
            try:
                container.peek()
            except LibpodError:
                continue  # it was removed
            word = container.labels.get(LABEL, "")
            policy = _POLICIES.get(word, word)
            if not policy or container.config.infra:
                continue
            earlier = self._unproved.earlier(container)
            if earlier or container.state.status is ContainerStatus.RUNNING:
                yield self._report(container, policy, earlier)

    def _report(self, container: Container, policy: str, earlier: str) -> Report:
        config, unit = container.config, conmon_cgroup.service(container)
        report = Report(unit, config.id, config.name, config.rootfs_image_name, policy, CURRENT)
        try:
            desired = _desired(container, policy, self._how)
            if earlier:
                desired = desired._replace(pulling=None)  # the image that was pulled then
                return report._replace(updated=PENDING) if self._how.dry_run else self._prove(desired, earlier, report)
            image = resolve_image(self._runtime, desired)
            if image.error:
                raise image.error
            if image.id == config.rootfs_image_id:
                return report
            if self._how.dry_run:
                return report._replace(updated=PENDING)
            self._unproved.note(config.name, config.rootfs_image_id, image.id)
            return self._prove(desired, config.rootfs_image_id, report)
        except (LibpodError, OSError) as error:
            return report._replace(updated=FAILED, error=sentence(error))

    def _prove(self, desired: Desired, earlier: str, report: Report) -> Report:
        """Have a container of the new image run; where that fails, see that the one of ``earlier`` is back."""
        try:
            outcome = self._changed(desired)
            report = report._replace(container_id=outcome.container_id, updated=UPDATED)
            _check_settled(Runtime(self._parts).by_id(outcome.container_id, desired.name), self._how.settle)
        except ContainerRemoved as error:
            report = report._replace(updated=FAILED, error=sentence(error))
        except (LibpodError, OSError) as error:
            report = report._replace(updated=FAILED, error=sentence(error))
            if self._how.rollback:
                return self._rolled_back(desired, earlier, report)
        self._unproved.forget(desired.name)
        return report

    def _changed(self, desired: Desired) -> Outcome:
        """Bring the container of this name to the desired state.

        :raises ContainerRemoved: none has the name by now; a new one would stand beside one that was renamed.
        """
        runtime = Runtime(self._parts)
        runtime.store.prepare()
        with runtime.store.lock(desired.name) as lock:
            if find_synced(runtime, desired.name) is None:
                lock.discard()
                raise ContainerRemoved(
                    f"container {desired.name} was removed or renamed by another task: run auto-update again"
                )
            return apply_one(runtime, desired)

    def _rolled_back(self, desired: Desired, earlier: str, report: Report) -> Report:
        """Have the name of the image lead to the earlier one again, and the container be of that.

        Where this fails, the next run tries it again. Where nothing had changed, the report stays as it is.
        """
        try:
            stored = ImageStore(self._parts).find(desired.image)
            moved = stored is None or stored.id != earlier
            if moved:
                if ImageStore(self._parts).find(earlier) is None:
                    raise InvalidState(f"image {earlier[:12]} is no longer in the store")
                Images(self._parts).tag(earlier, [desired.image])
            outcome = self._changed(desired._replace(pulling=None, wait_for_healthy=False))
        except (LibpodError, OSError) as error:
            return report._replace(
                error=f"{report.error}; and going back to the earlier image failed: {sentence(error)}"
            )
        self._unproved.forget(desired.name)
        if not moved and not outcome.changed:
            return report
        return report._replace(updated=ROLLED_BACK, container_id=outcome.container_id)


def _desired(container: Container, policy: str, how: AutoUpdate) -> Desired:
    """Return the container as it is, with the image to which its name leads.

    :raises InvalidArgument: its labels or its image are not fit for that.
    """
    name, image = container.name, container.config.rootfs_image_name
    if policy not in _POLICIES.values():
        raise InvalidArgument(f"container {name} has the label {LABEL}={policy}: expected registry, local or disabled")
    if not image or container.config.rootfs or "@" in image:
        raise InvalidArgument(
            f"container {name} has {'an image named by its digest' if '@' in image else 'no image with a name'}: "
            f"expected one with a tag that moves, for the label {LABEL}"
        )
    if policy == "registry" and (is_short(image) or image.startswith("localhost/") or not is_registry(image)):
        raise InvalidArgument(
            f"container {name} has the image {image}, which is no registry's: expected a full name, or the label "
            f"{LABEL}=local"
        )
    pull = None
    if policy == "registry":
        pull = how.pull._replace(authfile=container.labels.get(AUTHFILE) or how.pull.authfile)
    return Desired(
        name,
        "started",
        options=container.config.options,
        image=image,
        image_strict=True,
        pulling=pull,
        wait_for_healthy=True,
        wait_timeout=how.wait_timeout,
    )


def _check_settled(container: Container, seconds: float) -> None:
    """Check that a container without a health check goes on running. :raises Unhealthy: it has ended."""
    if container.config.has_health_check:
        return
    try:
        code = container.wait(seconds)
    except InvalidState:
        return
    raise Unhealthy(f"container {container.name} has ended within {seconds:g} seconds, with exit code {code}")
