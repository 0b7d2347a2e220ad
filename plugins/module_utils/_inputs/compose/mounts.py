# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's networks, ports, volumes, secrets and devices, by the names that the project's have on the host."""

from __future__ import annotations

import os
from typing import Callable, Iterator, Optional

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, elements, flag, mode, scalar, scalars, size, to, unread, whole, word
from ..stack import Options

Naming = Callable[[str, Foreign], str]
_IDLE_FLAGS = ("cached", "delegated", "consistent")
_TMPFS = {"size": size, "mode": mode}


class Mounts:
    """Translates the mounts of services; ``volume`` returns a volume's name on the host, ``path`` a path's.

    ``folders`` gathers the directories of the host that Compose makes where they are missing.
    """

    def __init__(self, fields: Fields, volume: Naming, path: Callable[[str, Foreign], str]) -> None:
        self._fields = fields
        self._volume = volume
        self._path = path
        self.folders: list[str] = []

    def options(self, node: Foreign) -> Options:
        """Return the options of ``volumes``."""
        found: Options = {"volume": [], "mount": [], "tmpfs": {}}
        for one in node:
            option, value = self._long(one) if isinstance(one.value, dict) else ("volume", self._short(one))
            if option == "tmpfs":
                target, _colon, flags = value.partition(":")
                found["tmpfs"][target] = flags
            else:
                found[option].append(value)
        return {option: values for option, values in found.items() if values}

    def _short(self, node: Foreign) -> str:
        text = scalar(node)
        source, colon, rest = text.partition(":")
        if not colon:
            return text
        if not source:
            node.fail("a source before the colon, where a variable may not be set")
        target, colon, flags = rest.partition(":")
        kept = ",".join(flag for flag in flags.split(",") if flag not in _IDLE_FLAGS)
        if source.startswith((".", "/", "~")):
            source = self._path(source, node)
            self.folders.append(source)
        else:
            source = self._volume(source, node)
        return ":".join([source, target, *([kept] if kept else [])])

    def _long(self, node: Foreign) -> tuple[str, str]:
        kind, target = node["type"].text(required=True), word(node["target"])
        by_kind: dict[str, Callable[[Foreign, str], tuple[str, str]]] = {
            "bind": self._bind,
            "image": self._image,
            "tmpfs": self._tmpfs,
            "volume": self._named,
        }
        if kind not in by_kind:
            self._fields.refuse(node["type"], f"expected {', '.join(by_kind)}")
        read_only = kind != "image" and flag_of(node["read_only"])  # an image is mounted read-only anyway
        parts = [f"type={kind}", f"target={target}", *(["ro=true"] if read_only else [])]
        others: dict[str, Translate] = dict.fromkeys(("type", "source", "target", "read_only", kind), unread)
        self._fields.of(node, others, ("consistency",))
        option, more = by_kind[kind](node, target)
        return option, more if option == "tmpfs" else ",".join([*parts, more] if more else parts)

    def _bind(self, node: Foreign, _target: str) -> tuple[str, str]:
        source = self._path(word(node["source"]), node["source"])
        found = self._fields.of(
            node["bind"],
            {
                "propagation": to("bind-propagation", word),
                "create_host_path": to("make", flag),
                "selinux": to("relabel", lambda one: {"z": "shared", "Z": "private"}.get(scalar(one), scalar(one))),
                "recursive": self._recursive,
            },
        )
        if found.pop("make", True):
            self.folders.append(source)
        return "mount", ",".join([f"source={source}", *(f"{key}={value}" for key, value in found.items())])

    def _recursive(self, node: Foreign) -> Options:
        if scalar(node) not in ("enabled", "disabled"):
            self._fields.refuse(node, "expected enabled or disabled")
        return {"bind-nonrecursive": "true"} if scalar(node) == "disabled" else {}

    def _named(self, node: Foreign, _target: str) -> tuple[str, str]:
        found = self._fields.of(
            node["volume"], {"nocopy": to("nocopy", flag), "subpath": to("subpath", word)}, ("labels",)
        )
        parts = [f"source={self._volume(node['source'].text(), node['source'])}"] if node["source"] else []
        parts += [f"subpath={found['subpath']}"] if "subpath" in found else []
        return "mount", ",".join([*parts, *(["nocopy"] if found.get("nocopy") else [])])

    def _image(self, node: Foreign, _target: str) -> tuple[str, str]:
        found = self._fields.of(node["image"], {"subpath": to("subpath", word)})
        return "mount", ",".join([f"source={word(node['source'])}", *(f"{k}={v}" for k, v in found.items())])

    def _tmpfs(self, node: Foreign, target: str) -> tuple[str, str]:
        found = self._fields.of(node["tmpfs"], {key: to(key, read) for key, read in _TMPFS.items()})
        flags = [f"{key}={value}" for key, value in found.items()] + (["ro"] if flag_of(node["read_only"]) else [])
        return "tmpfs", f"{target}:{','.join(flags)}"


