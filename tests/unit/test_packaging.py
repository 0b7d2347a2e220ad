# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed collection: the artifact, its metadata and the role agree with each other and with the tree."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent


def load(path: str) -> Any:
    return yaml.safe_load((TOP / path).read_text(encoding="utf-8"))


_PACKAGES = ("auto_runtimes", "engine_packages", "general_packages")


def role_packages(family: str) -> set[str]:
    lists = load(f"roles/libpod_host/vars/{family}.yml")
    return {package for kind in _PACKAGES for package in lists[f"libpod_host__{kind}"]}


def modules() -> set[str]:
    return {path.stem for path in (TOP / "plugins/modules").glob("*.py")}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    copy = subprocess.run([TOP / ".ci/copy", "copy-unit"], check=True, capture_output=True, text=True).stdout.strip()
    ansible("ansible-galaxy", "collection", "build", "--output-path", str(folder), copy, home=folder)
    return next(folder.glob("*.tar.gz"))


def ansible(program: str, *args: str, home: Path) -> str:
    # Not the tree: .venv's Ansible would find the collection there and install nothing.
    alone = {"ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false", "ANSIBLE_COLLECTIONS_PATH": str(home)}
    environment = {**os.environ, **alone, "ANSIBLE_HOME": str(home / "home"), "NO_COLOR": "1"}
    done = subprocess.run([PROGRAMS / program, *args], check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def test_artifact_holds_only_the_collection(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        names = set(archive.getnames())
    assert {"README.md", "LICENSE", "meta/runtime.yml", "plugins/module_utils/_model/errors.py"} <= names
    assert {"SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "CHANGELOG.rst"} <= names
    assert {f"plugins/modules/{module}.py" for module in modules()} <= names
    workshop = re.compile(
        r"(\.(git|venv|ci|cache|ansible(?!-lint)|pre-commit)|build|tests|Makefile|RELEASING|pyproject|.*__pycache__|.*\.pyc$)"
    )
    assert not [name for name in names if workshop.match(name)]


def test_the_artifact_has_what_its_pages_link_to_and_no_program_that_needs_a_clone(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        members = {member.name: member for member in archive}
        pages = {name: archive.extractfile(member) for name, member in members.items() if name.endswith(".md")}
        texts = {name: page.read().decode() for name, page in pages.items() if page}
    assert not [name for name, member in members.items() if member.isfile() and member.mode & 0o111]
    for name, text in texts.items():
        for link in re.findall(r"\]\(([^):#]+)\)", text):
            assert os.path.normpath(os.path.join(os.path.dirname(name), link)) in members, f"{name}: {link}"


def test_the_artifact_installs_and_is_documented_under_its_name(artifact: Path, tmp_path: Path) -> None:
    args = ("collection", "install", "--offline", "--collections-path", str(tmp_path), str(artifact))
    ansible("ansible-galaxy", *args, home=tmp_path)
    for kind, names in (("role", ["libpod_host"]), ("module", sorted(modules()))):
        shown = ansible("ansible-doc", "--type", kind, *(f"libpod.engine.{name}" for name in names), home=tmp_path)
        documented = re.findall(rf"^> \w+:? \*?libpod\.engine\.(\w+)\*? \({tmp_path}", shown, re.MULTILINE)
        assert documented == names, shown


def test_every_module_is_in_the_action_group() -> None:
    assert set(load("meta/runtime.yml")["action_groups"]["libpod"]) == modules()


def test_page_of_the_contents_names_all_that_a_user_calls() -> None:
    text = (TOP / "docs/contents.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    for kind in ("connection", "inventory"):
        assert {path.stem for path in (TOP / "plugins" / kind).glob("*.py")} <= named
    roles = {path.name for path in (TOP / "roles").iterdir()}
    assert modules() | roles | {path.stem for path in (TOP / "playbooks").glob("*.yml")} <= named


def test_every_module_has_a_target_of_ansible_test() -> None:
    """By the target's name, or by one of its aliases."""
    targets = TOP / "tests/integration/targets"
    named = {path.name for path in targets.iterdir()}
    named |= {line for path in targets.glob("*/aliases") for line in path.read_text("utf-8").split()}
    assert set(modules()) <= named, set(modules()) - named


def test_the_programs_version_is_the_collections() -> None:
    from ansible_collections.libpod.engine.plugins.module_utils._model.version import VERSION

    assert load("galaxy.yml")["version"] == VERSION


def test_galaxy_is_given_every_address() -> None:
    galaxy = load("galaxy.yml")
    for kind in ("repository", "issues", "homepage", "documentation"):
        assert re.fullmatch(r"https://\S+", galaxy[kind]), kind
    assert galaxy["issues"] == f"{galaxy['repository']}/issues"


def test_the_version_of_ansible_is_the_same_everywhere() -> None:
    wanted = re.search(r"[\d.]+", load("meta/runtime.yml")["requires_ansible"])
    assert wanted and wanted[0].startswith(
        load("roles/libpod_host/meta/main.yml")["galaxy_info"]["min_ansible_version"]
    )
    assert f"ansible-core>={wanted[0][:4]}," in (TOP / "tests/requirements.txt").read_text(encoding="utf-8")


def test_the_roles_defaults_are_those_its_specification_documents() -> None:
    options = load("roles/libpod_host/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in options.items()} == load("roles/libpod_host/defaults/main.yml")


def test_the_roles_roots_are_the_engines() -> None:
    from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig

    defaults = load("roles/libpod_host/defaults/main.yml")
    for name in ("static_root", "run_root", "cni_config_dir", "oci_runtime"):
        assert defaults[f"libpod_host_{name}"] == getattr(EngineConfig(), name)


def test_the_role_installs_every_library_that_the_engine_imports() -> None:
    packages = role_packages("Debian")
    for path in (TOP / "plugins").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        checked = [
            node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ]
        for node in {*ast.walk(tree)} - {part for one in checked for part in ast.walk(one)}:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            libraries = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"ansible", ""}
            assert {f"python3-{name}" for name in libraries} <= packages | {"python3-ansible_collections"}, path


def test_the_project_tests_with_the_parts_that_the_role_installs() -> None:
    listed = subprocess.run([TOP / ".ci/env", "--list"], check=True, capture_output=True, text=True).stdout.split()
    assert role_packages("Debian") <= set(listed)


def test_make_lint_docs_and_sanity_are_sessions_of_the_noxfile() -> None:
    done = subprocess.run([sys.executable, "-m", "nox", "--list"], cwd=TOP, check=True, capture_output=True, text=True)
    sessions = set(re.findall(r"^[*-] (\S+) ->", done.stdout, re.M))
    assert {"lint", "docs", "sanity", "unit", "extra-checks", "docs-check", "build-import-check"} <= sessions
    called = re.findall(r"nox -e (.+)$", (TOP / "Makefile").read_text(), re.M)
    assert [one.split() for one in called] == [["lint", "extra-checks"], ["docs"], ["sanity"]]


def test_both_distributions_get_every_package() -> None:
    alike = {
        "golang-github-containers-common": "containers-common",
        "iptables": "iptables-nft",
        "python3-yaml": "python3-pyyaml",
    }
    debian, red_hat = role_packages("Debian"), role_packages("RedHat")
    # Release 10 of Red Hat's distributions has no package of runc; SELinux's rules for containers are theirs alone.
    assert {alike.get(package, package) for package in debian} - {"runc"} == red_hat - {"container-selinux"}


def test_sanity_has_no_ignore_file() -> None:
    assert not list((TOP / "tests/sanity").glob("ignore*"))
