# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files that include others, and tags of what several files have (Compose Specification, 13 and 14)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._inputs.compose import merge, project
from ansible_collections.libpod.engine.plugins.module_utils._inputs.compose.project import Request
from ansible_collections.libpod.engine.plugins.module_utils._inputs.stack import Stack
from ansible_collections.libpod.engine.plugins.module_utils._model import caller, foreign_yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import LibpodError
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign_yaml import Tagged
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "environment", {"OUTER": "outer"})


def load(folder: Path, files: dict[str, str], *names: str) -> Stack:
    """Return the stack of files, of which those of ``names`` are merged."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return project.load(Request(str(folder), [f"{folder}/{name}" for name in names], name="p")).stack


def merged(folder: Path, *services: str) -> dict[str, Any]:
    """Return the options of a service with these fields in one file after the other."""
    files = {f"{number}.yml": f"services: {{s: {{image: i, {one}}}}}" for number, one in enumerate(services)}
    (one,) = load(folder, files, *files).containers
    return one


# Fields of a service in files that are merged, with the options that they become.
TAGGED: dict[tuple[str, ...], dict[str, Any]] = {
    ("ports: ['1:1']", "ports: !reset []"): {"publish": None},
    ("ports: ['1:1']", "ports: !override ['2:2']"): {"publish": ["2:2"]},
    ("ports: ['1:1']", "ports: !override ['2:2']", "ports: ['3:3']"): {"publish": ["2:2", "3:3"]},
    ("ports: ['1:1']", "ports: !reset []", "ports: ['3:3']"): {"publish": ["3:3"]},
    ("environment: {A: 1, B: 2}", "environment: {A: !reset null, C: !override 007}"): {"env": {"B": "2", "C": "7"}},
    ("environment: {A: 1, B: 2}", "environment: !override [C=3, 'D=$OUTER']"): {"env": {"C": "3", "D": "outer"}},
    ("dns: 1.1.1.1, tty: true", "dns: !override 2.2.2.2, tty: !reset true"): {"dns": ["2.2.2.2"], "tty": None},
    ("labels: {a: b}", "labels: &l !override {c: d}\n, annotations: *l"): {"annotation": {"c": "d"}},
    ("hostname: a", "hostname: !override 'null'"): {"hostname": "null"},
    ("ports: !reset ['1:1'], dns: !override [1.1.1.1]",): {"publish": None, "dns": ["1.1.1.1"]},
}


@pytest.mark.parametrize("services", TAGGED)
def test_tags_take_away_and_replace(services: tuple[str, ...], tmp_path: Path) -> None:
    options = merged(tmp_path, *services)
    assert {name: options.get(name) for name in TAGGED[services]} == TAGGED[services]


def test_tags_of_services_and_of_what_is_extended(tmp_path: Path) -> None:
    files = {
        "a.yml": "services: {gone: {image: i}, new: {image: i, tty: true}, s: {extends: {file: b.yml, service: b}, "
        "ports: !reset [], dns: !override [2.2.2.2]}, plain: {image: j}}\nvolumes: {v: {}}",
        "b.yml": "services: {b: {image: i, ports: ['1:1'], dns: [1.1.1.1], tty: !reset true}}",
        "c.yml": "services: {gone: !reset null, new: !override {image: k}, plain: {extends: !reset x}}",
    }
    new, extending, plain = load(tmp_path, files, "a.yml", "c.yml").containers
    assert (new["image"], new.get("tty"), plain["image"]) == ("k", None, "j")
    assert (extending.get("publish"), extending["dns"], extending.get("tty")) == (None, ["2.2.2.2"], None)


def test_tag_in_a_list_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(LibpodError, match=r"0.yml: services.s.dns: expected !reset and !override on the list"):
        merged(tmp_path, "dns: [!reset 1.1.1.1]")
    with pytest.raises(LibpodError, match=r"0.yml: not valid YAML: line 1 has a tag that is not read here: quote"):
        merged(tmp_path, "dns: !other 1.1.1.1")


MAIN = """
include:
  - sub/compose.yml
  - {path: [other/a.yml, other/b.yml], project_directory: data, env_file: [other/e.env]}
services:
  web: {image: i, depends_on: [store, second], volumes: ["shared:/s"], networks: [back]}
