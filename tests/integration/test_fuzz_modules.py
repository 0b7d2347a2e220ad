# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules and the operator's command with any arguments: each run ends in a result or a one-line error.

None leaves anything behind.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from ansible_collections.libpod.engine.plugins import module_utils
from ansible_collections.libpod.engine.plugins.module_utils._ansible import arguments
from ansible_collections.libpod.engine.plugins.module_utils._cli import arguments as cli_arguments
from ansible_collections.libpod.engine.plugins.module_utils._cli import main
from ansible_collections.libpod.engine.plugins.module_utils._model import errors
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.tests.support import fuzz, modules
from ansible_collections.libpod.engine.tests.support.hosts import Host
from hypothesis import strategies as st

ROOTS = arguments.parts_spec()
# Options excluded from runs without check mode: paths of the machine that they would write to or pull from.
HOST_PATHS = ("cidfile", "pid_file", "conmon_pidfile", "log_opt", "image", "rootfs", "pod", "pod_id_file", "timeout")
BASE: dict[str, Any] = {"image": "localhost/busybox:latest", "command": ["sleep", "1000"], "network": "none"}
# Modules whose tasks depend on existing objects, which the names refer to often enough.
OTHERS = {
    "libpod_compose": "projects.compose",
    "libpod_container_copy": "operations.copy",
    "libpod_container_exec": "operations.exec",
    "libpod_container_info": "",
    "libpod_container_logs": "operations.logs",
    "libpod_container_wait": "operations.wait",
    "libpod_containers": "containers",
    "libpod_commit": "operations.commit",
    "libpod_export": "operations.export",
    "libpod_pod": "pod",
    "libpod_pod_info": "pod_info",
    "libpod_prune": "prune",
    "libpod_image": "images.image",
    "libpod_image_info": "images.image_info",
    "libpod_import": "images.import_tarball",
    "libpod_kube": "projects.kube",
    "libpod_load": "images.load",
    "libpod_login": "resources.login",
    "libpod_login_info": "resources.login_info",
    "libpod_logout": "resources.logout",
    "libpod_network": "resources.network",
    "libpod_network_info": "resources.network_info",
    "libpod_quadlet": "projects.quadlet",
    "libpod_save": "images.save",
    "libpod_secret": "resources.secret",
    "libpod_secret_info": "resources.secret_info",
    "libpod_unit": "resources.unit",
    "libpod_volume": "resources.volume",
    "libpod_volume_info": "resources.volume_info",
}

# Commands and verbs that neither wait, nor write files outside of the roots, nor end the running container.
COMMANDS = (
    *("ps", "inspect", "logs", "update", "port", "diff", "top", "healthcheck", "create", "mark", "images", "info"),
    *("version", "completion", "man", "system df", "logout", "inventory", "__complete"),
    *(f"image {verb}" for verb in ("ls", "inspect", "exists")),
    *(
        f"{kind} {verb}"
        for kind in ("network", "pod", "secret", "volume")
        for verb in ("ls", "inspect", "exists", "create")
    ),
)
# Flags excluded from them: waiting, and paths of the machine as above.
HOST_FLAGS = ("-f", "--follow", *(f"--{name.replace('_', '-')}" for name in HOST_PATHS), "--pidfile", "--pod-id-file")


def value(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values for an option of an argument spec, sometimes one that Ansible itself refuses."""
    if spec.get("choices"):
        return st.sampled_from([*spec["choices"], "x"])
    if spec.get("options"):
        return st.dictionaries(st.sampled_from(sorted(spec["options"])), fuzz.texts(), max_size=2)
    return fuzz.values_of(spec.get("type", "str"))


def drawn(data: st.DataObject, spec: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Draw the required and up to six options of an argument spec; never its roots, which the test host has."""
    names = sorted(name for name in spec if name not in ROOTS and name not in without)
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=6, unique=True))
    required = [name for name in names if spec[name].get("required")]
    return {name: data.draw(value(spec[name])) for name in dict.fromkeys([*required, *chosen])}


