# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulling, storing and removing images by skopeo(1); their names in the store are written by ``image_names``."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import ExitStack, suppress
from hashlib import sha256
from typing import Collection, Mapping, Sequence

from ..._model import journal
from ..._model.engine_config import EngineConfig
from ..._model.errors import (
    ImageRejected,
    Internal,
    InvalidArgument,
    MalformedData,
    NoSuchImage,
    ToolFailed,
    ToolMissing,
    ToolTimedOut,
    not_yet,
)
from ..._model.failpoints import failpoint
from ..._model.foreign import Foreign
from ..._model.options.pulling import DEFAULT, Pull
from ..._model.records.image import PATH_TRANSPORTS, Image, name_for_source
from ..command import TOOL_PATH, run
from ..registries import auth_paths, registries_conf, signature_policy
from ..storage.roots import PACKAGE, StorageRoots, chain, storage_roots
from . import image_names, skopeo_messages
from .store import ImageStore

# containers/image's cache of blob information for root: the file, then its folders.
_CACHE = (
    "/var/lib/containers/cache/blob-info-cache-v1.boltdb",
    "/var/lib/containers/cache",
    "/var/lib/containers",
)


class Images:
    """Pulls and removes images of the store that ``parts`` select."""

    def __init__(self, parts: EngineConfig) -> None:
        self.store = ImageStore(parts)
        self._roots = storage_roots(parts)

    def pull(
        self,
        source: str,
        how: Pull = DEFAULT,
        *,
        digest: str = "",
        username: str = "",
        password: str = "",
        scratch: str = "",
    ) -> Image:
        """Copy ``source`` into the store, under the name of ``name_for_source``, and return it.

        ``digest`` is that of the manifest or index to copy, also where the tag has moved since. ``scratch`` is as for
        ``copy``.

        A source is ``docker://REFERENCE`` or a plain reference, ``oci:PATH[:TAG]``, ``oci-archive:PATH[:TAG]``,
        ``docker-archive:PATH[:REFERENCE]`` or ``dir:PATH``. The host's policy.json decides what may be pulled.
        On a host without one, everything may be.

        :raises InvalidArgument: it is no source. :raises NoSuchImage: it is not at its source.
        :raises ImageRejected: by the policy. :raises ToolFailed: skopeo failed in another way.
        """
        name = name_for_source(source)
        policy = signature_policy.arguments(how.signature_policy)
        options = [*_quiet(how), *policy, *_scratch(scratch), *_tls("src-", how)]
        if username:
            how = how._replace(creds=f"{username}:{password}")
        before, began = self._layers(), time.monotonic()
        with ExitStack() as opened:
            options += _auth("src-", how, name, opened)
            if how.key:
                options += ["--decryption-key", _open_key(how.key, opened)]
            self._skopeo("copy", source, [*options, origin(source, name, digest), self._target(name)], how)
        image = self.store.get(name)
        self._note(image, name, before, time.monotonic() - began)
        return image

    def _layers(self) -> Mapping[str, Foreign]:
        """Return the records of the store's layers; none where they cannot be read, which skopeo has the words for."""
        try:
            return self._roots.layers()
        except MalformedData:
            return {}

    def _note(self, image: Image, name: str, before: Collection[str], seconds: float) -> None:
        """Note for the result what a pull has copied: the layers that were not there ``before``."""
        layers = self._layers()
        new = [layers[layer] for layer in chain(layers, image.layer) if layer not in before]
        with suppress(MalformedData):
            size = sum(record["compressed-size"].integer(low=0) for record in new)
            journal.pulls.append({"image": name, "layers": len(new), "bytes": size, "seconds": round(seconds, 1)})

    def manifest(self, source: str, how: Pull, doing: str = "") -> str:
        """Return the manifest of an image at its source, or its index; nothing is pulled, and errors are ``pull``'s.

        ``doing`` begins their messages, where that is not to be a pull.
        """
        return self._inspect(source, how, "", "--raw", doing=doing)

    def source_id(self, source: str, how: Pull, digest: str = "") -> str:
        """Return the ID that the image at its source would have in the store, the digest of its configuration.

        ``digest`` and the errors are those of ``pull``; nothing is pulled.
        """
        return sha256(self._inspect(source, how, digest, "--config", "--raw").encode()).hexdigest()

    def _inspect(self, source: str, how: Pull, digest: str, *flags: str, doing: str = "") -> str:
        name = name_for_source(source)
        with ExitStack() as opened:
            options = [*flags, *_tls("", how), *_auth("", how, name, opened)]
            return self._skopeo("inspect", source, [*options, origin(source, name, digest)], how, doing)

    def push(self, image_id: str, target: str, how: Pull, scratch: str, options: Sequence[str] = ()) -> str:
        """Copy an image of the store to a registry, ``docker://NAME``; return the digest of its manifest there.

        ``scratch`` is as for ``copy``.

        :raises ToolFailed: the registry refused, or skopeo failed in another way.
        """
        doing = f"pushing image to {target}"
        with ExitStack() as opened:
            auth = [*_tls("dest-", how), *_auth("dest-", how, target[9:], opened)]
            digest = in_memory(b"", opened)
            files = ["--digestfile", digest, *_scratch(scratch)]
            flags = [*_quiet(how), "--insecure-policy", *files, *options, *auth]
            try:
                self._skopeo("copy", target, [*flags, self.reference(image_id), target], how, doing)
            except NoSuchImage as error:  # skopeo's message for a registry that refuses is the same
                raise ToolFailed(["skopeo"], 1, str(error), doing) from error
            with open(digest, encoding="ascii") as file:
                return file.read().strip()

    def _skopeo(self, verb: str, source: str, arguments: list[str], how: Pull, doing: str = "") -> str:
        """Run skopeo on ``source``, again after a failure that may pass; return what it printed."""
        platform = (("os", how.os), ("arch", how.arch), ("variant", how.variant))
        options = [*registries_conf.arguments(), *(f"--override-{key}={value}" for key, value in platform if value)]
        argv = ["skopeo", *options, verb, *arguments]
        doing = doing or f"pulling image {source}"
        for tried in range(how.retries + 1):
            cache = absent_cache(self._roots)
            try:
                return run(
                    argv,
                    package="skopeo",
                    env={**self._roots.environment(), **auth_paths.environment()},
                    doing=doing,
                    label=verb,
                    changes=verb == "copy",
                    tool="registry" if verb == "inspect" and is_registry(source) else "",
                    terminal=how.terminal if verb == "copy" else -1,
                )
            except ToolTimedOut as error:
                # The arguments name the places of the secrets.
                error.argv = error.argv[:1]
                raise
            except ToolFailed as error:
                message = skopeo_messages.message_of(error.stderr)
                if how.creds:
                    message = skopeo_messages.without_secrets(message, how.creds, how.creds.partition(":")[2])
                if rejected := signature_policy.rejection(source, how.signature_policy, message):
                    raise ImageRejected(rejected) from error
                if skopeo_messages.is_absent(message):
                    raise NoSuchImage(f"image {source!r} is not at its source: {message}") from error
                if tried == how.retries or skopeo_messages.is_lasting(message):
                    raise ToolFailed(
                        error.argv[:1], error.exit_code, skopeo_messages.advised(message), doing
                    ) from error
            finally:
                remove_cache(cache)
            time.sleep(2.0**tried if how.delay < 0 else how.delay)
        raise Internal(f"{doing} was not tried")

    def add_layout(self, path: str, name: str, doing: str = "") -> Image:
        """Copy ``image`` of an OCI layout into the store as ``name``; it may lack layers that the store has.

        skopeo's temporary files are in the layout, which the caller removes. An error says what it was ``doing``.

        :raises ToolFailed: skopeo failed.
        """
        self.copy(f"oci:{path}:image", self._target(name), doing=doing or f"storing image {name}", scratch=path)
        return self.store.get(name)

    def copy(self, source: str, target: str, *options: str, doing: str, scratch: str = "") -> None:
        """Copy an image from one of skopeo's references to another, neither of which is a registry's.

        ``scratch`` is a directory for skopeo's temporary files, which the caller removes: a skopeo that is killed or
        fails to read the store, as on a full disk, leaves layers there.

        :raises ToolFailed: skopeo failed; its message is kept.
        """
        cache = absent_cache(self._roots)
        argv = ["skopeo", "copy", "--quiet", "--insecure-policy", *_scratch(scratch), *options, source, target]
        try:
            run(argv, package="skopeo", env=self._roots.environment(), doing=doing)
        except ToolTimedOut:
            raise
        except ToolFailed as error:
            raise ToolFailed(
                error.argv[:1], error.exit_code, skopeo_messages.message_of(error.stderr), doing
            ) from error
        finally:
            remove_cache(cache)

    def reference(self, image_id: str) -> str:
        """Return skopeo's reference to the image of the store with this ID, which also an image without names has."""
        return self._target(f"@{image_id}")

    def require_tool(self) -> None:
        """Check that the program that removes images is there. :raises ToolMissing: it is not."""
        if not shutil.which("skopeo", path=TOOL_PATH):
            raise ToolMissing("skopeo", "skopeo")

    def remove(self, image: str) -> bool:
        """Remove an image with all its names; return whether there was one.

        :raises ToolFailed: a container uses it, or skopeo failed in another way.
        """
        stored = self.store.find(image)
        if stored is None:
            return False
        argv, doing = ["skopeo", "delete", self.reference(stored.id)], f"removing image {image}"
        try:
            run(argv, package="skopeo", env=self._roots.environment(), doing=doing, label="delete")
        except ToolTimedOut:
            raise
        except ToolFailed as error:
            # Another process may have removed it at the same time.
            if self.store.find(stored.id) is not None:
                message = skopeo_messages.message_of(error.stderr)
                raise ToolFailed(error.argv[:1], error.exit_code, message, doing) from error
        return True

    def tag(self, image_id: str, names: Sequence[str]) -> None:
        """Add names to an image, which other images lose.

        :raises NoSuchImage: the store does not have it. :raises OSError: the store cannot be written.
        """
        if not image_names.change(self._roots, image_id, add=names):
            self._name_other("add-names", image_id, names)

    def untag(self, image_id: str, names: Sequence[str], *, keep: bool = False) -> None:
        """Remove some of an image's names, and with its last name the image unless ``keep``; a missing one is no error.

        :raises ToolFailed: as ``remove``.
        """
        stored = self.store.find(image_id)
        kept = [one for one in stored.names if one not in names] if stored else []
        if not kept and not keep:
            self.remove(image_id)
        elif stored and not image_names.change(self._roots, image_id, drop=names):
            self._name_other("set-names", image_id, kept)

    def _name_other(self, verb: str, image_id: str, names: Sequence[str]) -> None:
        """Name an image of a read-only store, by a record of its own in the store that can be written."""
        if not self._roots.more:
            raise NoSuchImage(f"image {image_id[:12]} is not in the store")
        argv = ["containers-storage", verb, *self._roots.arguments]
        argv += [argument for one in names for argument in ("--name", one)]
        try:
            run(
                [*argv, image_id], package=PACKAGE, env=self._roots.environment(), doing=f"naming image {image_id[:12]}"
            )
        except ToolMissing as error:
            need = f"a name for image {image_id[:12]} of an additional store", "pull it into the store itself"
            raise ToolMissing(PACKAGE, PACKAGE, need=need) from error

    def _target(self, name: str) -> str:
        """Return skopeo's reference to an image in the store (containers-transports(5)), which has no escapes."""
        roots = self._roots
        for path in (roots.root, roots.run_root):
            if re.search(r"[]:+@]", path):
                raise InvalidArgument(f"storage root {path!r}: skopeo cannot use a path with one of ] : + @ in it")
        return f"containers-storage:[{roots.driver}@{roots.root}+{roots.run_root}]{name}"


