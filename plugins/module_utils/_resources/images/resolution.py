# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that a name stands for: that of the store, or the one at its source, as the options of pulling say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional, Union

from ..._drivers.images.store import ImageStore
from ..._drivers.registries import short_names
from ..._model import foreign
from ..._model.engine_config import EngineConfig, PlannedImage
from ..._model.errors import InvalidArgument, LibpodError, MalformedData, NoSuchImage, ToolFailed, not_yet
from ..._model.records.image import Image, is_short, local_names, name_for_source, of_any_registry

if TYPE_CHECKING:
    from ..._model.options.pulling import Pull

_LOCAL = ("missing", "never")  # the policies that do not ask the source of an image that the store has
# The answers of image sources to one task, so that each question is asked once.
Answers = dict[tuple[object, ...], Union[str, LibpodError]]


class ImageResolution(NamedTuple):
    """The image that the name stands for now.

    ``id`` is its ID, empty where only the pull tells it. ``source`` is where it is pulled from, and ``digest`` that of
    the manifest to pull, empty where the source was not asked, has no digests, or failed with ``error``.
    """

    source: str
    id: str = ""
    pull: bool = False
    digest: str = ""
    error: Optional[LibpodError] = None


class _AtSource(NamedTuple):
    id: str
    digest: str


def resolve(
    parts: EngineConfig, answers: Answers, name: str, how: Optional[Pull], *, check_source: bool = True
) -> ImageResolution:
    """Return the image for a name or source; its source is asked at most once per task, and only if ``how`` says so.

    ``check_source``: refuse a source that cannot have the image, as far as that is clear without asking it.

    A name without a registry that the store lacks is looked for as the host's registries.conf says. Where that names
    several registries, each is asked until one has it.

    :raises NoSuchImage: it is not there, and is not to be pulled, or its source does not have it.
    :raises ToolFailed: its source cannot be asked. :raises MalformedData: registries.conf cannot be used.
    :raises InvalidArgument: registries.conf blocks it, or lets only a user choose one of several registries.
    """
    store = ImageStore(parts)
    image = store.find(name)
    source = _source(name, image)
    if coming := planned(parts, name):
        return _at_source_or(ImageResolution(source, coming.id), parts, answers, how if coming.built else None)
    there = "" if image is None or how is None else how.other_platform(store.configuration(image.id))
    if there:
        image, there = None, f"in the store is for {there}"
    if image is None and how and how.policy == "never":
        there = there or "is not in the store"
        raise not_yet(NoSuchImage(f"image {name!r} {there}, and pull is never: omit pull, or pull it"))
    if image is None:
        names = _candidates(source, required=check_source)
        if not names:
            return ImageResolution(source, pull=True)
        if len(names) > 1:
            from ..._model.options.pulling import DEFAULT

            return _first(parts, answers, names, how or DEFAULT)
        source = names[0]
        if check_source:
            _check_source(source, there)
    present = ImageResolution(source, image.id) if image else ImageResolution(source, pull=True)
    return _at_source_or(present, parts, answers, None if _fixed(name, image) else how)


def _candidates(source: str, *, required: bool) -> list[str]:
    """Return the names that a source may stand for; none, unless ``required``, where registries.conf gives none."""
    if not is_short(source):
        return [source]
    try:
        return short_names.candidates(source)
    except LibpodError:
        if required:
            raise
        return []


def stored(parts: EngineConfig, name: str) -> Optional[Image]:
    """Return the image that the store has for a name, and raise, as ``ImageStore.find``; None where it is to change."""
    return None if planned(parts, name) else ImageStore(parts).find(name)


def planned(parts: EngineConfig, name: str) -> Optional[PlannedImage]:
    """Return the image that a name stands for once what check mode has planned is done; None where that has none."""
    images = parts.planned.images
    if not images:
        return None
    names = (*local_names(name), *(of_any_registry(name, images) if is_short(name) else ()))
    return next((images[one] for one in names if one in images), None)


def _at_source_or(
    present: ImageResolution, parts: EngineConfig, answers: Answers, how: Optional[Pull]
) -> ImageResolution:
    """Return the image at the source of ``present``, which is the store's one or a pull; that where the source fails.

    A source is asked only if ``how`` says so.

    :raises NoSuchImage, ToolFailed, MalformedData: as ``resolve``, unless the policy is ``newer``.
    """
    if how is None or how.policy in _LOCAL:
        return present
    # As podman's: what cannot be asked has nothing newer, and is not asked again.
    optional = how.policy == "newer" and not present.pull
    try:
        at_source = _at_source(parts, answers, present.source, how._replace(retries=0) if optional else how)
    except (NoSuchImage, ToolFailed, MalformedData) as error:
        if present.pull:
            return present._replace(error=error)
        if optional:
            return present
        raise
    pull = present.pull or present.id != at_source.id
    return ImageResolution(present.source, at_source.id, pull, at_source.digest)


