# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' documentation and their argument specs say the same, and the examples are valid tasks."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.libpod.engine.plugins.module_utils._ansible import arguments, containers
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS, Change
from ansible_collections.libpod.engine.plugins.plugin_utils import _parts as parts

TOP = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (TOP / "plugins/modules").glob("*.py"))


def spec(module: str) -> dict[str, Any]:
    """Return a module's argument spec."""
    own = {"libpod_container": arguments.container_spec, "libpod_container_info": arguments.info_spec}
    text = (TOP / f"plugins/modules/{module}.py").read_text()
    glue = re.search(r"load\(\"(_ansible\.[\w.]+)\"\)", text)
    assert glue, module
    room = arguments.__name__.rpartition("._ansible.")[0]
    result: dict[str, Any] = own[module]() if module in own else import_module(f"{room}.{glue[1]}").spec()
    return result


SPECS = {module: spec(module) for module in MODULES}
# Replaces a template's result of any type.
TEMPLATE = re.compile(r"\{\{.*?\}\}")


def strings(path: Path) -> dict[str, str]:
    """Return the string constants of a file by name."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assign)]
    return {
        ast.unparse(node.targets[0]): node.value.value
        for node in nodes
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


@functools.cache
def load(module: str, part: str) -> Any:
    return yaml.safe_load(strings(TOP / f"plugins/modules/{module}.py")[part])


@functools.cache
def documented(module: str) -> dict[str, dict[str, Any]]:
    """Return the options of a module with those of its fragments."""
    own = load(module, "DOCUMENTATION")
    described: dict[str, dict[str, Any]] = dict(own["options"])
    for fragment in own["extends_documentation_fragment"]:
        name = fragment.split(".")[2]
        text = strings(TOP / f"plugins/doc_fragments/{name}.py")["DOCUMENTATION"]
        options = yaml.safe_load(text)["options"]
        assert not set(options) & set(described)
        described.update(options)
    return described


def shape(option: dict[str, Any], inner: str) -> dict[str, Any]:
    """Return the fields that the documentation and the argument spec share."""
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "choices": option.get("choices"),
        "aliases": sorted(option.get("aliases", [])),
        "default": option.get("default"),
        "required": option.get("required", False),
        "options": {name: shape(one, inner) for name, one in (option.get(inner) or {}).items()},
    }


CASES = [(module, option) for module in SPECS for option in SPECS[module]]


@pytest.mark.parametrize("module", MODULES)
def test_every_option_is_documented_and_no_other(module: str) -> None:
    assert sorted(documented(module)) == sorted(SPECS[module])


@pytest.mark.parametrize(("module", "option"), CASES)
def test_option_is_as_documented(module: str, option: str) -> None:
    assert shape(documented(module)[option], "suboptions") == shape(SPECS[module][option], "options")


@pytest.mark.parametrize(("module", "option"), CASES)
def test_option_has_a_description_in_sentences(module: str, option: str) -> None:
    text = documented(module)[option]["description"]
    for line in [text] if isinstance(text, str) else text:
        assert line.endswith((".", ")")) and line[0].isupper(), line


@pytest.mark.parametrize("part", EngineConfig._fields)
def test_part_is_documented_with_its_environment_variable_and_default(part: str) -> None:
    text = " ".join(documented("libpod_container_info")[part]["description"])
    assert f"E(LIBPOD_{part.upper()})" in text
    default = getattr(EngineConfig(), part)
    for value in default if isinstance(default, tuple) else [default]:
        assert not value or f"V({value})" in text


@pytest.mark.parametrize("part", parts.NAMES)
def test_part_is_an_option_of_connections_and_inventory_by_its_names_everywhere(part: str) -> None:
    option = yaml.safe_load(strings(TOP / "plugins/doc_fragments/connection.py")["ROOTS"])["options"][part]
    assert option["vars"] == [{"name": f"ansible_libpod_{part}"}]
    assert option["env"] == [{"name": f"LIBPOD_{part.upper()}"}]
    assert option.get("default") in (None, getattr(EngineConfig(), part))


def test_engines_defaults_are_in_the_descriptions() -> None:
    options = documented("libpod_container")
    for name, said in (("pids_limit", "2048"), ("shm_size", "64m"), ("stop_timeout", "10"), ("network", "bridge")):
        assert f"V({said}) where omitted" in str(options[name]["description"]), name


def test_only_live_options_are_documented_as_live() -> None:
    said = {
        name for name, one in documented("libpod_container").items() if "changed in place" in str(one["description"])
    }
    known = {name for name, row in OPTIONS.items() if row.change != Change.RECREATE}
    assert said - {"cpus"} <= known
    assert {name for name in known if OPTIONS[name].change == Change.LIVE} <= said


def test_only_restart_options_are_documented_as_such() -> None:
    sentence = "A change restarts the container"
    said = {name for name, one in documented("libpod_container").items() if sentence in str(one["description"])}
    assert said == {name for name, row in OPTIONS.items() if Change.RESTART in (row.change, row.otherwise)}


@pytest.mark.parametrize("module", MODULES)
def test_references_to_options_lead_somewhere(module: str) -> None:
    text = " ".join(strings(TOP / f"plugins/modules/{module}.py").values())
    for name, value in re.findall(r"\bO\((\w+)(?:=([^)]*))?\)", text):
        assert name in SPECS[module], name
        choices = SPECS[module][name].get("choices")
        assert not value or not choices or value in choices, f"{name}={value}"


@pytest.mark.parametrize("module", MODULES)
def test_returned_values_are_described(module: str) -> None:
    returned = load(module, "RETURN")
    assert returned and all({"description", "returned", "type"} <= set(one) for one in returned.values())
    if module == "libpod_container":
        assert set(returned) >= {"actions", "container", "error", "stdout", "stderr", "rc"}


@functools.cache
def shown_attributes() -> dict[str, dict[str, Any]]:
    """Return the attributes of each module, as ansible-doc merges and shows them."""
    command = [sys.executable, "-m", "ansible.cli.doc", "-t", "module", "-j"]
    done = subprocess.run([*command, *(f"libpod.engine.{name}" for name in MODULES)], check=True, capture_output=True)
    return {name.rpartition(".")[2]: one["doc"]["attributes"] for name, one in json.loads(done.stdout).items()}


@pytest.mark.parametrize("module", MODULES)
def test_module_has_the_attributes_of_the_fragment(module: str) -> None:
    shown = shown_attributes()[module]
    assert set(shown) == {"action_group", "check_mode", "diff_mode", "idempotent", "platform"}
    assert all(one["description"] and one["support"] in ("full", "partial", "none", "N/A") for one in shown.values())
    # The meaning of the support is specific to the module.
    assert all(shown[name]["details"] for name in ("check_mode", "diff_mode", "idempotent"))
    assert "libpod.engine.attributes" in load(module, "DOCUMENTATION")["extends_documentation_fragment"]


@pytest.mark.parametrize("module", MODULES)
def test_action_group_of_the_attributes_is_that_of_the_collection(module: str) -> None:
    groups = yaml.safe_load((TOP / "meta/runtime.yml").read_text())["action_groups"]
    assert list(groups) == ["libpod"] and module in groups["libpod"]
    assert shown_attributes()[module]["action_group"]["membership"] == ["libpod.engine.libpod", "libpod"]


def blocks() -> Iterator[tuple[str, Any]]:
    """Yield all YAML shown to users: the modules' examples and the playbooks of pages and of docs/examples."""
    for module in MODULES:
        yield f"{module}'s examples", load(module, "EXAMPLES")
    for path in (TOP / "README.md", *TOP.glob("docs/**/*.md"), *TOP.glob("roles/*/README.md")):
        for number, text in enumerate(re.findall(r"(?ms)^```ya?ml\n(.*?)^```", path.read_text())):
            yield f"{path.name} {number}", yaml.safe_load(text)
    for path in TOP.glob("docs/examples/**/*.yml"):
        yield str(path.relative_to(TOP)), yaml.safe_load(path.read_text())


