# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables by which an inventory's containers are reached: those of their host's connection, and their own."""

from __future__ import annotations

from typing import Callable, Mapping, Optional

# Options of the connection to the host, and the variables that say the same to Ansible's plugins.
_REMOTE = {
    "remote_user": "ansible_user",
    "remote_port": "ansible_port",
    "private_key_file": "ansible_ssh_private_key_file",
    "ssh_common_args": "ansible_ssh_common_args",
    "ssh_extra_args": "ansible_ssh_extra_args",
}
# Other names of the same, in the order in which Ansible prefers them.
_ALSO = {
    "ansible_user": "ansible_ssh_user",
    "ansible_port": "ansible_ssh_port",
    "ansible_host": "ansible_ssh_host",
}
# Variables of an earlier host that its containers' hosts get too; no secret is among them.
_PASSED_ON = (
    *_REMOTE.values(),
    "ansible_private_key_file",
    "ansible_ssh_args",
    "ansible_ssh_executable",
    "ansible_control_path",
    "ansible_host_key_checking",
    "ansible_ssh_host_key_checking",
)
_BECOME = (
    "ansible_become",
    "ansible_become_method",
    "ansible_become_user",
    "ansible_become_exe",
    "ansible_become_flags",
)


def to_host(name: str, known: Mapping[str, object], option: Callable[[str], object]) -> dict[str, object]:
    """Return the variables of the connection to a remote host.

    :param known: those that the host has from an earlier source
    :param option: the plugin's ``get_option``; its options have precedence
    """
    variables = dict(known)
    for variable, other in _ALSO.items():
        if other in variables:
            variables[variable] = variables.pop(other)
    given = {variable: option(one) for one, variable in _REMOTE.items()}
    variables.update((variable, value) for variable, value in given.items() if value not in (None, ""))
    if option("become") is not None:
        variables["ansible_become"] = option("become")
    if option("become_method"):
        variables["ansible_become_method"] = option("become_method")
    return {**variables, "ansible_host": variables.get("ansible_host") or name}


def to_container(
    name: str, remote: Mapping[str, object], plugin: Optional[str], parts: Mapping[str, str]
) -> dict[str, object]:
    """Return the variables by which tasks find a container.

    :param remote: what ``to_host`` returned; empty where the container is on the controller
    :param plugin: the connection plugin; None for the engine's
    :param parts: the roots and parts that are not at their defaults
    """
    settings: dict[str, object] = {f"ansible_libpod_{part}": value for part, value in parts.items()}
    if not remote:
        return {**settings, "ansible_connection": plugin or "libpod.engine.libpod", "ansible_host": name}
    settings.update((key, remote[key]) for key in _PASSED_ON if remote.get(key) not in (None, ""))
    # On the host; ansible_become is for what a task does in the container.
    become = {f"ansible_libpod_host_{key[8:]}": remote[key] for key in _BECOME if remote.get(key) not in (None, "")}
    return {
        **become,
        **settings,
        "ansible_connection": plugin or "libpod.engine.libpod_ssh",
        "ansible_host": remote["ansible_host"],
        "ansible_libpod_container": name,
    }