def _check_source(source: str, there: str = "") -> None:
    """Check the source of an image, as far as that goes without asking it; a refusal also says what is ``there``.

    :raises NoSuchImage, InvalidArgument: it cannot have the image. :raises MalformedData: as ``check_allowed``.
    """
    from ..._drivers.images.transport import is_registry, origin

    name = name_for_source(source)
    try:
        origin(source, name)
    except NoSuchImage as error:
        error.args = (f"{error}; that {there}",) if there else error.args
        raise
    if is_registry(source):
        short_names.check_allowed(name)


def _first(parts: EngineConfig, answers: Answers, names: list[str], how: Pull) -> ImageResolution:
    """Return the image at the first registry that has it; as in podman, one that cannot be asked is passed over."""
    failures: list[LibpodError] = []
    for name in names:
        try:
            _check_source(name)
            found = _at_source(parts, answers, name, how)
            return ImageResolution(name, found.id, True, found.digest)
        except (NoSuchImage, InvalidArgument, ToolFailed, MalformedData) as error:
            failures.append(error)
    said = "; ".join(str(error) for error in failures)
    absent = all(isinstance(error, NoSuchImage) for error in failures)
    failure = (
        NoSuchImage(said) if absent else ToolFailed(["skopeo"], 1, said, f"looking for image {' or '.join(names)}")
    )
    return ImageResolution(names[0], pull=True, error=failure)


def _source(name: str, stored: Optional[Image]) -> str:
    """Return where the image is pulled from; one that the store has for a name without a registry keeps its name."""
    if stored is None or "@" in name or not is_short(name) and name_for_source(name) in stored.names:
        return name
    return short_names.stored_name(name, stored) or name


def _fixed(image: str, stored: Optional[Image]) -> bool:
    """Return whether the image is named by its digest or ID, which always lead to the same one."""
    if stored is None:
        return "@" in image
    return "@" in image or short_names.is_id_of(image, stored) and not short_names.name_in(image, stored)


def _at_source(parts: EngineConfig, answers: Answers, source: str, how: Pull) -> _AtSource:
    """Return the image at its source, as it was when this task first asked.

    :raises NoSuchImage: the source does not have it. :raises ToolFailed, MalformedData: it cannot be asked.
    """
    from hashlib import sha256

    from ..._drivers.images.transport import Images, is_registry

    images = Images(parts)
    access = (how.authfile, how.creds, how.cert_dir, how.tls_verify)
    digest = image_id = ""
    if is_registry(source):
        text = _once(answers, (source, *access), how.retries, lambda: images.manifest(source, how))
        manifest = foreign.parse(text, f"the manifest of image {source!r}")
        # A manifest of schema 1 has another digest than its text; an index has no configuration of its own.
        if manifest["schemaVersion"].integer() == 2:
            digest = f"sha256:{sha256(text.encode()).hexdigest()}"
            image_id = manifest["config"]["digest"].text().partition("sha256:")[2]
    if not image_id:
        question = (source, digest, how.os, how.arch, how.variant, *access)
        image_id = _once(answers, question, how.retries, lambda: images.source_id(source, how, digest))
    return _AtSource(image_id, digest)


def _once(answers: Answers, question: tuple[object, ...], retries: int, ask: Callable[[], str]) -> str:
    """Return what ``ask`` returns, or raise what it raises, asking each question once per task.

    A failure that may pass is the answer only to those with as many ``retries``.
    """
    failed = (*question, retries)
    if question not in answers and failed not in answers:
        try:
            answers[question] = ask()
        except NoSuchImage as error:
            answers[question] = error
        except ToolFailed as error:
            answers[failed] = error
    answer = answers[question if question in answers else failed]
    if isinstance(answer, LibpodError):
        raise answer
    return answer


def clear_killed(parts: EngineConfig) -> None:
    """Remove what a killed pull has left: its image may be stored already, so that nothing is pulled again.

    ``work_folder`` is loaded only where there is something.
    """
    folder = f"{parts.static_root}/images"
    if os.path.isdir(folder) and os.listdir(folder):
        from .work_folder import clear

        clear(parts)