def flag_of(node: Foreign) -> bool:
    """Return a truth value, false where it is absent."""
    return bool(node) and flag(node)


def tmpfs(node: Foreign) -> Options:
    """Return the option of the field ``tmpfs``: targets with flags."""
    split = [one.partition(":") for one in scalars(node)]
    return {"tmpfs": {target: flags for target, _colon, flags in split}}


def ports(fields: Fields, node: Foreign) -> Options:
    """Return the option of the field ``ports``."""
    return {"publish": [_port(fields, one) if isinstance(one.value, dict) else scalar(one) for one in elements(node)]}


def _port(fields: Fields, node: Foreign) -> str:
    found = fields.of(
        node,
        {key: to(key, scalar) for key in ("target", "published", "protocol", "host_ip")},
        ("app_protocol", "mode", "name"),
    )
    if "target" not in found:
        node["target"].fail("a port of the container")
    address = found.get("host_ip", "")
    address = f"[{address}]" if ":" in address and not address.startswith("[") else address
    before = f"{address}:" if address else ""
    before += f"{found.get('published', '')}:" if "published" in found or address else ""
    return f"{before}{found['target']}/{found.get('protocol', 'tcp')}"


def devices(fields: Fields, node: Foreign) -> Options:
    """Return the option of the field ``devices``."""
    values = []
    for one in elements(node):
        if isinstance(one.value, dict):
            keys = ("source", "target", "permissions")
            found = fields.of(one, {key: to(key, scalar) for key in keys})
            values.append(":".join(found[key] for key in keys if key in found))
        else:
            values.append(scalar(one))
    return {"device": values}


def granted(fields: Fields, node: Foreign, names: Naming, folder: str) -> Iterator[str]:
    """Yield the option ``secrets`` of the field ``secrets`` or ``configs``; their files are below ``folder``."""
    for one in elements(node):
        if not isinstance(one.value, dict):
            yield f"{names(scalar(one), one)},target={folder}{word(one)}"
            continue
        keys = {key: to(key, mode if key == "mode" else word) for key in ("source", "target", "uid", "gid", "mode")}
        found = fields.of(one, keys)
        if "source" not in found:
            one["source"].fail("a name")
        target = found.get("target", f"{folder}{found['source']}")
        parts = [names(found["source"], one["source"]), f"target={target}"]
        yield ",".join([*parts, *(f"{key}={found[key]}" for key in ("uid", "gid", "mode") if key in found)])


def hosts(node: Foreign) -> Options:
    """Return the option of the field ``extra_hosts``: addresses by names."""
    found: dict[str, list[str]] = {}
    if isinstance(node.value, dict):
        entries = [(name, scalars(one)) for name, one in node.items()]
    else:
        texts = [scalar(one) for one in elements(node)]
        split = [text.partition("=" if "=" in text else ":") for text in texts]
        entries = [(name, [address]) for name, _separator, address in split]
    for name, addresses in entries:
        found.setdefault(name, []).extend(one.strip("[]") for one in addresses)
    return {"etc_hosts": {name: addresses if len(addresses) > 1 else addresses[0] for name, addresses in found.items()}}


class Attachment:
    """Translates the networks of services; ``network`` returns a network's name on the host."""

    def __init__(self, fields: Fields, network: Naming) -> None:
        self._fields = fields
        self._network = network

    def options(self, node: Optional[Foreign], service: str) -> Options:
        """Return the options of ``networks``, the default network where there are none; highest priority first."""
        if node is None:
            return {"network": [f"{self._network('default', Foreign(None, ''))}:alias={service}"]}
        entries = [(name, self._one(one, service)) for name, one in node.items()]
        entries.sort(key=lambda entry: -int(entry[1]["priority"]))
        return {"network": [f"{self._network(name, node[name])}:{','.join(one['settings'])}" for name, one in entries]}

    def _one(self, node: Foreign, service: str) -> Options:
        found = self._fields.of(
            node,
            {
                "aliases": to("aliases", lambda one: [word(each) for each in elements(one)]),
                "interface_name": to("interface_name", word),
                "ipv4_address": to("ip", word),
                "ipv6_address": to("ip6", word),
                "mac_address": to("mac", word),
                "priority": to("priority", whole),
            },
            ("gw_priority",),
        )
        aliases = dict.fromkeys([service, *found.pop("aliases", ())])
        priority = found.pop("priority", 0)
        settings = [*(f"alias={one}" for one in aliases), *(f"{key}={value}" for key, value in found.items())]
        return {"priority": priority, "settings": settings}


def host_path(folder: str, path: str, node: Foreign) -> str:
    """Return a path on the host, a relative one as one of the project's folder.

    :raises MalformedData: it is relative, and the project has no folder.
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path) and not folder:
        node.fail("an absolute path, since the task gives no project_src")
    return os.path.normpath(os.path.join(folder, path))
