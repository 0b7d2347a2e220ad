# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image, and the names images go by (containers-transports(5), distribution/reference)."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Iterable, NamedTuple, cast

from ..errors import InvalidArgument, MalformedData

if TYPE_CHECKING:
    from ..foreign import Foreign
    from .image_config import ImageConfig, ImageHealthcheck

PATH_TRANSPORTS = ("oci", "oci-archive", "docker-archive", "dir")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_DOMAIN = r"(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]+)?"
_LONGEST = 255  # characters of registry and repository, distribution/reference's NameTotalLengthMax
_READABLE = 200  # characters of a path that are left beside its hash
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[a-z0-9]+(?:[-_+.][a-z0-9]+)*:[0-9a-f]{32,}"


class Image(NamedTuple):
    """An image of the store.

    ``config`` is the ``config`` object of its OCI image configuration (``Env``, ``Cmd``, …; ``Healthcheck`` too where
    it was made in Docker's format), ``layer`` the ID of its top layer, empty for none.
    """

    id: str
    names: tuple[str, ...]
    digest: str
    layer: str
    config: ImageConfig = {}


_LISTS = ("Env", "Cmd", "Entrypoint", "Shell", "OnBuild")
_SETS = ("Volumes", "ExposedPorts")
_TEXTS = ("User", "WorkingDir", "StopSignal")
_MAX_PATH = 4095  # bytes, path_resolution(7)
_DURATIONS = ("Interval", "Timeout", "StartPeriod", "StartInterval")


def checked_config(config: Foreign) -> ImageConfig:
    """Return the ``config`` of an image configuration (image-spec config.md), each member of the type it has there.

    What the engine does not know stays as it is; a member that is null is left out.

    :raises MalformedData: naming the member that is not as it should be.
    """
    checked: dict[str, Any] = {key: value for key, value in config.mapping().items() if value is not None}
    checked.update((key, config[key].texts()) for key in _LISTS if key in checked)
    checked.update((key, config[key].text()) for key in _TEXTS if key in checked)
    # What a volume or port is mapped to means nothing.
    checked.update((key, {name: {} for name, _one in config[key].items()}) for key in _SETS if key in checked)
    for name in checked.get("Volumes", ()):
        if len(name.encode()) > _MAX_PATH:
            config["Volumes"].fail(f"paths of at most {_MAX_PATH} bytes")
    if "Labels" in checked:
        checked["Labels"] = {key: value.text() for key, value in config["Labels"].items()}
    if "Healthcheck" in checked:
        checked["Healthcheck"] = _checked_check(config["Healthcheck"])
    return cast("ImageConfig", checked)


def _checked_check(check: Foreign) -> ImageHealthcheck:
    checked: dict[str, object] = {key: value for key, value in check.mapping().items() if value is not None}
    checked.update((key, check[key].integer(low=0)) for key in (*_DURATIONS, "Retries") if key in checked)
    if "Test" in checked:
        test = checked["Test"] = check["Test"].texts()
        if test and (test[0] not in ("NONE", "CMD", "CMD-SHELL") or len(test) < 2 and test[0] != "NONE"):
            check["Test"].fail("NONE, or CMD or CMD-SHELL with a command")
    return cast("ImageHealthcheck", checked)


def usable_config(config: object) -> ImageConfig:
    """Return what can be used of the ``config`` in a container's record, which an engine without checks may have made.

    A container whose image is wrong can so be inspected, re-created and removed.
    """
    from ..foreign import Foreign

    try:
        return checked_config(Foreign(config, "image"))
    except MalformedData:
        usable: ImageConfig = {}
        for key, value in config.items() if isinstance(config, dict) else ():
            with suppress(MalformedData):
                usable.update(checked_config(Foreign({key: value}, "image")))
        return usable


def split_domain(reference: str) -> tuple[str, str]:
    """Return the registry that a reference names, empty where it names none, and the rest."""
    head, slash, rest = reference.partition("/")
    if slash and (head == "localhost" or "." in head or ":" in head or head != head.lower()):
        return head, rest
    return "", reference


def registry_key(text: str, option: str = "registry") -> str:
    """Return what credentials are for: a registry, or a repository or namespace of one; of a URL it is the host.

    :raises InvalidArgument: it is neither.
    """
    url = re.match("https?://([^/]*)", text)
    domain, slash, path = (url[1] if url else text).partition("/")
    if domain in ("index.docker.io", "registry-1.docker.io"):
        domain = "docker.io"
    if not re.fullmatch(_DOMAIN, domain) or slash and not re.fullmatch(_REPOSITORY, path):
        raise InvalidArgument(
            f"{option}: {text!r} cannot be used: expected HOST[:PORT] or HOST[:PORT]/REPOSITORY, without a tag"
        )
    return f"{domain}/{path}" if path else domain


