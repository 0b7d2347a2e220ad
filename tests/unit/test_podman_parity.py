# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' options against those of their counterparts in other collections: each documents its origin."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.libpod.engine.plugins import doc_fragments, modules
from ansible_collections.libpod.engine.tests.support import migrating

_OTHERS = json.loads((Path(__file__).parent / "data/other_peers_options.json").read_text(encoding="utf-8"))
PEERS: dict[str, dict[str, Any]] = {**migrating.PEERS, **_OTHERS}
# Counterparts by our module, where the two names do not say it.
_RENAMED = {
    "libpod_compose": "docker_compose_v2",
    "libpod_kube": "podman_play",
    "libpod_unit": "podman_generate_systemd",
}
PEER_OF = {**_RENAMED, **{migrating.ours(peer): peer for peer in migrating.PEERS}}
MODULES = sorted(migrating.ours(peer) for peer in migrating.PEERS)
# Not implemented: systemd units are not generated.
_LATER = {"generate_systemd", "quadlet_dir", "quadlet_file_mode", "quadlet_filename", "quadlet_options"}
_IDLE = "it has no effect here"
_NOBODYS = "No module of C(containers.podman) or C(community.docker) has it."


def _documented(module: str) -> dict[str, dict[str, Any]]:
    """Return the options of a module with those of its fragments, which say of all modules what they say."""
    own = yaml.safe_load(import_module(f"{modules.__name__}.{module}").DOCUMENTATION)
    options: dict[str, dict[str, Any]] = dict(own["options"])
    for name in dict.fromkeys(name.split(".")[2] for name in own["extends_documentation_fragment"]):
        fragment = import_module(f"{doc_fragments.__name__}.{name}").ModuleDocFragment
        options.update(yaml.safe_load(fragment.DOCUMENTATION)["options"])
    return options


OURS = {module: _documented(module) for module in PEER_OF}
OPTIONS = [(module, option) for module in PEER_OF for option in OURS[module]]


@pytest.mark.parametrize(("module", "option"), OPTIONS)
def test_option_documents_whether_its_counterpart_has_it(module: str, option: str) -> None:
    peer, ours = PEER_OF[module], OURS[module][option]
    has, said = f"C({peer}) has it", ours["description"][-1]
    if option in PEERS[peer]:
        assert said in (f"{has}.", f"{has}; {_IDLE}."), said
    elif aliases := {*ours.get("aliases", ())} & {*PEERS[peer]}:
        assert said in {f"{has} as C({alias})." for alias in aliases}, said
    elif said == _NOBODYS:
        assert [one for one in PEERS if option in PEERS[one]] == []
    else:
        assert said == f"C({peer}) does not have it.", said


@pytest.mark.parametrize("module", MODULES)
def test_every_podman_option_is_accepted(module: str) -> None:
    peer = PEERS[PEER_OF[module]]
    assert set(peer) - set(OURS[module]) <= _LATER
    for option in set(peer) & set(OURS[module]):
        assert set(peer[option].get("aliases", ())) <= set(OURS[module][option].get("aliases", ())), option