def is_registry(source: str) -> bool:
    """Return whether an image is pulled from a registry, which has every image under its digest too."""
    return source.partition(":")[0] not in PATH_TRANSPORTS


def origin(source: str, name: str, digest: str = "") -> str:
    """Return skopeo's reference to a source; to a registry's image by its ``digest``, where that is known.

    :raises NoSuchImage, InvalidArgument: the source cannot have the image, which is clear without asking it.
    :raises MalformedData: it is an oci-archive that skopeo must not unpack.
    """
    transport, _colon, rest = source.partition(":")
    if transport in PATH_TRANSPORTS:
        path = rest if transport == "dir" else rest.partition(":")[0]
        if not os.path.exists(path):
            raise NoSuchImage(f"image {source!r} is not at its source: there is no {path}")
        if os.path.isdir(path) == transport.endswith("archive"):
            kind, expected = ("a directory", "a file") if os.path.isdir(path) else ("no directory", "a directory")
            raise InvalidArgument(f"image {source!r}: {path} is {kind}: {transport}: expects {expected}")
        if transport == "oci-archive":
            from .archive_reader import check_links

            check_links(path)
        return source
    if name.startswith("localhost/") and not source.startswith("docker://"):
        raise not_yet(NoSuchImage(f"image {source!r} cannot be pulled: localhost/ names images no registry has"))
    if re.fullmatch(r"[0-9a-f]{64}", source):
        raise NoSuchImage(f"image {source!r} is not in the store, and an ID cannot be pulled")
    # A full name has a tag, unless it has a digest.
    return f"docker://{name.rpartition(':')[0]}@{digest}" if digest else f"docker://{name}"


