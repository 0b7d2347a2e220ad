# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod images``, ``pull``, and ``libpod image`` with its verbs."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional, Sequence, TypedDict

from ..._container.io.log_parts import seconds
from ..._drivers.images.store import ImageStore
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, NoSuchImage
from ..._model.options.syntax.parsers import wrong
from ..._resources.images.inspect import Inspector
from ..._runtime.images import in_use
from ..._runtime.runtime import Runtime
from .. import table
from ..arguments import for_each, new_parser
from ..output import filters
from ..output.listing import Shape, add_listing, show
from . import verbs
from .registry_access import access, add_access

if TYPE_CHECKING:
    from ..._resources.types import InspectedImage

_COLUMNS = {"Repository": "REPOSITORY", "Tag": "TAG", "ID": "IMAGE ID", "Created": "CREATED", "Size": "SIZE"}
_DIGESTS = {"Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", **_COLUMNS}
_NONE = "<none>"
VERBS = ("ls", "inspect", "pull", "push", "rm", "tag", "untag", "exists", "save", "load", "import", "prune")


class _Listed(TypedDict):
    """An image as ``podman images --format json`` shows it."""

    Id: str
    ParentId: str
    RepoTags: list[str]
    RepoDigests: list[str]
    Names: list[str]
    Digest: str
    Size: int
    VirtualSize: int
    Labels: Optional[dict[str, str]]
    Containers: int
    Created: int
    CreatedAt: str


class _Named(NamedTuple):
    """A line of the table: an image under one of its names."""

    image: _Listed
    name: str


def _references(one: _Listed) -> Sequence[str]:
    return [form for name in one["RepoTags"] or () for form in (name, name.partition("/")[2], name.rpartition("/")[2])]


def _reference(value: str) -> filters.Predicate[_Listed]:
    from fnmatch import fnmatchcase

    return lambda one: any(fnmatchcase(form, value) or form.rpartition(":")[0] == value for form in _references(one))


_FILTERS: filters.Known[_Listed] = {
    "reference": _reference,
    "id": filters.beginning(lambda one: [one["Id"]]),
    "dangling": filters.flag(lambda one: not one["RepoTags"]),
    "containers": filters.flag(lambda one: bool(one["Containers"])),
    **filters.labels(lambda one: one["Labels"]),
}


def images(parts: EngineConfig, arguments: Sequence[str], command: str = "images") -> int:
    """List images."""
    parser = new_parser(command, "List images, a line for each of their names.", formats=False)
    parser.add_argument("reference", nargs="?", help="a name, also without registry or tag; * is any text")
    parser.add_argument("-a", "--all", action="store_true", help="those of a build's steps too")
    parser.add_argument("--digests", action="store_true", help="the digests too")
    filters.add_filter(parser, _FILTERS)
    add_listing(parser, "IDs")
    options = parser.parse_args(arguments)
    words = [*options.filter, *([f"reference={options.reference}"] if options.reference else ())]
    suits = filters.matcher(words, _FILTERS)
    hidden = set[str]() if options.all else _intermediate(parts)
    listed = (one for one in _listed(parts) if one["Id"] not in hidden and suits(one))
    found = sorted(listed, key=lambda one: one["Created"], reverse=True)
    if options.format.strip() == "json" and not options.quiet:
        table.write_json(found)
        return 0
    named = filters.matcher([word for word in words if word.startswith("reference=")], _FILTERS)
    lines = [
        _Named(one, name)
        for one in found
        for name in (one["RepoTags"] if not options.quiet else ()) or [""]
        if not name or named({**one, "RepoTags": [name]})
    ]
    rows = [_row(one, options) for one in lines]
    show(options, rows, Shape(_DIGESTS if options.digests else _COLUMNS, lambda one: one, "ID"))
    return 0


def _intermediate(parts: EngineConfig) -> set[str]:
    """Return the IDs of the images without a name that others were made of."""
    from ..._resources.images.parents import parents

    known = [image for image, _created in ImageStore(parts).all()]
    return parents(parts, [image for image in known if not image.names], known)


def _listed(parts: EngineConfig) -> Iterator[_Listed]:
    """Yield all images as they are listed."""
    users = Counter(image for image, _user in set(in_use(Runtime(parts))))
    for one in Inspector(parts).all():
        created = _seconds(one["Created"])
        yield {
            "Id": one["Id"],
            "ParentId": one["Parent"],
            "RepoTags": one["RepoTags"],
            "RepoDigests": one["RepoDigests"],
            "Names": one["RepoTags"],
            "Digest": one["Digest"],
            "Size": one["Size"],
            "VirtualSize": one["VirtualSize"],
            "Labels": one["Labels"],
            "Containers": users[one["Id"]],
            "Created": created,
            "CreatedAt": one["Created"],
        }


