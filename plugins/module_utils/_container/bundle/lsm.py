# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's security modules: checks of security_opt, the AppArmor profile, and whether SELinux has labels."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers.cgroups.manager import read_file
from ..._drivers.storage.roots import UNLABELLED, Labels
from ..._model.errors import InvalidArgument, NotImplementedByHost, without_effect

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Volume
    from ..base import ContainerBase

_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_SELINUX = "/sys/fs/selinux/enforce"


def check(options: ContainerOptions, strict: bool = False) -> None:
    """Check the AppArmor profile and SELinux's label, and warn of a label on a host without SELinux.

    :raises NotImplementedByHost: AppArmor is off. :raises InvalidArgument: it has no such profile, SELinux has no such
        label, or the label would be warned of and ``strict`` is set.
    """
    security = options["security_opt"]
    profile = security.get("apparmor", "unconfined")
    if profile != "unconfined":
        if read_file(_APPARMOR) != "Y":
            raise NotImplementedByHost(
                f"security_opt: apparmor={profile} needs AppArmor, which this kernel has not enabled: omit it"
            )
        from ..._drivers.kernel import apparmor

        if profile not in (apparmor.loaded() or {profile}):
            raise InvalidArgument(f"security_opt: the AppArmor profile {profile} is not loaded: load it first")
    if "disable" in security.get("label", {"disable": ""}):
        return
    if selinux():
        from . import labels

        labels.check(options)
    else:
        without_effect("security_opt: label= has no effect, for this kernel has not enabled SELinux", strict)


def check_volume(volume: Volume, name: str) -> None:
    """Check that a bind mount with the option z or Z of container ``name`` is one that SELinux lets relabel.

    :raises InvalidArgument: it is a directory of the system.
    """
    if {"z", "Z"} & {*volume["flags"]} and selinux():
        from . import labels

        labels.check_volume(volume, name)


def selinux() -> bool:
    """Return whether the kernel has SELinux enabled."""
    return os.path.exists(_SELINUX)


def labels_of(container: ContainerBase) -> Labels:
    """Return SELinux's labels of a container's next life, empty without SELinux or a policy for containers.

    ``state`` has those of the present life.
    """
    if not selinux():
        return UNLABELLED
    from . import labels

    return labels.of(container)


def create_storage(container: ContainerBase) -> Labels:
    """Create what takes the root filesystem's changes, unless it exists, and return its labels.

    :raises NoSuchImage: the store does not have the image.
    """
    config, labels = container.config, labels_of(container)
    container.storage.create(container.id, config.rootfs_image_id, config.id_mappings, labels)
    return labels


def apparmor_profile(options: ContainerOptions) -> str:
    """Return the AppArmor profile to run under, loaded; empty for none, the default of privileged containers."""
    profile: str | None = options["security_opt"].get("apparmor")
    if profile:
        return "" if profile == "unconfined" else profile
    if options["privileged"] or read_file(_APPARMOR) != "Y":
        return ""
    from ..._drivers.kernel import apparmor

    return apparmor.default()
