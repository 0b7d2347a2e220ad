# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a registry check a password, by skopeo(1), which reads it from its standard input."""

from __future__ import annotations

import re
from contextlib import ExitStack

from ..._model.errors import LoginRefused, ToolFailed, ToolTimedOut
from ..._model.records.login import Access
from ..command import run
from ..registries import auth_paths, registries_conf
from . import skopeo_messages, transport


def check(access: Access, authfile: str) -> None:
    """Have the registry check the password, and skopeo store it in ``authfile``, or where that and the host say.

    :raises LoginRefused: it is not accepted. :raises ToolFailed: the registry cannot be asked.
    """
    argv = ["skopeo", *registries_conf.arguments(), "login", f"--authfile={authfile}"]
    argv += [f"--username={access.username}", "--password-stdin"]
    if access.cert_dir:
        argv.append(f"--cert-dir={access.cert_dir}")
    if access.tls_verify is not None:
        argv.append(f"--tls-verify={str(access.tls_verify).lower()}")
    doing = f"logging in to {access.key} as {access.username}"
    try:
        run(
            [*argv, access.key],
            package="skopeo",
            env=auth_paths.environment(),
            input=access.password,
            doing=doing,
            label="login",
            tool="registry",
        )
    except ToolTimedOut as error:
        error.argv = error.argv[:1]
        raise
    except ToolFailed as error:
        said = skopeo_messages.message_of(error.stderr)
        message = skopeo_messages.without_secrets(said, f"{access.username}:{access.password}", access.password)
        if re.search("invalid username/password|unauthorized: ", said):
            raise LoginRefused(
                f"registry {access.key} does not accept the password of {access.username}: {message}"
            ) from error
        raise ToolFailed(error.argv[:1], error.exit_code, skopeo_messages.advised(message), doing) from error


def check_and_keep(access: Access, helper: str) -> None:
    """Have the registry check the password, and skopeo hand it to a credential helper.

    :raises LoginRefused, ToolFailed: as ``check``, or the helper fails.
    """
    import json

    with ExitStack() as opened:
        content = json.dumps({"credHelpers": {access.key: helper}}).encode()
        check(access, transport.in_memory(content, opened))
