# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's volumes, and what its containers mount of them."""

from __future__ import annotations

import os
import stat
from typing import Callable, Mapping, NamedTuple, Optional

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, boolean, mode, scalar, to, word
from ..stack import EMPTY_DIR, Options
from .objects import Data, Object, named
from .quantity import size

_PROPAGATION = {"None": "private", "HostToContainer": "rslave", "Bidirectional": "rshared"}
_KINDS: dict[str, Callable[[int], bool]] = {
    "DirectoryOrCreate": stat.S_ISDIR,
    "Directory": stat.S_ISDIR,
    "FileOrCreate": stat.S_ISREG,
    "File": stat.S_ISREG,
    "Socket": stat.S_ISSOCK,
    "CharDevice": stat.S_ISCHR,
    "BlockDevice": stat.S_ISBLK,
}
_VOLUME_OPTIONS = ("driver", "device", "type", "uid", "gid", "mount-options")


class Files(NamedTuple):
    """The files of a ConfigMap or Secret: the name of each one's secret by its path, and its mode."""

    secrets: Mapping[str, tuple[str, str]]


class Mount(NamedTuple):
    """What is mounted: ``kind`` is bind, volume, image or device, empty for what is optional and not there."""

    kind: str = ""
    source: str = ""


class Volumes:
    """The volumes of one pod; what has to be on the host for them is gathered."""

    def __init__(self, fields: Fields, pod: str, data: Data, label: Mapping[str, str]) -> None:
        self._fields = fields
        self._pod = pod
        self._data = data
        self._label = label
        self._volumes: dict[str, Mount | Files] = {}
        self.made: list[Options] = []
        self.folders: list[str] = []
        self.files: list[str] = []

    def add(self, node: Foreign) -> None:
        """Add the volumes of a pod's field ``volumes``."""
        known: dict[str, Callable[[Foreign, str], Mount | Files]] = {
            "configMap": lambda one, _name: self._of_data(one, "ConfigMap", "name"),
            "emptyDir": self._empty_dir,
            "hostPath": self._host_path,
            "image": self._image,
            "persistentVolumeClaim": self._claim,
            "secret": lambda one, _name: self._of_data(one, "Secret", "secretName"),
        }
        for one in node:
            name = named(one["name"])
            sources = [key for key, value in one.items() if value and key != "name"]
            if name in self._volumes or len(sources) != 1:
                one.fail(f"a name that is there once, and one of {', '.join(known)}")
            if sources[0] not in known:
                self._fields.refuse(one[sources[0]], f"take {', '.join(known)}")
            self._volumes[name] = known[sources[0]](one[sources[0]], name)

    def options(self, node: Foreign) -> Options:
        """Return the options of a container's field ``volumeMounts``."""
        found: dict[str, list[str]] = {"mount": [], "device": [], "secrets": []}
        known: dict[str, Translate] = {
            "mountPath": to("target", word),
            "mountPropagation": to("propagation", scalar),
            "name": to("name", scalar),
            "readOnly": to("ro", boolean),
            "subPath": to("subpath", word),
        }
        for one in node:
            given = self._fields.of(one, known)
            if given.get("name") not in self._volumes:
                one["name"].fail("a volume of the pod")
            if not given.get("target", "").startswith("/"):
                one["mountPath"].fail("an absolute path")
            volume = self._volumes[given["name"]]
            if isinstance(volume, Files):
                found["secrets"] += _placed(volume, given, one)
            elif volume.kind == "device":
                read_only = ":r" if given.get("ro") else ""
                found["device"].append(f"{volume.source}:{given['target']}{read_only}")
            elif volume.kind:
                found["mount"].append(self._mount(volume, given, one))
        return {option: values for option, values in found.items() if values}

    def _mount(self, volume: Mount, given: Options, node: Foreign) -> str:
        parts = [f"type={volume.kind}", f"source={volume.source}", f"target={given['target']}"]
        if given.get("ro") and volume.kind != "image":  # which is mounted read-only anyway
            parts.append("ro=true")
        if "subpath" in given:
            if volume.kind == "bind":
                self._fields.refuse(node["subPath"], "give the whole path in the volume's hostPath")
            parts.append(f"subpath={_inside(given['subpath'], node['subPath'])}")
        if "propagation" in given:
            if given["propagation"] not in _PROPAGATION:
                node["mountPropagation"].fail(", ".join(_PROPAGATION))
            if volume.kind == "bind":
                parts.append(f"bind-propagation={_PROPAGATION[given['propagation']]}")
            elif given["propagation"] != "None":
                self._fields.refuse(node["mountPropagation"], "only a hostPath has it")
        return ",".join(parts)

    def _empty_dir(self, node: Foreign, name: str) -> Mount:
        """Return a volume that the pod's containers share and that goes with the pod."""
        found = self._fields.of(node, {"medium": to("medium", scalar), "sizeLimit": to("size", size)})
        options: list[str] = []
        if found.get("medium", "") not in ("", "Memory"):
            self._fields.refuse(node["medium"], "take Memory, or leave it out")
        if found.get("medium"):
            options = ["type=tmpfs", "device=tmpfs", *([f"o=size={found['size']}"] if "size" in found else [])]
        elif "size" in found:
            self._fields.ignore(node["sizeLimit"])
        volume = f"{self._pod}-{name}"
        own = {**self._label, EMPTY_DIR: self._pod}
        self.made.append({"name": volume, "options": options, "label": own})
        return Mount("volume", volume)

    def _host_path(self, node: Foreign, _name: str) -> Mount:
        found = self._fields.of(node, {"path": to("path", word), "type": to("kind", scalar)})
        path, kind = found.get("path", ""), found.get("kind", "")
        if kind and kind not in _KINDS:
            node["type"].fail(f"one of {', '.join(_KINDS)}")
        if "/" not in path and path and not kind:
            return Mount("volume", path)  # as podman
        if not path.startswith("/"):
            node["path"].fail("an absolute path")
        path = os.path.normpath(path)
        there = _mode_of(path)
        if kind and there is not None and not _KINDS[kind](there):
            node["path"].fail(f"a path of type {kind}")
        if kind == "DirectoryOrCreate":
            self.folders.append(path)
        elif kind == "FileOrCreate":
            self.files.append(path)
        return Mount("device" if kind in ("CharDevice", "BlockDevice") else "bind", path)

    def _claim(self, node: Foreign, _name: str) -> Mount:
        found = self._fields.of(node, {"claimName": to("name", word), "readOnly": to("ro", boolean)})
        if found.get("ro"):
            self._fields.refuse(node["readOnly"], "give readOnly to the volumeMounts")
        if "name" not in found:
            node["claimName"].fail("a name")
        return Mount("volume", found["name"])

    def _image(self, node: Foreign, _name: str) -> Mount:
        found = self._fields.of(node, {"reference": to("name", word)}, ("pullPolicy",))
        if "name" not in found:
            node["reference"].fail("an image's name")
        return Mount("image", found["name"])

    def _of_data(self, node: Foreign, kind: str, name_field: str) -> Mount | Files:
        known: dict[str, Translate] = {
            name_field: to("name", scalar),
            "defaultMode": to("mode", _file_mode),
            "items": lambda one: {"items": [self._item(each) for each in one]},
            "optional": to("optional", boolean),
        }
        found = self._fields.of(node, known)
        if "name" not in found:
            node[name_field].fail("an object's name")
        data = self._data.of(kind, found["name"])
        if data is None and found.get("optional"):
            return Mount()
        if data is None and (kind == "ConfigMap" or "items" not in found):
            node[name_field].fail(f"a {kind} that is among the documents")
        default = found.get("mode", "0644")
        items = found.get("items") or [(key, key, "") for key in data or ()]
        missing = [key for key, _path, _mode in items if data is not None and key not in data]
        if missing and not found.get("optional"):
            node["items"].fail(f"keys of {kind} {found['name']}, which has no {missing[0]}")
        return Files(
            {
                path: (self._data.secret(kind, found["name"], key, node), own or default)
                for key, path, own in items
                if key not in missing
            }
        )

    def _item(self, node: Foreign) -> tuple[str, str, str]:
        found = self._fields.of(
            node, {"key": to("key", scalar), "path": to("path", word), "mode": to("mode", _file_mode)}
        )
        for field in ("key", "path"):
            node[field].text(required=True)
        return found["key"], _inside(found["path"], node["path"]), found.get("mode", "")