def tasks(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each task with a module of the collection as (module, arguments), at any depth."""
    for key, value in node.items() if isinstance(node, dict) else []:
        if str(key).startswith("libpod.engine.libpod_"):
            yield str(key).rpartition(".")[2], value or {}
        if str(key) == "group/libpod.engine.libpod":
            yield "libpod_container_info", value
        yield from tasks(value)
    for value in node if isinstance(node, list) else []:
        yield from tasks(value)


def filled(value: Any) -> Any:
    """Return a value with its templates replaced by a text that is a valid name and size."""
    if isinstance(value, str):
        return TEMPLATE.sub("64m", value)
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items()}
    return [filled(one) for one in value] if isinstance(value, list) else value


TASKS = [
    pytest.param(module, args, id=f"{where}-{number}")
    for where, block in blocks()
    for number, (module, args) in enumerate(tasks(block))
]


def test_there_are_examples_of_every_module() -> None:
    assert {str(task.values[0]) for task in TASKS} == set(MODULES)
    assert all(load(module, "EXAMPLES") and len(list(tasks(load(module, "EXAMPLES")))) >= 2 for module in MODULES)


@pytest.mark.parametrize(("module", "args"), TASKS)
def test_example_is_a_valid_task(module: str, args: dict[str, Any]) -> None:
    spec = SPECS[module]
    result = ArgumentSpecValidator(spec).validate(filled(args))
    assert not result.error_messages
    if module == "libpod_container":
        assert arguments.desired(result.validated_parameters).unusable is None
    if module == "libpod_containers" and isinstance(args["containers"], list):
        assert all(one.unusable is None for one in containers.wanted(result.validated_parameters))


@pytest.mark.parametrize("module", MODULES)
def test_every_example_has_a_purpose(module: str) -> None:
    assert all(re.fullmatch(r"[A-Z].{8,}[^.]", task.get("name", "")) for task in load(module, "EXAMPLES"))


PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted(TOP.glob("docs/**/*.md")), *TOP.glob("roles/*/README.md")]


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a page outside code and tables; code counts as one word, a link's address as none."""
    text = re.sub(r"^```.*?^```|^\|.*?$", "", text, flags=re.M | re.S)
    text = re.sub(r"`[^`]+`", "CODE", re.sub(r"\]\([^)]*\)", "]", text))
    for paragraph in re.split(r"\n\s*\n|^\s*(?:[-*]|\d+\.) |^#+ ", text, flags=re.M):
        yield from re.split(r"(?<=[.!?])[)*\"]*\s+(?=[A-Z*(\"\[])", " ".join(paragraph.split()))


def test_text_is_split_into_sentences() -> None:
    text = "# Head\n\nOne `a.b` is.\n**Two**\nis:\n\n- three\n- four. Five\n```x\ncode\n```\n| table |\n"
    assert [one for one in sentences(text) if one] == ["Head", "One CODE is.", "**Two** is:", "three", "four.", "Five"]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(TOP)) for page in PAGES])
