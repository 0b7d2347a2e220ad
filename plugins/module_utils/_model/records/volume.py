# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named volume's record: what it was made with."""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple

from ..errors import ConfigMismatch, StateCorrupt
from ..options.mounts.volume_options import VolumeOptions

# What is still to be done with the image's content at a volume's first use.
COPY_TO_COME, COPY_BEGUN, COPY_DONE = "to come", "begun", ""


class VolumeRecord(NamedTuple):
    """``created`` is RFC 3339, empty in a record of an earlier version. ``copy_up`` is one of the words above."""

    name: str
    created: str = ""
    labels: Mapping[str, str] = {}
    options: VolumeOptions = VolumeOptions()
    copy_up: str = COPY_DONE
    anonymous: bool = False

    @property
    def ready(self) -> bool:
        """Whether a container can use its directory as it is: with nothing to mount, and its first content there."""
        return not self.options.mounts and self.copy_up == COPY_DONE

    def to_json(self) -> dict[str, object]:
        record = {**self._asdict(), "options": self.options.to_json()}
        return {key: value for key, value in record.items() if value or key == "name"}

    @classmethod
    def from_json(cls, record: object, path: str) -> VolumeRecord:
        """Return the record of the JSON at ``path``.

        :raises ConfigMismatch: a newer version wrote it.
        :raises StateCorrupt: it is not such a record.
        """
        if not isinstance(record, dict) or not isinstance(record.get("name"), str):
            raise StateCorrupt(f"{path} is not a volume's record")
        options = record.get("options", {})
        if not isinstance(options, dict):
            raise StateCorrupt(f"{path} is not a volume's record: options is no mapping")
        known = {*cls._fields, *VolumeOptions._fields}
        unknown = sorted({*record, *options} - known)
        if unknown:
            raise ConfigMismatch(
                f"{path} has {', '.join(unknown)}, which this engine does not know: it was made by a "
                "newer version of libpod.engine: use that version or newer"
            )
        try:
            result = cls(**{**record, "options": VolumeOptions.from_json(options)})
            if _types(result) != _types(cls("")) or _types(result.options, 0) != _types(VolumeOptions(), 0):
                raise TypeError("a value of it is of another type")
            texts = (*result.labels, *result.labels.values(), *result.options.o)
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("a label or option of it is no text")
        except (TypeError, ValueError, AttributeError) as error:
            raise StateCorrupt(f"{path} is not a volume's record: {error}") from error
        return result


def _types(values: Iterable[object], number: object = None) -> list[type]:
    """Return the types of values, that of ``number`` for None."""
    return [type(number if value is None else value) for value in values]
