# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build: an image made by buildah, once for the same context, Containerfile, options and images below it."""

from __future__ import annotations

import json
import os
import re
from hashlib import sha256
from typing import Iterator, Mapping, NamedTuple

from ..._drivers import foreign_files
from ..._drivers.images import build_context, buildah
from ..._drivers.images.store import ImageStore
from ..._model.engine_config import EngineConfig, PlannedImage
from ..._model.errors import InvalidArgument, MalformedData, not_yet
from ..._model.options.pulling import ARCHITECTURES, DEFAULT, Pull, pulling
from ..._model.records.image import local_names
from ..._store.locks import alone_at
from .pull import pull
from .resolution import planned
from .work_folder import clear, work_folder

LABEL = "io.libpod.engine.build"
_FILES = ("Containerfile", "Dockerfile")
_LARGEST = 1 << 20
_MACHINE = os.uname().machine
_HOST = f"linux/{ARCHITECTURES.get(_MACHINE, _MACHINE)}"  # the platform


class Built(NamedTuple):
    """The image, with an empty ID where check mode predicts a new one, and whether it is new."""

    id: str
    name: str
    changed: bool


def build(
    parts: EngineConfig, wanted: buildah.Build, how: Pull = DEFAULT, *, force: bool = False, dry: bool = False
) -> Built:
    """Have the store have the image that ``wanted`` describes, under its name.

    The digest of all that it is made of is recorded as a label. With the same digest, no program is run. The images
    below it are pulled first, as ``how`` says, each for its platform.

    :raises InvalidArgument: the name, the context or an option cannot be used. :raises ToolFailed: the build failed.
    :raises NoSuchImage: an image below it is not there, or not to be pulled.
    """
    names = local_names(wanted.name)
    if not names or "@" in names[0]:
        raise InvalidArgument(f"name: {wanted.name!r} cannot be used: expected a name for the new image, not an ID")
    wanted = wanted._replace(name=names[0])
    _check_stages(wanted)
    if not dry:
        clear(parts)
    made_of, below = _inputs(wanted), _pulls(wanted, how)
    asks = how.policy in ("always", "newer")
    known = _known(ImageStore(parts), wanted, made_of)
    if dry:
        return _predicted(parts, wanted.name, below, known, asks=asks, force=force)
    if known and not force and not asks:
        return Built(known, wanted.name, False)
    with alone_at(parts.run_root, f"build {wanted.name}"), work_folder(parts) as folder:
        pulled = [action for name, one in below.items() for action in pull(parts, name, one, dry=False).actions]
        # Another task may have built it before the lock was taken.
        known = _known(ImageStore(parts), wanted, made_of)
        if known and not force:
            return Built(known, wanted.name, bool(pulled))
        store = ImageStore(parts)
        before = store.find(wanted.name)
        labels = {**wanted.labels, LABEL: _digest(made_of, store, wanted)}
        context, scratch = f"{folder}/context", f"{folder}/tmp"
        for one in (context, scratch):
            os.mkdir(one, 0o700)
        image_id = buildah.build(parts, wanted._replace(labels=labels, context=wanted.context or context), scratch)
    return Built(image_id, wanted.name, before is None or before.id != image_id or bool(pulled))


def _predicted(
    parts: EngineConfig, name: str, below: Mapping[str, Pull], known: str, *, asks: bool, force: bool
) -> Built:
    """Return what a build would do, and have it and the images that it pulls count as done for the task's next steps.

    :raises LibpodError: as the run, of an image below.
    """
    if any(planned(parts, one) for one in below):
        known = ""
    if asks or force or not known:
        for one, how in below.items():
            outcome = pull(parts, one, how, dry=True)
            if outcome.actions:
                known = ""
                parts.planned.images[outcome.names[-1]] = PlannedImage(outcome.id)
    if force or not known:
        parts.planned.images[name] = PlannedImage(built=True)
    return Built(known, name, force or not known)


def containerfile(path: str, context: str, inline: str) -> bytes:
    """Return the Containerfile: ``inline``, or the file at ``path``, or that of the context.

    :raises InvalidArgument: there is none, or it cannot be read.
    """
    if inline:
        return inline.encode()
    places = [os.path.join(context, path)] if path else [f"{context}/{name}" for name in _FILES]
    for place in places:
        try:
            return foreign_files.read(place, max_bytes=_LARGEST)
        except FileNotFoundError:
            continue
        except MalformedData as error:
            raise InvalidArgument(f"build: file: {error}") from error
        except OSError as error:
            raise InvalidArgument(f"build: file: {place} cannot be read: {error.strerror}") from error
    raise not_yet(InvalidArgument(f"build: there is no {' or '.join(places)}: give the Containerfile in build: file"))


