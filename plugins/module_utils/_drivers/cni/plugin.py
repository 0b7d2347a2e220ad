# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One execution of a CNI plugin: its environment, its configuration, its answer."""

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
from .config import capabilities, runtime_arguments, version

PACKAGE = "containernetworking-plugins"


def program(parts: EngineConfig, kind: str) -> str:
    """Return the path of the plugin of type ``kind``.

    :raises ToolMissing: none of ``cni_plugin_dirs`` has it.
    """
    for folder in parts.cni_plugin_dirs:
        if os.access(f"{folder}/{kind}", os.X_OK) and os.path.isfile(f"{folder}/{kind}"):
            return f"{folder}/{kind}"
    raise ToolMissing(f"the CNI plugin {kind} (looked for in {', '.join(parts.cni_plugin_dirs)})", PACKAGE)


def _arguments(attachment: NetworkAttachment) -> dict[str, str]:
    arguments = {"IgnoreUnknown": "1", **runtime_arguments(attachment.config, attachment.runtime_config)}
    if "aliases" in capabilities(attachment.config):
        arguments["K8S_POD_NAME"] = attachment.container  # as podman has it, by which dnsname names a container
    return arguments


class PluginRun:
    """A running plugin; ``answer`` waits for its end.

    ``verb`` is ADD, CHECK or DEL; ``namespace`` is a path, empty where it is gone. The plugin inherits ``lock`` beside
    the locks that every program inherits, so that they are held until it ends, even if this process is killed.

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
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container_id,
            "CNI_NETNS": namespace,
            "CNI_IFNAME": attachment.interface,
            "CNI_PATH": ":".join(parts.cni_plugin_dirs),
            "CNI_ARGS": ";".join(f"{key}={value}" for key, value in _arguments(attachment).items()),
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
            # Such as ENOEXEC for a plugin of another architecture.
            message = f"it cannot be run: {error.strerror or error}"
            raise ToolFailed([self._program], 126, message, self._doing) from error

    def wait(self) -> None:
        """Wait until the plugin has ended or its time is over; ``answer`` returns the result."""
        if self._ended is None and self._error is None:
            try:
                self._ended = command.finish(self._process, limits.of("cni"), self._doing)
            except ToolTimedOut as error:
                self._error = error

    def answer(self) -> Optional[dict[str, object]]:
        """Return the result of ADD, None for other verbs.

        :raises ToolFailed: with the plugin's own message, or what is wrong with its result.
        :raises HostExhausted: it got no thread.
        :raises ToolTimedOut: it took longer than its limit.
        """
        self.wait()
        if self._ended is None:
            raise self._error or AssertionError
        code, output, _errors = self._ended
        if code != 0:
            raise command.failure([self._program], self._ended, self._doing, _error_message(output))
        if self._verb != "ADD":
            return None
        try:
            return result.parse(output, "its result")
        except MalformedData as error:
            raise ToolFailed([self._program], code, str(error), self._doing) from error


def _execution_config(verb: str, attachment: NetworkAttachment, plugin: Mapping[str, Any]) -> dict[str, object]:
    """Return what the specification's section 2 derives from the network's configuration for one plugin."""
    config = attachment.config
    derived = {**plugin, "name": config["name"], "cniVersion": config.get("cniVersion", "0.1.0")}
    capabilities = plugin.get("capabilities") or {}
    runtime = {key: value for key, value in attachment.runtime_config.items() if value and capabilities.get(key)}
    if runtime:
        derived["runtimeConfig"] = runtime
    # Before 0.4.0 DEL gets no result.
    if attachment.result is not None and (verb == "ADD" or version(config) >= (0, 4, 0)):
        derived["prevResult"] = attachment.result
    return derived


def _error_message(output: str) -> str:
    """Return the message of a plugin's error object, its whole output where there is none."""
    try:
        error = json.loads(output)
        return " ".join(f"{error['msg']} {error.get('details', '')} (CNI error {error.get('code', '?')})".split())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return output
