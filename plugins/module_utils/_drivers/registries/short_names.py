# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a short name, an image's name without a registry, stands for on this host (containers/image's shortnames)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._model.errors import InvalidArgument, LibpodError, NoSuchImage, not_yet, some
from ..._model.foreign import Foreign
from ..._model.records.image import Image, is_short, local_names, normalise, of_any_registry, split_domain

if TYPE_CHECKING:
    from .registries_conf import Registries


def local(image: str) -> list[str]:
    """Return the names by which a short name may stand in the store, best first.

    They are that of its alias, that of ``localhost``, those of the registries that are searched, and docker.io's.

    :raises InvalidArgument: it is no reference. :raises MalformedData: registries.conf cannot be used.
    """
    from . import registries_conf

    conf = registries_conf.read()
    alias = _alias(conf, image)
    first, last = local_names(image)
    return list(dict.fromkeys(filter(None, (alias, first, *_searched(conf, image), last))))


def candidates(image: str) -> list[str]:
    """Return the full names from which an image that the store lacks may be pulled, in the order to try them.

    :raises NoSuchImage: no registry is known for it. :raises InvalidArgument: only the user can choose one of several.
    :raises MalformedData: registries.conf cannot be used.
    """
    from . import registries_conf

    conf = registries_conf.read()
    alias = _alias(conf, image)
    if alias != "":
        return [alias]
    found = _searched(conf, image)
    if not found:
        raise _unknown(image, conf.origin or next(registries_conf.paths(), ""))
    if len(found) > 1 and conf.mode == "enforcing":
        raise not_yet(
            InvalidArgument(
                f"image {image!r} is not in the store and may be {some(found)}, and short-name-mode is enforcing: give "
                "one of these names, or make it an alias in registries.conf"
            )
        )
    return found


def _unknown(image: str, path: str) -> LibpodError:
    """Return the error of a name for which no file, the first of which is at ``path``, knows a registry."""
    lacks = f"{path} has neither an alias for it nor" if path else "there is no registries.conf, and so no"
    return not_yet(
        NoSuchImage(
            f"image {image!r} is not in the store, and {lacks} unqualified-search-registries: give the name with its "
            f"registry, such as {local_names(image)[-1]}, or write unqualified-search-registries = "
            '["docker.io"] to /etc/containers/registries.conf'
        )
    )


def name_in(source: str, image: Image) -> str:
    """Return the one of the image's names by which ``source`` (the ``image`` option) leads to it; empty for an ID.

    registries.conf is read only where the names themselves do not tell.

    :raises InvalidArgument: it is no reference. :raises MalformedData: registries.conf cannot be used.
    """
    return next((name for name in _leading(source, image) if name in image.names), "")


def _leading(source: str, image: Image) -> list[str]:
    """Return the names by which a source leads to the image, best first; one with a digest need not be in the store."""
    names = [name for name in local_names(source) if name in image.names]
    if names or not is_short(source):
        return names
    names = of_any_registry(source, image.names)
    if len(names) == 1 or not names and is_id_of(source, image):
        return names
    return [name for name in local(source) if name in image.names] or names


def is_id_of(text: str, image: Image) -> bool:
    """Return whether the text is the ID of the image, or the beginning of it."""
    return image.id.startswith(text.partition("sha256:")[2] or text)


def stored_name(source: str, image: Image) -> str:
    """Return the name in the store by which ``source`` (the ``image`` option) found ``image``; an ID's is its first.

    :raises InvalidArgument, MalformedData: as ``name_in``.
    """
    names = _leading(source, image)
    if not names and not is_short(source) and not is_id_of(source, image):
        names = [*local_names(source)[-1:]]
    return next(iter((*names, *image.names)), "")


def check_allowed(name: str) -> None:
    """Check that the host's registries.conf does not block an image of this full name.

    :raises InvalidArgument: it does, at all places that the image is pulled from.
    :raises MalformedData: registries.conf cannot be used.
    """
    from . import registries_conf

    conf = registries_conf.read()
    registry = conf.registry(name)
    blocks = [conf.registry(place) for place in registry.places(name)] if registry else []
    last = blocks[-1] if blocks and all(one and one.blocked for one in blocks) else None
    if last:
        raise InvalidArgument(
            f"image {name!r} cannot be pulled: {last.origin} has blocked = true for {last.prefix}: "
            "give an image of another registry, or remove that"
        )


def _alias(conf: Registries, image: str) -> str:
    """Return the full name by an alias, with the short name's tag or digest; empty where there is none.

    :raises MalformedData: the alias is not as registries.conf(5) has it.
    """
    name, at, digest = image.partition("@")
    repository, colon, tag = name.partition(":")
    alias = conf.aliases.get(repository)
    if alias is None or not alias.name:
        return ""
    domain, path = split_domain(alias.name)
    try:
        if not domain or ":" in path or "@" in path:
            raise InvalidArgument()
        return normalise(f"{alias.name}{at}{digest}" if at else f"{alias.name}{colon}{tag}")
    except InvalidArgument:
        Foreign(alias.name, alias.origin, f"aliases.{repository}").fail("REGISTRY/NAME, without a tag or digest")


def _searched(conf: Registries, image: str) -> list[str]:
    """Return the full names of a short name at the registries that are searched."""
    found = []
    for registry in conf.search:
        try:
            found.append(normalise(f"{registry.rstrip('/')}/{image}"))
        except InvalidArgument:
            Foreign(registry, conf.origin, "unqualified-search-registries").fail("registries, as HOST[:PORT]")
    return found
