# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``docs/migrating-podman.md``: each option of containers.podman's modules, by the documentation of ours.

``.venv/bin/python -m tests.support.migrating`` writes it, from the top of the tree.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Iterator

import yaml
from ansible_collections.libpod.engine.plugins import modules
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS, Change

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "docs/migrating-podman.md"
_DATA = TOP / "tests/unit/data"
PEERS: dict[str, dict[str, Any]] = {
    **json.loads((_DATA / "podman_options.json").read_text(encoding="utf-8")),
    "podman_container": json.loads((_DATA / "podman_container_options.json").read_text(encoding="utf-8")),
}
# What is no option of its own in a container's configuration, and the one that it changes.
_SPELLINGS = {"cpus": "cpu_quota", "env_file": "env", "label_file": "label", "pod_id_file": "pod"}
# The modules whose differences have a line an option.
_IN_FULL = ("podman_pod", "podman_image", "podman_network", "podman_volume", "podman_secret")
_CHANGES = {
    Change.LIVE: "in place",
    Change.RECORD: "in place",
    Change.RESTART: "restart",
    Change.RECREATE: "new container",
}
_HEAD = """\
# Option by option against containers.podman

Written by `tests/support/migrating.py` from the modules' documentation; [moving over](migrating.md) has what an option
alone does not say. **Same** is podman's name, aliases and meaning. **No effect** is taken, and nothing follows from it
but a warning where the task asks for something by it. **Refused** is an error that names the option. **Only here** is
what containers.podman does not have.
"""
_CONTAINER = """
## podman_container: libpod_container

The last column says what a change of the option needs: nothing but the change (*in place*), a *restart* of the process,
or a *new container*. With two of them, the plan of check mode says which one a change needs. A dash is of an
option that says what a task does.

| option | here | a change |
|---|---|---|
"""
_OTHERS = """
## Other modules

| module | same | no effect | refused | only here |
|---|---|---|---|---|
"""


@functools.cache
def options_of(peer: str) -> dict[str, dict[str, Any]]:
    """Return the documented options of the module that stands in the place of a podman one."""
    module = import_module(f"{modules.__name__}.{ours(peer)}")
    options: dict[str, dict[str, Any]] = yaml.safe_load(module.DOCUMENTATION)["options"]
    return options


def ours(peer: str) -> str:
    """Return the name of the module that stands in the place of a podman one."""
    return peer.replace("podman_", "libpod_")


def kinds(peer: str) -> dict[str, str]:
    """Return what each option of a podman module and of ours is: same, no effect, refused or only here."""
    found = dict.fromkeys(PEERS[peer], "refused")
    for name, option in options_of(peer).items():
        text = " ".join(option["description"])
        if "It is refused here" in text:
            found[name] = "refused"
        elif "without effect" in text or text.endswith("it has no effect here."):
            found[name] = "no effect"
        else:
            found[name] = "only here" if text.endswith("does not have it.") else "same"
    return found


def _plain(text: str) -> str:
    """Return the first sentence of a description, with Ansible's markup as code."""
    text = re.split(r"(?<=\.)\s", re.sub(r"\b[A-Z]+\(((?:[^()\\]|\\.)*)\)", r"`\1`", text))[0]
    return re.sub(r"`(?:[\w.]+#\w+:)?([^`]*)`", r"`\1`", text).replace("|", "\\|")


def _names(peer: str, kind: str) -> str:
    return ", ".join(f"`{name}`" for name, one in sorted(kinds(peer).items()) if one == kind)


def _change(name: str) -> str:
    """Return what a change of a container's option needs."""
    row = OPTIONS.get(_SPELLINGS.get(name, name))
    if row is None:
        return "new container" if name == "image" else "—"
    both = [_CHANGES[row.change], *([_CHANGES[row.otherwise]] if row.in_place else [])]
    return " or ".join(dict.fromkeys(both))


def _differences(peer: str) -> Iterator[str]:
    """Yield the table's lines of what is not the same."""
    for name, kind in sorted(kinds(peer).items()):
        if kind != "same":
            says = options_of(peer).get(name)
            reason = f": {_plain(says['description'][0])}" if says else ""
            yield f"| `{name}` | {kind}{reason} |\n"


def _container() -> Iterator[str]:
    """Yield the lines of the options of containers."""
    for name, kind in sorted(kinds("podman_container").items()):
        says = options_of("podman_container").get(name)
        reason = f": {_plain(says['description'][0])}" if says and kind != "same" else ""
        yield f"| `{name}` | {kind}{reason} | {_change(name)} |\n"


def page() -> str:
    """Return the text of the page."""
    text = _HEAD + _CONTAINER + "".join(_container())
    for peer in _IN_FULL:
        text += f"\n## {peer}: {ours(peer)}\n\n| option | here |\n|---|---|\n| {_names(peer, 'same')} | same |\n"
        text += "".join(_differences(peer))
    text += _OTHERS
    for peer in sorted(set(PEERS) - {*_IN_FULL, "podman_container"}):
        cells = (_names(peer, kind) or "—" for kind in ("same", "no effect", "refused", "only here"))
        text += f"| `{peer}`: `{ours(peer)}` | {' | '.join(cells)} |\n"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
