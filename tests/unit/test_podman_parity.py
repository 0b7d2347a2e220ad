# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' options against those of the corresponding containers.podman modules: each documents its origin."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.libpod.engine.plugins import modules

_DATA = Path(__file__).parent / "data"
PEERS: dict[str, dict[str, Any]] = {
    **json.loads((_DATA / "podman_options.json").read_text()),
    "podman_container": json.loads((_DATA / "podman_container_options.json").read_text()),
}
MODULES = [peer.replace("podman_", "libpod_") for peer in sorted(PEERS)]
# Not implemented: systemd units are not generated.
_LATER = {"generate_systemd", "quadlet_dir", "quadlet_file_mode", "quadlet_filename", "quadlet_options"}
_IDLE = "it has no effect here"


OURS: dict[str, dict[str, Any]] = {
    module: yaml.safe_load(import_module(f"{modules.__name__}.{module}").DOCUMENTATION)["options"] for module in MODULES
}
OPTIONS = [(module, option) for module in MODULES for option in OURS[module]]


@pytest.mark.parametrize(("module", "option"), OPTIONS)
def test_option_documents_whether_podman_has_it(module: str, option: str) -> None:
    peer = module.replace("libpod_", "podman_")
    has, has_not = f"C({peer}) has it", f"C({peer}) does not have it."
    said = OURS[module][option]["description"][-1]
    assert said in ((f"{has}.", f"{has}; {_IDLE}.") if option in PEERS[peer] else (has_not,)), said


@pytest.mark.parametrize("module", MODULES)
def test_every_podman_option_is_accepted(module: str) -> None:
    peer = PEERS[module.replace("libpod_", "podman_")]
    assert set(peer) - set(OURS[module]) <= _LATER
    for option in set(peer) & set(OURS[module]):
        assert set(peer[option].get("aliases", ())) <= set(OURS[module][option].get("aliases", ())), option