def test_sentence_of_a_page_has_at_most_30_words(page: Path) -> None:
    long = [one for one in sentences(page.read_text()) if len(one.split()) > 30]
    assert not long


def test_page_of_the_architecture_has_at_most_120_lines() -> None:
    lengths = {page.name: len(page.read_text().splitlines()) for page in TOP.glob("docs/architecture/*.md")}
    assert lengths and [name for name, length in lengths.items() if length > 120] == []


def descriptions(node: Any) -> Iterator[str]:
    """Yield the texts of descriptions and details at any depth, with one word for each piece of markup."""
    for key, value in node.items() if isinstance(node, dict) else []:
        if key in ("description", "details") and not isinstance(value, dict):
            for text in [value] if isinstance(value, str) else value:
                yield re.sub(r"\b[A-Z]\((?:[^()\\]|\\.)*\)", "CODE", text)
        else:
            yield from descriptions(value)
    for value in node if isinstance(node, list) else []:
        yield from descriptions(value)


DOCUMENTS = {
    **{module: [load(module, "DOCUMENTATION"), load(module, "RETURN")] for module in MODULES},
    **{
        f"fragment {path.stem}": [yaml.safe_load(text) for text in strings(path).values()]
        for path in TOP.glob("plugins/doc_fragments/*.py")
        if path.stem != "libpod_ssh"  # ansible-core's own texts
    },
    **{
        f"connection {path.stem}": [yaml.safe_load(strings(path)["DOCUMENTATION"])]
        for path in TOP.glob("plugins/connection/*.py")
    },
    "roles": [yaml.safe_load(path.read_text()) for path in TOP.glob("roles/*/meta/argument_specs.yml")],
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_sentence_of_a_description_has_at_most_30_words(document: str) -> None:
    texts = list(descriptions(DOCUMENTS[document]))
    assert texts
    assert not [one for text in texts for one in sentences(text) if len(one.split()) > 30]
