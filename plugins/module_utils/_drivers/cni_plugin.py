# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One execution of one CNI plugin: its environment, its configuration, its answer."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Mapping, Optional

from .._model import shared_locks
from .._model.errors import ToolFailed, ToolMissing
from .._model.network import Attachment
from .._model.parts import Parts
from .cni_config import runtime_arguments, version
from .command import tool_environment
from .effects import effect

PACKAGE = "containernetworking-plugins"


def program(parts: Parts, kind: str) -> str:
    """The path of the plugin of type ``kind``.

    :raises ToolMissing: it is in none of ``cni_plugin_dirs``.
    """
    for folder in parts.cni_plugin_dirs:
        if os.access(f"{folder}/{kind}", os.X_OK):
            return f"{folder}/{kind}"
    raise ToolMissing(f"the CNI plugin {kind} (looked for in {', '.join(parts.cni_plugin_dirs)})", PACKAGE)


class PluginRun:
    """A plugin at work from here on; ``answer`` waits for its end.

    ``verb`` is ADD, CHECK or DEL; ``namespace`` a path, empty where it is gone; ``lock`` a descriptor the plugin
    inherits beside the locks that every program does, so that they last until the plugin has ended even where this
    process is killed.

    :raises ToolMissing: the plugin is not installed.
    """

    def __init__(
        self,
        parts: Parts,
        verb: str,
        container_id: str,
        namespace: str,
        attachment: Attachment,
        plugin: Mapping[str, Any],
        lock: Optional[int] = None,
    ) -> None:
        self._verb = verb
        self._program = program(parts, plugin["type"])
        self._doing = f"{verb} of container {container_id[:12]} on network {attachment.network}"
        self._outputs: Optional[tuple[str, str]] = None
        arguments = {"IgnoreUnknown": "1", **runtime_arguments(attachment.config, attachment.runtime_config)}
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container_id,
            "CNI_NETNS": namespace,
            "CNI_IFNAME": attachment.interface,
            "CNI_PATH": ":".join(parts.cni_plugin_dirs),
            "CNI_ARGS": ";".join(f"{key}={value}" for key, value in arguments.items()),
        }
        if verb != "CHECK":
            effect(f"cni {verb} {plugin['type']}")
        # A file, not a pipe: the plugin has all of its configuration though we be killed right now.
        descriptor = os.memfd_create("cni")
        try:
            os.write(descriptor, json.dumps(_execution_config(verb, attachment, plugin)).encode())
            os.lseek(descriptor, 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                [self._program],
                stdin=descriptor,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=tool_environment(environment),
                pass_fds=(*shared_locks.descriptors, *([] if lock is None else [lock])),
            )
        finally:
            os.close(descriptor)

    def wait(self) -> tuple[str, str]:
        """Wait for the plugin's end; what it printed, and its standard error."""
        if self._outputs is None:
            self._outputs = self._process.communicate()
        return self._outputs

    def answer(self) -> Any:
        """What ADD answers, else None.

        :raises ToolFailed: with the plugin's own words.
        """
        output, errors = self.wait()
        code = self._process.returncode
        if code != 0:
            raise ToolFailed([self._program], code, _words(output) or errors, self._doing)
        try:
            return json.loads(output) if self._verb == "ADD" else None
        except ValueError as error:
            raise ToolFailed([self._program], code, f"its result is not JSON: {error}", self._doing) from error


def _execution_config(verb: str, attachment: Attachment, plugin: Mapping[str, Any]) -> dict[str, Any]:
    """What the specification's section 2 derives from the network's configuration for one plugin."""
    config = attachment.config
    derived = {**plugin, "name": config["name"], "cniVersion": config.get("cniVersion", "0.1.0")}
    capabilities = plugin.get("capabilities") or {}
    runtime = {key: value for key, value in attachment.runtime_config.items() if value and capabilities.get(key)}
    if runtime:
        derived["runtimeConfig"] = runtime
    # Plugins older than 0.4.0 are not given a result when they delete.
    if attachment.result is not None and (verb == "ADD" or version(config) >= (0, 4, 0)):
        derived["prevResult"] = attachment.result
    return derived


def _words(output: str) -> str:
    """The message of a plugin's error object; all it printed where there is none."""
    try:
        error = json.loads(output)
        return " ".join(f"{error['msg']} {error.get('details', '')} (CNI error {error.get('code', '?')})".split())
    except (ValueError, TypeError, KeyError):
        return output