"""
INCLUDED = {
    "sub/compose.yml": """
name: unused
services:
  store:
    image: "i:${TAG}"
    environment: [OWN, OUTER]
    env_file: e
    build: .
    volumes: ["./v:/v", "shared:/s", {type: bind, source: w, target: /w}]
    secrets: [t, u]
    extends: {file: deep/base.yml, service: b}
include: [deep/third.yml]
volumes: {shared: }
networks: {back: {internal: true}}
secrets: {t: {file: ./t}, u: {environment: OWN}}
""",
    "sub/.env": "TAG=from-sub\nOUTER=inner\nOWN=own\n",
    "sub/e": "E=1\n",
    "sub/deep/base.yml": "services: {b: {label_file: l}}",
    "sub/deep/third.yml": "services: {third: {image: i, volumes: ['.:/here']}}\nvolumes: {shared: }",
    "other/a.yml": "services: {second: {image: '${IMAGE}', command: a, volumes: ['./x:/x']}}",
    "other/b.yml": "services: {second: {command: !override b}}",
    "other/e.env": "IMAGE=second\n",
}


def test_included_files_have_directories_and_variables_of_their_own(tmp_path: Path) -> None:
    stack = load(tmp_path, {"main.yml": MAIN, **INCLUDED}, "main.yml")
    by_name = {one["name"]: one for one in stack.containers}
    assert list(by_name) == ["p-web-1", "p-store-1", "p-third-1", "p-second-1"]
    store, second = by_name["p-store-1"], by_name["p-second-1"]
    # What the project's own environment has wins over that of an included file.
    assert store["image"] == "localhost/i:from-sub" and store["env"] == {"OWN": "own", "OUTER": "outer", "E": "1"}
    assert store["volume"] == [f"{tmp_path}/sub/v:/v", "p_shared:/s"]
    assert store["mount"] == [f"type=bind,target=/w,source={tmp_path}/sub/w"]
    assert store["label_file"] == f"{tmp_path}/sub/deep/l"
    assert by_name["p-third-1"]["volume"] == [f"{tmp_path}/sub/deep:/here"]
    assert (second["image"], second["command"], second["volume"]) == ("second", ["b"], [f"{tmp_path}/data/x:/x"])
    assert stack.images[0]["path"] == f"{tmp_path}/sub" and stack.after["p-web-1"] == ("p-store-1", "p-second-1")
    assert [one["name"] for one in (*stack.networks, *stack.volumes)] == ["p_back", "p_default", "p_shared"]
    contents = [(one["name"], one.get("path"), one.get("data")) for one in stack.secrets]
    assert contents == [("p_t", f"{tmp_path}/sub/t", None), ("p_u", None, "own")]
    labels = by_name["p-web-1"]["label"]
    assert labels["com.docker.compose.project.config_files"] == f"{tmp_path}/main.yml"


# What the included file has, with what the message says.
WRONG = {
    "services: {s: {image: other}}": "a.yml: services.s: {}/main.yml has another one: rename one of the two, or change",
    "services: {t: {image: i, runtime: x}}": "a.yml: services.t.runtime has no counterpart here",
    "other: 1": "a.yml: other has no counterpart here",
    "include: [main.yml]": "a.yml: include[0]: {}/main.yml includes itself, or more than 100 files",
    "include: [{path: a.yml}]": "a.yml: include[0]: {}/a.yml includes itself",
    "include: [{file: b.yml}]": "a.yml: include[0].file has no counterpart here",
    "include: [{env_file: b.yml}]": "a.yml: include[0].path: expected a path, or a list of them",
    "include: [oci://x/y]": "a.yml: include[0].path: expected the path of a file on the target",
    "include: b.yml": "a.yml: include: expected a",
    "include: [none.yml]": "a.yml: include[0]: {}/none.yml cannot be read on the target: No such file",
    "include: [{path: main.yml, env_file: none.env}]": "includes itself",
    "services: {t: {image: '${X?no}'}}": "a.yml: services.t.image: the variable X is needed: no",
    "[]": "a.yml: expected a Compose file",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_an_included_file_cannot_have_is_named(text: str, tmp_path: Path) -> None:
    files = {"main.yml": "include: [a.yml]\nservices: {s: {image: i}}", "a.yml": text, "b.yml": ""}
    with pytest.raises(LibpodError) as refused:
        load(tmp_path, files, "main.yml")
    assert WRONG[text].format(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


MISSING = {
    "include: [{path: a.yml, env_file: none.env}]": "include[0]: {}/none.env",
    "services: {t: {extends: {service: s, file: none.yml}}}": "services.t.extends: {}/none.yml",
}


@pytest.mark.parametrize("text", MISSING)
def test_missing_file_is_named_with_the_file_that_names_it(text: str, tmp_path: Path) -> None:
    with pytest.raises(LibpodError) as refused:
        load(tmp_path, {"main.yml": text, "a.yml": "services: {s: {image: i}}"}, "main.yml")
    expected = f"{tmp_path}/main.yml: {MISSING[text].format(tmp_path)} cannot be read on the target"
    assert str(refused.value).startswith(expected), refused.value


def test_same_resource_in_two_files_is_one(tmp_path: Path) -> None:
    files = {
        "main.yml": "include: [a/a.yml, b.yml]\nservices: {s: {image: i, networks: [n]}}",
        "a/a.yml": "include: [../b.yml]\nservices: {t: {image: i}}",
        "b.yml": "networks: {n: {internal: true}}",
    }
    stack = load(tmp_path, files, "main.yml")
    assert [one["name"] for one in stack.containers] == ["p-s-1", "p-t-1"]


def test_later_file_changes_what_an_earlier_one_includes(tmp_path: Path) -> None:
    files = {
        "main.yml": "include: [sub/a.yml]\nservices: {s: {image: i}}",
        "sub/a.yml": "services: {t: {image: i, tty: true, dns: [1.1.1.1], volumes: ['./v:/v'], environment: {A: a}}, "
        "u: {image: i}}\nnetworks: {n: {internal: true}}\nsecrets: {k: {file: k}}",
        "over.yml": "services: {t: {image: j, tty: !reset null, dns: !override [2.2.2.2], volumes: ['./w:/v'], "
        "environment: {B: b}}, u: !reset null, s: {networks: [n]}}\nnetworks: {n: {internal: !reset true}}",
    }
    stack = load(tmp_path, files, "main.yml", "over.yml")
    assert [one["name"] for one in stack.containers] == ["p-s-1", "p-t-1"]
    changed = stack.containers[1]
    assert (changed["image"], changed.get("tty"), changed["dns"]) == ("j", None, ["2.2.2.2"])
    assert changed["env"] == {"A": "a", "B": "b"} and changed["volume"] == [f"{tmp_path}/w:/v"]
    assert not stack.networks[0].get("internal")
    # A file's own resource and one that this file includes are no file over another.
    files["over.yml"] += "\ninclude: [b.yml]"
    files["b.yml"] = "services: {s: {image: i}}"
    message = r"b.yml: services.s: .*/over.yml has another one: rename one of the two, or change it in a later file"
    with pytest.raises(LibpodError, match=message):
        load(tmp_path, files, "main.yml", "over.yml")


# Values as three files have them, of which some have tags.
VALUES = st.recursive(
    st.integers(0, 9) | st.none(),
    lambda inner: (
        st.lists(st.integers(0, 9), max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner | st.builds(Tagged, st.sampled_from(merge.TAGS), inner))
    ),
    max_leaves=6,
)


@fuzz.fuzzed(100, first=VALUES, second=VALUES, third=VALUES)
def test_what_comes_before_a_tag_counts_for_nothing(first: Any, second: Any, third: Any) -> None:
    def of(*values: Any) -> Any:
        """Return what files make of a key, of which each has one of these values."""
        whole: Any = {}
        for value in values:
            whole = merge.merged(whole, {"k": value})
        return merge.resolved(whole, "f")

    assert of(first, Tagged("!override", second), third) == of(second, third)
    assert of(first, Tagged("!reset", second)) == {}
    assert of(first, Tagged("!reset", second), Tagged("!override", third)) == of(third)
    assert "Tagged" not in repr(of(first, second, third))


def test_core_schema_without_tags_refuses_them() -> None:
    with pytest.raises(LibpodError, match="line 1 has a tag that is not read here"):
        foreign_yaml.parse_core(b"a: !reset x", "f")
