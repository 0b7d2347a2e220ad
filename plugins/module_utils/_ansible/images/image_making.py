# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of libpod_image that build and push an image mean; imported only for tasks that have them."""

from __future__ import annotations

import os
import shlex
from typing import Any, Mapping, Optional

from ..._drivers import foreign_files
from ..._drivers.images.buildah import Build
from ..._drivers.registries import short_names
from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, MalformedData, not_yet, warn
from ..._model.options.pulling import Pull
from ..._model.options.syntax.parsers import mapping, wrong
from ..._model.records.image import Image, is_short, name_for_source, normalise, of_any_registry, split_domain
from ..._resources.images import build, push
from ..._store import secrets
from .image_options import TRANSPORTS


def built(parts: EngineConfig, name: str, params: Mapping[str, Any], how: Pull, *, dry: bool) -> build.Built:
    """Have the image built, as ``build.build``.

    :raises InvalidArgument: an option cannot be used.
    """
    options: Mapping[str, Any] = params["build"] or {}
    context = caller.absolute(params["path"]) if params["path"] else ""
    if context and not os.path.isdir(context):
        raise not_yet(wrong("path", params["path"], "a directory with what the image is built from"))
    if not context and options.get("container_file") == "":
        raise InvalidArgument("build: container_file: is empty: give the Containerfile, or path, or omit it for a pull")
    if not context and not options.get("container_file"):
        raise InvalidArgument("path: is missing: give the directory to build from, or build: container_file")
    if options.get("file") and options.get("container_file"):
        raise InvalidArgument("build: container_file cannot be combined with file: give one of them")
    wanted = Build(
        name,
        context,
        build.containerfile(options.get("file") or "", context, options.get("container_file") or ""),
        **{key: mapping(options.get(key) or {}, f"build: {key}") for key in ("args", "labels")},
        annotations=mapping(options.get("annotation") or {}, "build: annotation"),
        secrets=_secrets(parts, options.get("secrets") or ()),
        volumes=options.get("volume") or (),
        target=options.get("target") or "",
        platform="/".join(part for part in (how.os or ("linux" if how.arch else ""), how.arch, how.variant) if part),
        format=options.get("format") or "oci",
        isolation=options.get("isolation") or "chroot",
        cache=options.get("cache") is not False,
        extra=shlex.split(options.get("extra_args") or ""),
    )
    return build.build(parts, wanted, how, force=params["force"], dry=dry)


def _secrets(parts: EngineConfig, wanted: Any) -> dict[str, bytes]:
    """Return the secrets that the build's commands can read, of the engine's store or of files."""
    found = {}
    for text in wanted:
        pairs = dict(part.strip().partition("=")[::2] for part in text.split(",")) if "=" in text else {"id": text}
        if not pairs.get("id") or set(pairs) - {"id", "src", "source"}:
            raise wrong("build: secrets", text, "the name of a secret, or id=NAME,src=PATH")
        path = pairs.get("src") or pairs.get("source")
        try:
            name = pairs["id"]
            content = foreign_files.read(caller.absolute(path)) if path else secrets.read(parts, name)
        except OSError as error:
            raise not_yet(InvalidArgument(f"build: secrets: {path} cannot be read: {error.strerror}")) from error
        except MalformedData as error:
            raise InvalidArgument(f"build: secrets: {error}") from error
        found[name] = content
    return found


def pushed(
    parts: EngineConfig, name: str, image: Optional[Image], params: Mapping[str, Any], how: Pull, *, dry: bool
) -> tuple[str, push.Pushed]:
    """Have the image pushed, as ``push.push``; return the destination with it. In check mode it may be still to come.

    :raises InvalidArgument: the destination cannot be used.
    """
    options: Mapping[str, Any] = params["push_args"] or {}
    if options.get("extra_args"):
        warn("push_args: extra_args has no effect here")
    wanted = push.Push(
        _destination(name, image, options.get("dest") or "", options.get("transport") or ""),
        compress=options.get("compress"),
        format=options.get("format") or "",
        remove_signatures=bool(options.get("remove_signatures")),
        sign_by=options.get("sign_by") or "",
        force=params["force"],
    )
    if image is None:
        return wanted.destination, push.Pushed("", True)
    return wanted.destination, push.push(parts, image, wanted, how, dry=dry)


def _destination(source: str, image: Optional[Image], dest: str, transport: str) -> str:
    """Return skopeo's reference to the destination, as podman and podman_image make it of the image's name.

    :raises InvalidArgument: it cannot be used, or is missing and the image's name has no registry.
    """
    if transport in ("docker-daemon", "ostree"):
        raise InvalidArgument(f"push_args: transport {transport} cannot be used: there is no such thing here")
    if transport not in ("", "docker"):
        if not dest:
            raise InvalidArgument(f"push_args: dest is missing, which transport {transport} needs: give a path")
        return f"{transport}:{dest}"
    if dest.partition(":")[0] in TRANSPORTS and "/" in dest:
        return dest
    dest = dest.rstrip("/")
    _namespace, slash, last = dest.rpartition("/")
    if slash and (":" in last or "@" in last):
        return f"docker://{dest}"
    # As podman, a short name is that of the image which the store has for it; an ID is the image's first name.
    name = short_names.stored_name(source, image) if image else name_for_source(source)
    registry, path = split_domain(name)
    if not dest:
        if registry in ("", "localhost"):
            shown = f"name {name} has no registry" if name else "image has no name"
            raise InvalidArgument(f"push_args: dest is missing: the {shown} to push to: give REGISTRY/NAME[:TAG]")
        return f"docker://{name}"
    if not name:
        raise InvalidArgument(f"push_args: dest {dest} has no tag, and the image no name: give REGISTRY/NAME:TAG")
    # podman_image adds the image's own name, as the task has it, to a registry or namespace.
    if is_short(source) and of_any_registry(source, [name]):
        registry, path = split_domain(normalise(source))
    own = path.removeprefix("library/") if registry == "docker.io" else path
    short, _colon, tag = own.rpartition(":")
    return f"docker://{dest}:{tag}" if dest.endswith(f"/{short}") else f"docker://{dest}/{own}"
