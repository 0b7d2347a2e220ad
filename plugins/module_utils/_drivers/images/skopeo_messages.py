# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""skopeo's error messages: what they mean, whether another try may help, and what to do."""

from __future__ import annotations

import re

from ..._model.options.table import HIDDEN
from ..._model.records.image import PATH_TRANSPORTS

# skopeo's messages of what another try would meet again, and what to do.
_LASTING = (
    ("unauthorized: |authentication required|invalid username/password", "log in with libpod_login, or give creds"),
    ("registry .* is blocked in", "give an image of another registry, or remove blocked = true"),
    ("x509: |tls: ", "give a directory with the certificates as cert_dir, or accept any with tls_verify: false"),
    ("server gave HTTP response to HTTPS client", "it has no TLS: give tls_verify: false"),
)
# And of what may pass.
_PASSING = (
    ("toomanyrequests|(?i:too many requests)", "it limits requests: try later, log in, or give retry and retry_delay"),
    (r"\bEOF$", "the registry broke off its answer"),
)
# skopeo's messages where the source is reached and has no such image; docker.io says "denied".
_ABSENT = re.compile(
    r"manifest unknown|name unknown|not known to registry|StatusCode: 404|no descriptor"
    # Not the host's own: a missing credential helper, a certificate that cannot be read.
    r"|(?<!executable file )not found|(?<!permission )denied"
    rf"|initializing source (?:{'|'.join(PATH_TRANSPORTS)}):.*no such file or directory"
)


def is_absent(message: str) -> bool:
    """Return whether skopeo's message says that the source was reached and does not have the image."""
    return bool(_ABSENT.search(message))


def is_lasting(message: str) -> bool:
    """Return whether skopeo's message is of a refusal that another try would meet again."""
    return any(re.search(pattern, message) for pattern, _advice in _LASTING)


def advised(message: str) -> str:
    """Return skopeo's message, with what to do where that is known."""
    for pattern, advice in (*_LASTING, *_PASSING):
        if re.search(pattern, message):
            return f"{message}: {advice}"
    return message


def without_secrets(message: str, *secrets: str) -> str:
    """Return a message without the secrets, which a registry's answer may repeat, plain or as it was sent them."""
    from base64 import b64encode

    spelled = [one for secret in secrets if secret for one in (secret, b64encode(secret.encode()).decode())]
    for one in sorted(spelled, key=len, reverse=True):
        message = message.replace(one, HIDDEN)
    return message


def message_of(stderr: str) -> str:
    """Return skopeo's last error message, taken out of its log format."""
    messages = re.findall(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"', stderr)
    return messages[-1].replace('\\"', '"').replace("\\n", " ") if messages else stderr
