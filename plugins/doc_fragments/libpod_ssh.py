# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import yaml
from ansible.plugins.connection import ssh

from .connection import ModuleDocFragment as Connection

# What libpod_ssh describes itself, since it means something else there.
_OWN = ("remote_addr", "remote_user", "timeout")
_ANSIBLES = ("executable", "pipelining")
_LOGIN = "login_user"


def _options() -> dict[str, Any]:
    """Return the options of this ansible-core's ssh, its user renamed, and the engine's roots and parts on the host."""
    options: dict[str, Any] = yaml.safe_load(ssh.DOCUMENTATION.replace("O(remote_user)", f"O({_LOGIN})"))["options"]
    options[_LOGIN] = options.pop("remote_user")
    for name, option in yaml.safe_load(Connection.DOCUMENTATION)["options"].items():
        if name not in _OWN:
            if name in _ANSIBLES:
                option = {**option, **{key: options[name][key] for key in ("vars", "env", "ini") if name in options}}
            else:
                option.pop("env", None)  # the controller's variables are not the host's
            options[name] = option
    _forget_versions(options)
    return options


def _forget_versions(node: object) -> None:
    """Remove the versions of ansible-core, which would be taken for those of this collection."""
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _forget_versions(value)
    if isinstance(node, dict):
        node.pop("version_added", None)


class ModuleDocFragment:
    """All options of Ansible's ssh, whatever its version, and those of the engine on the host."""

    # With a type, since ansible-test reads the text of every plain assignment here.
    DOCUMENTATION: str = yaml.safe_dump({"options": _options()}, sort_keys=False, width=1000)