def _seconds(when: str) -> int:
    """Return a time of an image, which its maker wrote, as seconds; 0 where it is none."""
    try:
        return int(seconds(when))
    except InvalidArgument:
        return 0


def _row(line: _Named, options: argparse.Namespace) -> dict[str, object]:
    one, whole = line.image, options.no_trunc
    repository, colon, tag = line.name.rpartition(":")
    age = f"{table.ago(time.time() - one['Created'])} ago"
    image_id = f"sha256:{one['Id']}" if whole else one["Id"][:12]
    return {
        **one,
        **{
            "Repository": repository or line.name or _NONE,
            "Tag": tag if colon else _NONE,
            "ID": image_id,
            "Id": image_id,
        },
        **{"Created": age, "CreatedSince": age, "CreatedTime": one["CreatedAt"]},
        **{"Size": table.size(one["Size"]), "VirtualSize": table.size(one["VirtualSize"])},
    }


def image(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Run the verb of ``libpod image``."""
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if verb in ("ls", "list"):
        return images(parts, rest, "image ls")
    if verb == "pull":
        return pull(parts, rest, "image pull")
    if verb == "inspect":
        return _inspect(parts, rest)
    if verb == "exists":
        return _exists(parts, rest)
    if verb in VERBS:
        from .. import prune
        from . import archives, image_changes

        changes = {
            "push": image_changes.push,
            "rm": image_changes.rmi,
            "tag": image_changes.tag,
            "untag": image_changes.untag,
            "save": archives.save,
            "load": archives.load,
            "import": archives.import_tarball,
            "prune": prune.image,
        }
        return changes[verb](parts, rest, f"image {verb}")
    if verb in ("-h", "--help"):
        sys.stdout.write(f"usage: libpod image VERB [ARGUMENT ...], VERB one of {', '.join(VERBS)}\n")
        return 0
    raise wrong("VERB", verb, f"one of {', '.join(VERBS)}")


def _inspect(parts: EngineConfig, arguments: Sequence[str]) -> int:
    parser = new_parser("image inspect", "Show all about images, as a JSON list.", formats=False)
    verbs.add_inspection(parser)
    parser.add_argument("name", nargs="+", help="an image's name, ID, or the beginning of an ID")
    inspector = Inspector(parts)
    return verbs.inspect_each(parser.parse_args(arguments), lambda name: known(inspector, name), {})


def known(inspector: Inspector, name: str) -> InspectedImage:
    """Return an image in the shape of ``podman image inspect``. :raises NoSuchImage: there is none."""
    found = inspector.inspect(name)
    if found is None:
        raise NoSuchImage(f"image {name!r} is not in the store")
    return found


def _exists(parts: EngineConfig, arguments: Sequence[str]) -> int:
    parser = new_parser("image exists", "Exit with 0 if the image exists, else 1.", formats=False)
    parser.add_argument("name", nargs=1)
    return 0 if ImageStore(parts).find(parser.parse_args(arguments).name[0]) else 1


def pull(parts: EngineConfig, arguments: Sequence[str], command: str = "pull") -> int:
    """Pull images and print their IDs."""
    parser = new_parser(command, "Pull images from registries or archives, and print their IDs.", formats=False)
    parser.add_argument("image", nargs="+", help="such as quay.io/team/web:1.4, or oci-archive:/srv/web.tar")
    add_access(parser)
    parser.add_argument(
        "--policy", choices=("always", "missing", "never", "newer"), default="always", help="when (default: always)"
    )
    for option in ("platform", "os", "arch", "variant"):
        parser.add_argument(f"--{option}", help="of the image, if it is not the host's")
    parser.add_argument("--retry", help="how often a failed pull is tried again")
    parser.add_argument("--retry-delay", help="time between two tries, such as 5s")
    options = parser.parse_args(arguments)
    names = ("platform", "os", "arch", "variant", "retry", "retry_delay")
    how = access(options, pull=options.policy, **{name: getattr(options, name) for name in names})

    def work(name: str) -> str:
        from ..._resources.images.pull import pull as pull_one

        if not options.quiet:
            sys.stderr.write(f"Pulling {name} ...\n")
        return pull_one(parts, name, how, dry=False).id

    return for_each(options.image, work)
