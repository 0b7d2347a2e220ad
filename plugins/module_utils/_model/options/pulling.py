# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When and how an image is pulled; imported only for tasks that have such an option."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from .. import caller
from ..errors import InvalidArgument
from .syntax.durations import seconds
from .syntax.parsers import count, wrong

_PLATFORM = ("os", "arch", "variant")
# Other names of what images call it (podman's NormalizePlatform).
ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}
ARCHITECTURES.update(i686="386", armv7l="arm")


class Pull(NamedTuple):
    """How an image is pulled.

    ``delay`` is in seconds between two tries, negative for 1, 2, 4, …; ``key`` is ``PATH[:PASSPHRASE]``, ``creds`` is
    ``USER[:PASSWORD]``, ``signature_policy`` the path of a policy.json(5) instead of the host's.
    Empty parts of the platform stand for the host's, and ``tls_verify`` None for what registries.conf(5) says. A
    ``terminal`` is the descriptor of one that shows how far the copy is.
    """

    policy: str = "missing"
    authfile: str = ""
    tls_verify: Optional[bool] = None
    os: str = ""
    arch: str = ""
    variant: str = ""
    retries: int = 0
    delay: float = -1.0
    key: str = ""
    creds: str = ""
    cert_dir: str = ""
    signature_policy: str = ""
    terminal: int = -1

    def fits(self, configuration: Mapping[str, object]) -> bool:
        """Return whether an image of this OCI image configuration is for the platform."""
        pairs = ((self.os, "os"), (self.arch, "architecture"), (self.variant, "variant"))
        return all(value in ("", configuration.get(key, "")) for value, key in pairs)

    def other_platform(self, configuration: Mapping[str, object]) -> str:
        """Return the platform of an image of this configuration as the option has it, "" where that is as wanted."""
        platform = (configuration.get(key) for key in ("os", "architecture", "variant"))
        return "" if self.fits(configuration) else "/".join(str(part) for part in platform if part)


DEFAULT = Pull()


def check_credentials(user: str, password: str, refusal: str) -> None:
    """Check that HTTP's basic authentication (RFC 7617) can send user and password.

    :raises InvalidArgument: it cannot; ``refusal`` begins the message, which shows neither.
    """
    if not user:
        raise InvalidArgument(f"{refusal}, with a USER")
    if ":" in user:
        raise InvalidArgument(f"{refusal}, and no colon in USER")
    for text, name in ((user, "USER"), (password, "PASSWORD")):
        if any(char < " " or char == "\x7f" for char in text):
            raise InvalidArgument(f"{refusal}, on one line: {name} has a line break or another control character")
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidArgument(f"{refusal}, in UTF-8: {name} is not")


def pulling(params: Mapping[str, Any]) -> Pull:
    """Return how a task's image is pulled.

    :raises InvalidArgument: naming the option.
    """
    platform = str(params.get("platform") or "").split("/")
    for option in _PLATFORM:
        if params.get("platform") and params.get(option):
            raise InvalidArgument(f"platform: cannot be combined with {option}: give one of them")
    if params.get("platform") and not (len(platform) in (2, 3) and all(platform)):
        raise wrong(
            "platform", params["platform"], "OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64/v8"
        )
    if not params.get("platform"):
        platform = [str(params.get(option) or "") for option in _PLATFORM]
    system, arch, variant = (part.lower() for part in [*platform, ""][:3])
    key_path, colon, phrase = (params.get("decryption_key") or "").partition(":")
    authfile, key_path = (caller.absolute(path) if path else "" for path in (params.get("authfile"), key_path))
    paths = (params.get("cert_dir"), params.get("signature_policy"))
    cert_dir, signature_policy = (caller.absolute(path) if path else "" for path in paths)
    if params.get("creds") and authfile:
        raise InvalidArgument("creds: cannot be combined with authfile: give one of them")
    user, _colon, password = (params.get("creds") or "").partition(":")
    if params.get("creds"):
        check_credentials(user, password, "creds: cannot be used: expected USER or USER:PASSWORD")
    delay = params.get("retry_delay")
    return Pull(
        policy=params.get("pull") or "missing",
        authfile=authfile,
        tls_verify=params.get("tls_verify"),
        os=system,
        arch=ARCHITECTURES.get(arch, arch),
        variant=variant,
        retries=count(params.get("retry") or 0, "retry"),
        delay=-1.0 if delay is None else seconds(delay, "retry_delay"),
        key=f"{key_path}{colon}{phrase}",
        creds=params.get("creds") or "",
        cert_dir=cert_dir,
        signature_policy=signature_policy,
    )