def claimed(one: Object, label: Mapping[str, str]) -> Options:
    """Return the options of the volume that a PersistentVolumeClaim is, with those of its annotations (podman's)."""
    one.content("spec")
    unused = ("accessModes", "resources", "selector", "storageClassName", "volumeMode", "volumeName")
    one.fields.of(one.root["spec"], {}, unused)
    given: dict[str, str] = {}
    for key, value in one.root["metadata"]["annotations"].items():
        prefix, _slash, option = key.partition("/")
        if prefix == "volume.podman.io":
            if option not in _VOLUME_OPTIONS:
                one.fields.refuse(value, f"take {', '.join(_VOLUME_OPTIONS)}")
            given[option] = scalar(value)
    mounting = [f"{key}={given[key]}" for key in ("uid", "gid") if key in given] + [given.get("mount-options", "")]
    options = [f"{key}={given[key]}" for key in ("type", "device") if key in given]
    options += [f"o={','.join(filter(None, mounting))}"] if any(mounting) else []
    driver = {"driver": given["driver"]} if "driver" in given else {}
    return {"name": one.metadata.name, **driver, "options": options, "label": {**one.metadata.labels, **label}}


def _placed(files: Files, given: Options, node: Foreign) -> list[str]:
    """Return the option ``secrets`` of files at their places in a container."""
    if given.get("propagation", "None") != "None":
        node["mountPropagation"].fail("None, for there is no mount point below these files")
    target = given["target"].rstrip("/")
    sub = _inside(given["subpath"], node["subPath"]) if "subpath" in given else ""
    found = []
    for path, (secret, file_mode) in files.secrets.items():
        if not sub:
            found.append(f"{secret},target={target}/{path},mode={file_mode}")
        elif path == sub:
            found.append(f"{secret},target={target},mode={file_mode}")
        elif path.startswith(f"{sub}/"):
            found.append(f"{secret},target={target}/{path[len(sub) + 1 :]},mode={file_mode}")
    if sub and not found:
        node["subPath"].fail("the path of a file or directory in the volume")
    return found


def _inside(path: str, node: Foreign) -> str:
    """Return a path inside a volume.

    :raises MalformedData: it leads out of it.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or not parts:
        node.fail("a relative path without '..'")
    return "/".join(parts)


def _file_mode(node: Foreign) -> str:
    text = mode(node)
    if len(text.lstrip("0")) > 3 or text.strip("01234567"):
        node.fail("a mode from 0 to 0777")
    return text.lstrip("0").rjust(4, "0")


def _mode_of(path: str) -> Optional[int]:
    """Return the mode of a file of the host, None where there is none."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return None