def absent_cache(roots: StorageRoots) -> list[str]:
    """Return the missing paths of the tools' cache, the place of which is no option; none without given roots."""
    return [path for path in _CACHE if not os.path.lexists(path)] if roots.configured else []


def remove_cache(paths: list[str]) -> None:
    """Remove what a pull or build has made of the tools' cache; folders with anything else in them stay."""
    for path in paths:
        failpoint(f"remove {path}")
        try:
            os.unlink(path) if path == _CACHE[0] else os.rmdir(path)
        except OSError:
            pass


def _quiet(how: Pull) -> list[str]:
    return ["--quiet"] if how.terminal < 0 else []


def _scratch(folder: str) -> list[str]:
    return ["--tmpdir", folder] if folder else []


def _tls(prefix: str, how: Pull) -> list[str]:
    verify = [] if how.tls_verify is None else [f"--{prefix}tls-verify={str(how.tls_verify).lower()}"]
    return verify + ([f"--{prefix}cert-dir={how.cert_dir}"] if how.cert_dir else [])


def _auth(prefix: str, how: Pull, name: str, opened: ExitStack) -> list[str]:
    """Return the option for the file of the registry's credentials, which never stand in a command line."""
    authfile = how.authfile
    if how.creds:
        user, _colon, password = how.creds.partition(":")
        authfile = in_memory(_auth_file(name, user, password), opened)
    return [f"--{prefix}authfile={authfile}"] if authfile else []


def in_memory(data: bytes, opened: ExitStack) -> str:
    """Return a path to ``data`` in memory: not even a kill leaves it on a disk or in a process list."""
    descriptor = os.memfd_create("secret")
    opened.callback(os.close, descriptor)
    os.write(descriptor, data)
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _open_key(key: str, opened: ExitStack) -> str:
    """Return the path of a private key, decrypted if it has a passphrase, which skopeo 1.9 does not take.

    :raises ToolFailed: the passphrase is not the key's.
    """
    path, colon, phrase = key.partition(":")
    if not colon:
        return path
    argv = ["openssl", "pkey", "-in", path, "-passin", "stdin"]
    plain = run(argv, package="openssl", changes=False, input=f"{phrase}\n", doing="decryption_key: opening the key")
    return in_memory(plain.encode(), opened)


def _auth_file(name: str, username: str, password: str) -> bytes:
    """Return a containers-auth.json(5) for the registry of ``name``."""
    import base64
    import json

    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    return json.dumps({"auths": {name.partition("/")[0]: {"auth": auth}}}).encode()
