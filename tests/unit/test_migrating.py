# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages about moving over: every option of the others is there, and no option that the collection lacks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._ansible import unknown_options
from ansible_collections.libpod.engine.plugins.module_utils._ansible.arguments import container_spec
from ansible_collections.libpod.engine.plugins.module_utils._ansible.projects import kube
from ansible_collections.libpod.engine.plugins.module_utils._ansible.resources import unit
from ansible_collections.libpod.engine.tests.support import migrating

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs/migrating.md").read_text(encoding="utf-8")
DOCKERS = json.loads((TOP / "tests/unit/data/docker_container_options.json").read_text(encoding="utf-8"))
OTHERS = json.loads((TOP / "tests/unit/data/other_peers_options.json").read_text(encoding="utf-8"))
SPEC = container_spec()
ALIASES = {alias for option in SPEC.values() for alias in option.get("aliases", [])}


def rows(text: str) -> list[list[str]]:
    """Return the cells of a section's tables, without their heads."""
    lines = [line.strip("|").split(" | ") for line in re.findall(r"^\|.*\|$", text, re.M)]
    heads = {number - 1 for number, cells in enumerate(lines) if cells[0].startswith("---")}
    return [cells for number, cells in enumerate(lines) if not {number, number - 1} & heads]


def section(head: str) -> str:
    """Return the text below a heading, up to the next one."""
    found = re.search(rf"^(#+) {re.escape(head)}$(.*?)(?=^#|\Z)", PAGE, re.M | re.S)
    assert found, head
    return found[2]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("peer", sorted(migrating.PEERS))
def test_page_about_podman_has_every_option_once_with_what_its_documentation_says(peer: str) -> None:
    text = migrating.PAGE.read_text(encoding="utf-8")
    assert text == migrating.page(), "run .venv/bin/python -m tests.support.migrating"
    own = re.search(rf"^## {peer}: .*?\n(.*?)(?=^## |\Z)|^\| (`{peer}`: .*)$", text, re.M | re.S)
    assert own, peer
    named = [cells[0] for cells in rows(own[1] or "")] if own[1] else [own[2].partition(" | ")[2].splitlines()[0]]
    found = [name for cell in named for name in code(cell)]
    assert sorted(found) == sorted({*migrating.PEERS[peer], *migrating.options_of(peer)})


def test_each_option_of_docker_container_is_there_once() -> None:
    other, none = (section(head) for head in ("Another name, or another way to write it", "None, and what to do"))
    named = code(section("The same")) + [name for cells in rows(other) + rows(none) for name in code(cells[0])]
    assert sorted(named) == sorted(DOCKERS)


def test_error_of_each_option_that_is_not_taken_says_what_the_page_says() -> None:
    known = [*SPEC, *ALIASES]
    said = {name: unknown_options.remedy(name, known, container=True) for name in {*DOCKERS, *compose()} - {*known}}
    for cells in rows(section("Another name, or another way to write it")) + rows(section("From compose")):
        for name in (one for one in code(cells[0]) if one in said):
            assert any(option in said[name] for option in code(cells[1]) or ["leave it out"]), (name, said[name])
    named = {name for cells in rows(section("None, and what to do")) for name in code(cells[0])} & {*said}
    assert {*unknown_options.REMEDIES, "kill_signal"} - {"build"} == named
    podman = {name for peer in migrating.PEERS for name in {*migrating.PEERS[peer]} - {*migrating.options_of(peer)}}
    assert [name for name in podman if not unknown_options.remedy(name, [], container=False)] == []


def compose() -> list[str]:
    """Return the keys of compose that have a counterpart."""
    return [
        name for cells in rows(section("From compose")) if code(cells[1]) for name in code(cells[0]) if "." not in name
    ]


def test_options_that_docker_container_calls_the_same_are_taken() -> None:
    same = code(section("The same"))
    assert len(same) > 40 and [name for name in same if name not in SPEC and name not in ALIASES] == []


@pytest.mark.parametrize("head", ["Another name, or another way to write it", "From compose"])
def test_options_of_ours_in_a_table_exist(head: str) -> None:
    found = {name for cells in rows(section(head)) for name in code(cells[1])}
    # oci_runtime is in the fragment of all modules.
    assert len(found) > 20 and found - set(SPEC) - {"oci_runtime"} == set()


def test_options_that_docker_container_alone_has_are_not_taken() -> None:
    alone = [name for cells in rows(section("None, and what to do")) for name in code(cells[0])]
    assert alone and not {*SPEC, *ALIASES} & set(alone)


def test_modules_of_the_page_exist() -> None:
    modules = {path.stem for path in (TOP / "plugins/modules").glob("*.py")}
    roles_and_plugins = {"libpod_host", "libpod_ssh"}
    named = set(re.findall(r"\blibpod_\w*[a-z]", PAGE))
    assert {name for name in named if not name.startswith("libpod_host_")} <= modules | roles_and_plugins  # not options


def test_every_module_of_podman_is_redirected_to_ours() -> None:
    routing = yaml.safe_load((TOP / "extras/containers.podman/meta/runtime.yml").read_text(encoding="utf-8"))
    targets = {
        kind: {name: one["redirect"] for name, one in routing["plugin_routing"][kind].items() if "redirect" in one}
        for kind in ("modules", "action")
    }
    assert {*migrating.PEERS, "podman_generate_systemd", "podman_play"} == set(targets["modules"])
    ours = {f"libpod.engine.{path.stem}" for path in (TOP / "plugins/action").glob("libpod_*.py")}
    assert set(targets["modules"].values()) <= ours
    assert targets["action"] == targets["modules"]


@pytest.mark.parametrize("peer", ["podman_generate_systemd", "podman_play"])
def test_options_that_another_module_refuses_are_on_the_page(peer: str) -> None:
    spec = {"podman_generate_systemd": unit.spec, "podman_play": kube.spec}[peer]()
    ours = {name for option, one in spec.items() for name in (option, *one.get("aliases", ()))}
    refused = set(OTHERS[peer]) - ours
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{peer}` |"))
    assert refused and all(f"`{name}`" in row for name in refused), refused


def test_module_without_a_counterpart_is_on_the_page() -> None:
    routing = yaml.safe_load((TOP / "extras/containers.podman/meta/runtime.yml").read_text(encoding="utf-8"))
    gone = {name for name, one in routing["plugin_routing"]["modules"].items() if "tombstone" in one}
    assert gone and {name for name in gone if f"`{name}`" not in PAGE} == set()