def _check_stages(wanted: buildah.Build) -> None:
    """Check that the Containerfile has a stage, and the one to build, unless further options may say otherwise.

    :raises InvalidArgument: it has not.
    """
    stages = [[word for word in words if word[:2] != "--"] for verb, words in _instructions(wanted) if verb == "FROM"]
    if wanted.extra:
        return
    if not stages:
        raise InvalidArgument("build: the Containerfile has no FROM: begin it with FROM IMAGE, or FROM scratch")
    names = [words[2] if len(words) > 2 else str(number) for number, words in enumerate(stages)]
    # Which case and which numbers are a stage's depends on buildah's version.
    known = {*map(str.lower, names), *map(str, range(len(stages)))}
    if wanted.target and wanted.target.lower() not in known and not any("$" in name for name in names):
        raise InvalidArgument(
            f"build: target: {wanted.target!r} is no stage of the Containerfile: expected one of {', '.join(names)}"
        )


def _inputs(wanted: buildah.Build) -> str:
    """Return the digest of what the image is made of, but for the images below it."""
    try:
        context = build_context.digest(wanted.context) if wanted.context else ""
    except OSError as error:
        refusal = InvalidArgument(f"path: the context {wanted.context} cannot be read: {error.strerror}")
        raise (not_yet(refusal) if isinstance(error, FileNotFoundError) else refusal) from error
    # A secret is no part of an image, and its digest would tell something about it.
    apart = ("secrets", "containerfile", "context", "cache")
    named = {key: value for key, value in wanted._asdict().items() if key not in apart}
    text = json.dumps([named, sorted(wanted.secrets), wanted.containerfile.decode(errors="replace"), context])
    return sha256(text.encode()).hexdigest()


def _digest(made_of: str, store: ImageStore, wanted: buildah.Build) -> str:
    images = {name: store.find(name) for name, _platform in _below(wanted)}
    ids = {name: image.id if image else "" for name, image in images.items()}
    return sha256(json.dumps([made_of, sorted(ids.items())]).encode()).hexdigest()


def _known(store: ImageStore, wanted: buildah.Build, made_of: str) -> str:
    """Return the ID of the image that has the name and was built of the same, empty for none."""
    image = store.find(wanted.name)
    if image is None or wanted.name not in image.names:
        return ""
    recorded = (image.config.get("Labels") or {}).get(LABEL)
    return image.id if recorded == _digest(made_of, store, wanted) else ""


def _pulls(wanted: buildah.Build, how: Pull) -> dict[str, Pull]:
    """Return how each image below is pulled: for the platform of the build, or the one that FROM has for it.

    :raises InvalidArgument: an image is wanted for two platforms, and the store has one image of a name.
    """
    pulls: dict[str, Pull] = {}
    for name, platform in _below(wanted):
        own = pulling({"platform": platform}) if platform else how
        one = how._replace(os=own.os, arch=own.arch, variant=own.variant)
        if pulls.setdefault(name, one) != one:
            raise InvalidArgument(
                f"build: the image {name} is wanted for two platforms, and the store has one image of a name: "
                "name the image of each platform by its digest"
            )
    return pulls


def _below(wanted: buildah.Build) -> list[tuple[str, str]]:
    """Return the images that a Containerfile names in FROM, COPY --from and RUN --mount=from, stages left out.

    Beside each is its platform, empty for the build's own.
    """
    values = {"BUILDPLATFORM": _HOST, "TARGETPLATFORM": wanted.platform}
    stages, found = {"scratch"}, list[tuple[str, str]]()
    in_stage = False
    for verb, words in _instructions(wanted):
        if verb == "ARG" and not in_stage:
            for word in words:
                name, _equals, value = word.partition("=")
                values[name] = wanted.args.get(name, value.strip("\"'"))
        images, names, platform = [], set[str](), ""
        if verb == "FROM":
            in_stage = True
            flags = [word for word in words if word.startswith("--platform=")]
            platform = _substituted("".join(flags)[len("--platform=") :], values)
            platform = "" if platform == _HOST and not wanted.platform else platform
            words = [word for word in words if not word.startswith("--")]
            images = [_substituted(word, values) for word in words[:1]]
            names = {word.lower() for word in words[2:3]}
        elif verb in ("COPY", "RUN"):
            flags = [word for word in words if word.startswith("--from=" if verb == "COPY" else "--mount=")]
            images = [image for flag in flags for image in re.findall(r"\bfrom=([^,]+)", flag)]
        images = [one for one in images if one and one.lower() not in stages and not one.isdigit() and "$" not in one]
        found += [(one, platform) for one in images]
        stages |= names
    return list(dict.fromkeys(found))


def _instructions(wanted: buildah.Build) -> Iterator[tuple[str, list[str]]]:
    """Yield the Containerfile's instructions, each with its words; lines of a here-document may be among them."""
    text = wanted.containerfile.decode(errors="replace")
    directive = re.match(r"(?:#[ \t]*\w+[ \t]*=.*\n)*?#[ \t]*escape[ \t]*=[ \t]*([\\`])[ \t]*\n", text, re.I)
    escape = re.escape(directive[1] if directive else "\\")
    text = re.sub(r"(?m)^\s*#.*\n?", "", text)
    for line in re.sub(escape + r"[ \t]*\n", " ", text).splitlines():
        verb, *words = line.split() or [""]
        yield verb.upper(), words


def _substituted(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match[1] or match[3], match[2]
        return values.get(name) or (default or "")

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)", value, text)
