# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's security modules: checks of security_opt, and the AppArmor profile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers.cgroups.manager import read_file
from ..._model.errors import InvalidArgument, NotImplementedByHost, without_effect

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Security

_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"


def check(security: Security, strict: bool = False) -> None:
    """Check the AppArmor profile, and warn of a label on a host without SELinux.

    :raises NotImplementedByHost: AppArmor is off. :raises InvalidArgument: it has no such profile, or the label would
        be warned of and ``strict`` is set.
    """
    profile = security.get("apparmor", "unconfined")
    if profile != "unconfined":
        if read_file(_APPARMOR) != "Y":
            raise NotImplementedByHost(
                f"security_opt: apparmor={profile} needs AppArmor, which this kernel has not enabled: omit it"
            )
        from ..._drivers.kernel import apparmor

        if profile not in (apparmor.loaded() or {profile}):
            raise InvalidArgument(f"security_opt: the AppArmor profile {profile} is not loaded: load it first")
    if "disable" not in security.get("label", {"disable": ""}) and not selinux():
        without_effect("security_opt: label= has no effect, for this kernel has not enabled SELinux", strict)


def selinux() -> bool:
    """Return whether the kernel has SELinux enabled."""
    return os.path.exists(_SELINUX)


def apparmor_profile(options: ContainerOptions) -> str:
    """Return the AppArmor profile to run under, loaded; empty for none, the default of privileged containers."""
    profile: str | None = options["security_opt"].get("apparmor")
    if profile:
        return "" if profile == "unconfined" else profile
    if options["privileged"] or read_file(_APPARMOR) != "Y":
        return ""
    from ..._drivers.kernel import apparmor

    return apparmor.default()