def expect_a_sentence(result: modules.Result, args: dict[str, Any]) -> None:
    """Assert that the module ended in a result, or in a one-line message of a known error."""
    if "Failed to decode JSON module parameters" in result.stderr:
        # Ansible's own refusal, before the module begins; a controller does not send such text.
        assert re.search("[\ud800-\udfff]", json.dumps(args, ensure_ascii=False)), (args, result)
        return
    assert "Traceback" not in result.stderr and "printed" not in result and result.exit_code in (0, 1), (args, result)
    assert "exception" not in result and result.get("error") != "Internal", (args, result)
    assert not result.failed or result["msg"], (args, result)


def strictly(error: BaseException) -> str:
    """Return an error's sentence, but raise one that is outside of the hierarchy."""
    if isinstance(errors.explained(error), errors.Internal):
        raise error
    return errors.sentence(error)


def command(host: Host, *words: str, folder: Path = Path("/")) -> modules.Result:
    """Run the operator's command in a process of its own, in a folder."""

    def body() -> None:
        signal.alarm(60)  # a command that waits for ever ends by it
        os.chdir(folder)
        os.environ.update(host.parts.environment())
        vars(main)["sentence"] = vars(cli_arguments)["sentence"] = strictly
        raise SystemExit(main.main(words))

    return modules.in_child(body)


@pytest.fixture(scope="module")
def host() -> Any:
    """Return a test host for all examples of this file, with a running container."""
    with Host() as made:
        assert not made.container("running", **BASE).failed
        yield made
        for kind in ("pod", "secret", "network", "volume"):
            command(made, kind, "rm", "--all", "--force")
        made.empty()
        made.module("libpod_prune", {"container": True, "volume": True, "image": False})
        made.expect_clean()


@fuzz.fuzzed(80, data=st.data())
def test_container_in_check_mode(host: Host, data: st.DataObject) -> None:
    args = {**BASE, "name": data.draw(st.sampled_from(["running", "new"])), **drawn(data, arguments.container_spec())}
    expect_a_sentence(host.module("libpod_container", args, check=True, diff=True), args)


@fuzz.fuzzed(40, data=st.data())
def test_container_that_is_created(host: Host, data: st.DataObject) -> None:
    args = {**BASE, **drawn(data, arguments.container_spec(), HOST_PATHS), "name": "made", "state": "created"}
    result = host.module("libpod_container", args)
    expect_a_sentence(result, args)
    gone = host.container("made", state="absent", delete_volumes=True)
    assert not gone.failed, (args, result, gone)
    hypothesis.target(float(not result.failed))


@pytest.mark.parametrize("name", OTHERS)
@fuzz.fuzzed(15, data=st.data())
def test_other_module_in_check_mode(host: Host, name: str, data: st.DataObject) -> None:
    room = OTHERS[name]
    spec = importlib.import_module(f"{module_utils.__name__}._ansible.{room}").spec() if room else arguments.info_spec()
    args = drawn(data, spec)
    for option in ("name", "container"):
        if option in spec and spec[option].get("type", "str") == "str" and data.draw(st.booleans()):
            args[option] = "running"
    for option in ("timeout", "wait_timeout"):
        if option in spec:
            args[option] = 0.1 if spec[option].get("type") == "float" else 1
    if "retry" in spec:
        args["retry"] = 0  # the host has no registry
    expect_a_sentence(host.module(name, args, check=True), args)


def words_of(command: str) -> st.SearchStrategy[str]:
    """Return arguments for a command: its flags, alone and with a value, names, and any text."""
    known = ["running", "localhost/busybox:latest", "--", "-9"]
    name, *verb = command.split()
    if name != "__complete" and name not in main._ARGUMENTS:
        parser = cli_arguments.parser_of(EngineConfig(), main.COMMANDS, name, *(verb if name == "image" else ()))
        groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        parser = groups[0].choices[verb[0]] if groups else parser
        known += [flag for flag in parser._option_string_actions if flag not in HOST_FLAGS]
    flags = st.sampled_from(known)
    return st.one_of(flags, fuzz.texts(), st.builds("{}={}".format, flags, fuzz.texts()))


@fuzz.fuzzed(40, data=st.data())
def test_command(host: Host, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = data.draw(st.sampled_from(COMMANDS))
    words = [*name.split(), *data.draw(st.lists(words_of(name), max_size=5))]
    result = command(host, *words, folder=tmp_path_factory.getbasetemp())
    assert "Traceback" not in result.stderr and result.exit_code in (0, 1, 125), (words, result)
    assert result.exit_code != 125 or result.stderr.splitlines()[-1].startswith("libpod"), (words, result)
