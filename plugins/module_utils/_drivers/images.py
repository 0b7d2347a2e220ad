# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images into and out of the store: skopeo(1), containers-storage(1)."""

from __future__ import annotations

import os
import re

from .._model.errors import InvalidArgument, NoSuchImage, ToolFailed
from .._model.image import PATH_TRANSPORTS, Image, name_for_source
from .._model.parts import Parts
from .command import run
from .effects import effect
from .image_store import ImageStore
from .storage_roots import PACKAGE, storage_roots

# What skopeo says where the source is reached and has no such image; "denied" is docker.io's word for it.
_ABSENT = re.compile(
    r"manifest unknown|name unknown|not known to registry|StatusCode: 404|not found|denied|no descriptor"
    r"|initializing source .*no such file or directory"
)
# containers/image's blob information cache of a root user, a file's own folders after it.
_CACHE = (
    "/var/lib/containers/cache/blob-info-cache-v1.boltdb",
    "/var/lib/containers/cache",
    "/var/lib/containers",
)


class Images:
    """Pulls and removes images of the store that ``parts`` select."""

    def __init__(self, parts: Parts) -> None:
        self.store = ImageStore(parts)
        self._roots = storage_roots(parts)

    def pull(
        self, source: str, *, authfile: str = "", username: str = "", password: str = "", tls_verify: bool = True
    ) -> Image:
        """Copy ``source`` into the store, under ``name_for_source``'s name, and return it.

        A source is ``docker://REFERENCE`` or a plain reference, ``oci:PATH[:TAG]``, ``oci-archive:PATH[:TAG]``,
        ``docker-archive:PATH[:REFERENCE]`` or ``dir:PATH``. The host's policy.json decides what may be pulled; a host
        without one has no policy, and then anything may.

        :raises InvalidArgument: no such source. :raises NoSuchImage: it is not at its source.
        :raises ToolFailed: skopeo failed in another way.
        """
        name = name_for_source(source)
        argv = ["skopeo", "copy", "--quiet", *self._policy(), *self._folder()]
        argv += [] if tls_verify else ["--src-tls-verify=false"]
        secret, cache = -1, self._absent_cache()
        if username:
            # In memory and read through /proc: not even a kill leaves a password on a disk or in a process list.
            secret = os.memfd_create("auth.json")
            os.write(secret, _auth_file(name, username, password))
            authfile = f"/proc/{os.getpid()}/fd/{secret}"
        argv += ["--src-authfile", authfile] if authfile else []
        argv += [self._origin(source, name), self._target(name)]
        try:
            run(argv, package="skopeo", env=self._roots.environment(), doing=f"pulling image {source}")
        except ToolFailed as error:
            words = _words(error.stderr)
            if _ABSENT.search(words):
                raise NoSuchImage(f"image {source!r} is not at its source: {words}") from error
            raise ToolFailed(error.argv[:1], error.exit_code, words, f"pulling image {source}") from error
        finally:
            if secret >= 0:
                os.close(secret)
            _remove_cache(cache)
        return self.store.get(name)

    def add_layout(self, path: str, name: str) -> Image:
        """Copy the image ``image`` of an OCI layout into the store under ``name``; layers the store has may be missing.

        :raises ToolFailed: skopeo failed.
        """
        argv = [
            "skopeo",
            "copy",
            "--quiet",
            "--insecure-policy",
            *self._folder(),
            f"oci:{path}:image",
            self._target(name),
        ]
        run(argv, package="skopeo", env=self._roots.environment(), doing=f"storing image {name}")
        return self.store.get(name)

    def remove(self, image: str) -> bool:
        """Remove an image with all its names; False where there is none.

        :raises ToolFailed: a container uses it, or containers-storage failed in another way.
        """
        found = self.store.find(image)
        if found is None:
            return False
        argv = ["containers-storage", "delete-image", *self._roots.arguments, found.id]
        try:
            run(argv, package=PACKAGE, env=self._roots.environment(), doing=f"removing image {image}")
        except ToolFailed:
            # Somebody else removed it at the same time.
            if self.store.find(found.id) is not None:
                raise
        return True

    def _target(self, name: str) -> str:
        """The image in the store as skopeo spells it (containers-transports(5)), which has no escapes."""
        roots = self._roots
        for path in (roots.root, roots.run_root):
            if re.search(r"[]:+@]", path):
                raise InvalidArgument(f"storage root {path!r}: skopeo cannot use a path with one of ] : + @ in it")
        return f"containers-storage:[{roots.driver}@{roots.root}+{roots.run_root}]{name}"

    def _folder(self) -> list[str]:
        """Where skopeo keeps what it has not stored yet: with roots that are given, below them."""
        if not self._roots.given:
            return []
        folder = f"{self._roots.root}/tmp"
        if not os.path.isdir(folder):
            effect("mkdir tmp")
            os.makedirs(folder, 0o700, exist_ok=True)
        return ["--tmpdir", folder]

    def _absent_cache(self) -> list[str]:
        """With roots that are given, what is not there yet of skopeo's cache, which has no option for its place."""
        return [path for path in _CACHE if not os.path.lexists(path)] if self._roots.given else []

    @staticmethod
    def _policy() -> list[str]:
        homes = ("/etc", os.path.join(os.environ.get("HOME", "/root"), ".config"))
        return [] if any(os.path.exists(f"{home}/containers/policy.json") for home in homes) else ["--insecure-policy"]

    @staticmethod
    def _origin(source: str, name: str) -> str:
        """The source as skopeo spells it, after what can be said without asking it."""
        transport, _colon, rest = source.partition(":")
        if transport in PATH_TRANSPORTS:
            path = rest if transport == "dir" else rest.partition(":")[0]
            if not os.path.exists(path):
                raise NoSuchImage(f"image {source!r} is not at its source: there is no {path}")
            if os.path.isdir(path) == transport.endswith("archive"):
                kind = "a directory" if os.path.isdir(path) else "no directory"
                raise InvalidArgument(f"image {source!r}: {path} is {kind}, which {transport}: does not take")
            return source
        if name.startswith("localhost/") and not source.startswith("docker://"):
            raise NoSuchImage(f"image {source!r} is not in the store, and localhost/ names images no registry has")
        if re.fullmatch(r"[0-9a-f]{64}", source):
            raise NoSuchImage(f"image {source!r} is not in the store, and an ID cannot be pulled")
        return f"docker://{name}"


def _remove_cache(paths: list[str]) -> None:
    """Remove what a pull has made of skopeo's cache, folders only where nobody else has put anything."""
    for path in paths:
        effect(f"remove {path}")
        try:
            os.unlink(path) if path == _CACHE[0] else os.rmdir(path)
        except OSError:
            pass


def _auth_file(name: str, username: str, password: str) -> bytes:
    """containers-auth.json(5) for the registry of ``name``."""
    import base64
    import json

    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    return json.dumps({"auths": {name.partition("/")[0]: {"auth": auth}}}).encode()


def _words(stderr: str) -> str:
    """What skopeo says, out of its log format."""
    said = re.findall(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"', stderr)
    return said[-1].replace('\\"', '"').replace("\\n", " ") if said else stderr
