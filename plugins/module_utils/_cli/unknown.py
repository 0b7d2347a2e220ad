# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to run in the place of a command that there is not; not imported for a command that there is."""

from __future__ import annotations

from typing import Sequence

# Podman's commands without a counterpart.
ELSEWHERE = {
    "build": "the module libpod_image builds, with path",
    "compose": "the module libpod_compose runs the services of a Compose file",
    "generate": "the module libpod_unit writes a systemd unit of a container",
    "history": "libpod image inspect shows an image's History",
    "kube": "the module libpod_kube runs the pods of Kubernetes YAML",
    "play": "the module libpod_kube runs the pods of Kubernetes YAML",
    "prune": "libpod system prune removes what nothing uses",
    "search": "name the image in full",
}


def remedy(arguments: Sequence[str], commands: Sequence[str]) -> str:
    """Return the error of a command line without a command of ours, empty where it has one.

    It names the nearest of ``commands``, or what else does it.
    """
    if not arguments:
        return f"expected one of {', '.join(commands)}, or --help"
    command, verb = arguments[0], "".join(arguments[1:2])
    if verb in ELSEWHERE and verb != "prune":
        return f"'{command} {verb}' is no command: {ELSEWHERE[verb]}"
    if command in commands and (command != "container" or verb in ("prune", "-h", "--help")):
        return ""
    if command == "container":
        noun = f"container {verb}".rstrip()
        return f"{noun!r} is no command: libpod --help lists them, and 'container' may stand before a verb"
    if command in ELSEWHERE:
        return f"{command!r} is no command: {ELSEWHERE[command]}"
    from difflib import get_close_matches

    near = get_close_matches(command, commands, 1)
    return f"{command!r} is no command: {f'did you mean {near[0]}?' if near else 'libpod --help lists them'}"
