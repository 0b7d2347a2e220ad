# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One execution of one CNI plugin: its environment, its configuration, its answer."""

from __future__ import annotations

import json
import os
from typing import Any, Mapping, Optional

from ..._model import shared_locks
from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData, ToolFailed, ToolMissing, ToolTimedOut
from ..._model.failpoints import failpoint
from ..._model.records.network import NetworkAttachment
from .. import command, limits
from . import result
from .config import runtime_arguments, version

PACKAGE = "containernetworking-plugins"


def program(parts: EngineConfig, kind: str) -> str:
    """The path of the plugin of type ``kind``.

    :raises ToolMissing: it is in none of ``cni_plugin_dirs``.
    """
    for folder in parts.cni_plugin_dirs:
        if os.access(f"{folder}/{kind}", os.X_OK) and os.path.isfile(f"{folder}/{kind}"):
            return f"{folder}/{kind}"
    raise ToolMissing(f"the CNI plugin {kind} (looked for in {', '.join(parts.cni_plugin_dirs)})", PACKAGE)


class PluginRun:
    """A plugin at work from here on; ``answer`` waits for its end.

    ``verb`` is ADD, CHECK or DEL; ``namespace`` a path, empty where it is gone; ``lock`` a descriptor the plugin
    inherits beside the locks that every program does, so that they last until the plugin has ended even where this
    process is killed.

    :raises ToolMissing: the plugin is not installed. :raises ToolFailed: it cannot be run.
    """

    def __init__(
        self,
        parts: EngineConfig,
        verb: str,
        container_id: str,
        namespace: str,
        attachment: NetworkAttachment,
        plugin: Mapping[str, Any],
        lock: Optional[int] = None,
    ) -> None:
        self._verb = verb
        self._program = program(parts, plugin["type"])
        self._doing = f"{verb} of container {container_id[:12]} on network {attachment.network}"
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
            failpoint(f"cni {verb} {plugin['type']}")
        self._ended: Optional[command.Ended] = None
        self._error: Optional[Exception] = None
        try:
            self._process = command.start(
                [self._program],
                package=PACKAGE,
                env=command.tool_environment(environment),
                input=json.dumps(_execution_config(verb, attachment, plugin)),
                limit=limits.of("cni"),
                pass_fds=(*shared_locks.descriptors, *([] if lock is None else [lock])),
            )
        except OSError as error:
            # ENOEXEC, say, of a plugin for another architecture.
            words = f"it cannot be run: {error.strerror or error}"
            raise ToolFailed([self._program], 126, words, self._doing) from error

    def wait(self) -> None:
        """Wait for the plugin's end, or the end of its time; ``answer`` says what came of it."""
        if self._ended is None and self._error is None:
            try:
                self._ended = command.finish(self._process, limits.of("cni"), self._doing)
            except ToolTimedOut as error:
                self._error = error

    def answer(self) -> Any:
        """What ADD answers, else None.

        :raises ToolFailed: with the plugin's own words, or what is wrong with its result.
        :raises ToolTimedOut: it took longer than its limit.
        """
        self.wait()
        if self._ended is None:
            raise self._error or AssertionError
        code, output, errors = self._ended
        if code != 0:
            raise ToolFailed([self._program], code, _words(output) or errors, self._doing)
        if self._verb != "ADD":
            return None
        try:
            return result.parse(output, "its result")
        except MalformedData as error:
            raise ToolFailed([self._program], code, str(error), self._doing) from error


def _execution_config(verb: str, attachment: NetworkAttachment, plugin: Mapping[str, Any]) -> dict[str, Any]:
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
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return output
