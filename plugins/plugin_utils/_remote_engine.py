# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kept engine of a remote host, run there over Ansible's ssh connection."""

from __future__ import annotations

import json
import os
import shlex
from typing import Any, Mapping

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader

_NO_ROOT, _NO_ENGINE = 126, 127  # exit codes of the script
_LARGEST = 1 << 28


class RemoteFailure(Exception):
    """The host could not be read; the message is one sentence."""


def inventory(host: str, variables: Mapping[str, Any], parts: Mapping[str, str]) -> dict[str, Any]:
    """Return what ``libpod inventory`` writes on a host.

    :param variables: the host's variables, by which the ssh and become plugins are set
    :param parts: the roots and parts that are not at their defaults
    :raises RemoteFailure: it cannot be reached, or read.
    """
    root = parts.get("static_root", "/var/lib/libpod")
    code, out, err = _run(host, variables, _script(root, parts))
    said = to_text(err, errors="replace").strip().rpartition("\n")[2][-300:]
    if code == _NO_ROOT:
        raise RemoteFailure(f"{host}: reading its containers needs root there: set become: true, or remote_user: root")
    if code == _NO_ENGINE:
        return {"containers": [], "warnings": [f"{host} has no engine of libpod.engine below {root}, so no container"]}
    if code != 0:
        raise RemoteFailure(
            f"{host}: {root}/engine/libpod inventory ended with {code}: {said!r}; run a task of this collection "
            "there where its engine is an older version's"
        )
    return _parsed(host, out)


def _script(root: str, parts: Mapping[str, str]) -> str:
    program = shlex.quote(f"{root}/engine/libpod")
    given = {name: value for name, value in parts.items() if name != "static_root"}
    settings = "".join(f"LIBPOD_{name.upper()}={shlex.quote(value)} " for name, value in given.items())
    script = (
        f'if [ "$(id -u)" != 0 ]; then exit {_NO_ROOT}; fi; if ! [ -x {program} ]; then exit {_NO_ENGINE}; fi; '
        f"{settings}{program} inventory"
    )
    return f"/bin/sh -c {shlex.quote(script)}"  # the user's own shell may be another one


def _run(host: str, variables: Mapping[str, object], script: str) -> tuple[int, bytes, bytes]:
    context = PlayContext()
    become = str(variables.get("ansible_become_method") or "sudo") if _is_true(variables.get("ansible_become")) else ""
    try:
        connection = connection_loader.get("ansible.builtin.ssh", context, os.devnull)
        connection.set_options(var_options={"inventory_hostname": host, **variables})
        command = script
        if become:
            plugin = become_loader.get(become)
            if plugin is None:
                raise RemoteFailure(f"become_method: there is no become plugin {become}")
            plugin.set_options(var_options=dict(variables))
            connection.set_become_plugin(plugin)
            command = plugin.build_become_command(script, connection._shell)
        try:
            code, out, err = connection.exec_command(command, sudoable=bool(become))
        finally:
            connection.close()
    except AnsibleConnectionFailure as error:
        raise RemoteFailure(f"{host} cannot be reached: {_one_line(error)}") from error
    except AnsibleError as error:
        raise RemoteFailure(f"{host}: {_one_line(error)}") from error
    return int(code), bytes(out), bytes(err)


def _one_line(error: Exception) -> str:
    return " ".join(to_text(error, errors="replace").split())[:500]


def _parsed(host: str, out: bytes) -> dict[str, object]:
    try:
        if len(out) > _LARGEST:
            raise ValueError(f"{len(out)} bytes")
        # A login shell may print something before, and a terminal has errors in the output too.
        text = to_text(out, errors="replace")
        read = json.JSONDecoder().raw_decode(text, text.index('{"containers"'))[0]
        return {"containers": list(read["containers"]), "warnings": [str(one) for one in read["warnings"]]}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise RemoteFailure(f"{host}: its engine wrote no list of containers: {str(error)[:80]}") from error


def _is_true(value: object) -> bool:
    return str(value).lower() in ("true", "yes", "on", "1")
