# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of podman's as its database has it, and the engine's record of that."""

from __future__ import annotations

import base64
import json
from typing import Mapping, NamedTuple, Optional

from ..._model import foreign
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from .bolt import Bucket

_MAX_DEPTH = 8  # of buckets in a container's


class PodmanContainer(NamedTuple):
    """A container of podman's: its entries in the database, and its named volumes with those of each.

    They are in the form of BoltDB, whichever database has them. ``tmp_dir`` is podman's for all of its containers.
    """

    id: str
    name: str
    bucket: Bucket
    namespace: str
    tmp_dir: str
    volumes: Mapping[str, Bucket] = {}

    @property
    def config(self) -> Foreign:
        """Its configuration, libpod's ContainerConfig."""
        return self._json(b"config")

    @property
    def state(self) -> Foreign:
        """Its state, libpod's ContainerState, as of podman's last look."""
        return self._json(b"state")

    def _json(self, key: bytes) -> Foreign:
        return foreign.parse(self.bucket.value(key), f"podman's {key.decode()} of container {self.name}")

    @property
    def netns(self) -> str:
        """The path of its network namespace, empty where podman made none."""
        return self.bucket.value(b"netns").decode(errors="replace")

    @property
    def exit_code(self) -> Optional[int]:
        """How its last run ended, which podman keeps beside the state for podman wait; None where it has not."""
        return self.state["exitCode"].integer() if self.state["exited"].flag() else None

    @property
    def networks(self) -> dict[str, Foreign]:
        """The networks that it is on, with what was asked of each."""
        found = {}
        for key, value in self.bucket.bucket(b"networks").items():
            name = key.decode(errors="replace")
            origin = f"podman's network {name} of container {self.name}"
            # An earlier podman has the container's ID in the place of the options.
            text = value if isinstance(value, bytes) and value.startswith(b"{") else b"{}"
            found[name] = foreign.parse(text, origin)
        return found

    def volume(self, name: str) -> Foreign:
        """Return the configuration of one of its named volumes."""
        return foreign.parse(self.volumes[name].value(b"config"), f"podman's volume {name}")

    @property
    def exec_sessions(self) -> list[str]:
        """The IDs of the commands that podman exec runs in it."""
        return [key.decode(errors="replace") for key in self.bucket.bucket(b"exec")]

    @property
    def dependents(self) -> list[str]:
        """The names of podman's containers that depend on it."""
        values = self.bucket.bucket(b"dependencies").values()
        return [one.decode(errors="replace") for one in values if isinstance(one, bytes)]

    def with_state(self, state: Mapping[str, object], netns: str) -> PodmanContainer:
        """Return the container with another state and path of its network namespace."""
        bucket = Bucket(self.bucket)
        bucket.sequence = self.bucket.sequence
        bucket[b"state"] = json.dumps(state).encode()
        bucket.pop(b"netns", None)
        if netns:
            bucket[b"netns"] = netns.encode()
        return self._replace(bucket=bucket)

    def to_json(self) -> dict[str, object]:
        volumes = {name: _to_json(one) for name, one in self.volumes.items()}
        return {**self._asdict(), "bucket": _to_json(self.bucket), "volumes": volumes}

    @classmethod
    def from_json(cls, record: object, origin: str) -> PodmanContainer:
        """Read the engine's record of it.

        :raises MalformedData: it is no such record.
        """
        read = Foreign(record, origin)
        texts = {key: read[key].text() for key in ("id", "name", "namespace", "tmp_dir")}
        volumes = {name: _from_json(one, 0) for name, one in read["volumes"].items()}
        return cls(bucket=_from_json(read["bucket"], 0), volumes=volumes, **texts)


def _to_json(bucket: Bucket) -> dict[str, object]:
    entries = {
        base64.b64encode(key).decode(): _to_json(one) if isinstance(one, Bucket) else base64.b64encode(one).decode()
        for key, one in bucket.items()
    }
    return {"sequence": bucket.sequence, "entries": entries}


def _from_json(record: Foreign, depth: int) -> Bucket:
    if depth > _MAX_DEPTH:
        raise MalformedData(f"{record.origin}: nested too deeply to be read")
    bucket = Bucket()
    bucket.sequence = record["sequence"].integer()
    for key, one in record["entries"].items():
        value = _from_json(one, depth + 1) if isinstance(one.value, dict) else _decoded(one.text())
        bucket[_decoded(key)] = value
    return bucket


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError as error:
        raise MalformedData(f"the record of a container of podman's has {text[:20]!r}, which is no base64") from error