def normalise(reference: str) -> str:
    """Return a reference in full: registry, repository and tag or digest, which wins over a tag, as in podman.

    :raises InvalidArgument: it is no reference.
    """
    name, at, digest = reference.partition("@")
    domain, path = split_domain(name)
    path, colon, tag = path.partition(":")
    if domain in ("", "docker.io", "index.docker.io"):
        domain, path = "docker.io", path if "/" in path else f"library/{path}"
    if not (
        len(f"{domain}/{path}") <= _LONGEST
        and re.fullmatch(_DOMAIN, domain)
        and re.fullmatch(_REPOSITORY, path)
        and (not colon or re.fullmatch(_TAG, tag))
        and (not at or re.fullmatch(_DIGEST, digest))
    ):
        raise InvalidArgument(
            f"image {reference[:300]!r} is no image reference: expected [REGISTRY/]NAME[:TAG][@DIGEST], NAME in lower "
            f"case and with its registry of at most {_LONGEST} characters"
        )
    return f"{domain}/{path}@{digest}" if at else f"{domain}/{path}:{tag or 'latest'}"


def with_tag(name: str, tag: str) -> str:
    """Return ``name`` with a tag or digest, unless it has one, or is a source with a path or a whole ID."""
    at = "@" if tag.startswith("sha256:") else ":"
    last = name.rpartition("/")[2]
    if not tag or "@" in name or ":" in last or name.partition(":")[0] in PATH_TRANSPORTS:
        return name
    return name if re.fullmatch(r"[0-9a-f]{64}", name) else f"{name}{at}{tag}"


@lru_cache(maxsize=64)  # containers of a list share few images
def local_names(image: str) -> tuple[str, ...]:
    """Return the names that an image may have in the store whatever the host's registries.conf(5) says, best first.

    As in podman, a name without a registry is ``localhost/NAME`` before docker.io's. An ID has none.

    :raises InvalidArgument: as ``name_for_source``.
    """
    if re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", image):
        return ()
    name = name_for_source(image)
    return (normalise(f"localhost/{image}"), name) if is_short(image) else (name,)


def is_short(image: str) -> bool:
    """Return whether it is a name without a registry, and no source or whole ID."""
    if image.partition(":")[0] in PATH_TRANSPORTS or image.startswith("docker://"):
        return False
    return not split_domain(image)[0] and not re.fullmatch(r"(?:sha256:)?[0-9a-f]{64}", image)


def of_any_registry(image: str, names: Iterable[str]) -> list[str]:
    """Return those of an image's ``names`` that end as the short name ``image`` does, whatever their registry.

    A digest belongs to the image and to none of its names: for one, the names' repositories are returned with it.

    :raises InvalidArgument: as ``normalise``.
    """
    whole = normalise(f"localhost/{image}").partition("/")[2]
    repository, at, digest = whole.partition("@")
    if not at:
        return [name for name in names if name.endswith(f"/{whole}")]
    repositories = (re.sub(r"(?::[^/:@]*)?(?:@.*)?$", "", name) for name in names)
    return [f"{one}@{digest}" for one in dict.fromkeys(repositories) if one.endswith(f"/{repository}")]


def name_for_source(source: str) -> str:
    """Return the name in the store of an image pulled from ``source`` (the ``image`` option).

    A registry's image keeps its full name. For a path it is ``localhost/PATH:TAG`` as ``podman pull`` has it, but with
    the tag kept: podman gives all images of a layout one name. A hash follows a PATH that is not valid in a name, or
    too long for one. A tag that is a reference itself (always so with docker-archive) is the name.

    :raises InvalidArgument: no reference, or the path is missing or relative.
    """
    transport, _colon, rest = source.partition(":")
    if transport not in PATH_TRANSPORTS:
        return normalise(source[9:] if source.startswith("docker://") else source)
    path, _colon, tag = (rest, "", "") if transport == "dir" else rest.partition(":")
    if not path.startswith("/"):
        raise InvalidArgument(f"image {source!r}: expected an absolute path after {transport}:")
    if "/" in tag or (tag and tag[0] != "@" and transport == "docker-archive"):
        return normalise(tag)
    return normalise(f"localhost/{_path_as_repository(path)}:{tag.lstrip('@') or 'latest'}")


def _path_as_repository(path: str) -> str:
    plain = posixpath.normpath(path).strip("/")
    if re.fullmatch(_REPOSITORY, plain) and len(f"localhost/{plain}") <= _LONGEST:
        return plain
    from hashlib import sha256

    readable = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[-_READABLE:].lstrip("-")
    return f"{readable}-{sha256(plain.encode(errors='surrogateescape')).hexdigest()[:12]}".lstrip("-")
