# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy.json(5) that decides which images may be pulled: a task's, else the host's."""

from __future__ import annotations

import os

# How skopeo's messages begin, of an image that a policy rejects and of a policy that it cannot use.
_REJECTED, _UNUSABLE = "Source image rejected: ", "Error loading trust policy: "


def arguments(policy: str) -> list[str]:
    """Return skopeo's option for a task's ``policy``; on a host without a policy every image may be pulled."""
    if policy:
        return ["--policy", policy]
    return [] if _of_host() else ["--insecure-policy"]


def rejection(source: str, policy: str, message: str) -> str:
    """Return why the policy does not let ``source`` be pulled; "" where skopeo's message is of something else."""
    path = policy or _of_host()
    if _REJECTED in message:
        why = message.partition(_REJECTED)[2].rstrip(".")
        return (
            f"image {source!r} is rejected by the signature policy {path}: {why}: "
            "sign the image as the policy asks, or change what it asks of this image"
        )
    if _UNUSABLE in message:
        return (
            f"image {source!r} cannot be pulled by the signature policy {path}: "
            f"{message.partition(_UNUSABLE)[2]}: expected a file as policy.json(5) describes it"
        )
    return ""


def _of_host() -> str:
    """Return the path of the host's policy, root's own before that of /etc, as skopeo finds it; "" without one."""
    homes = (os.path.join(os.environ.get("HOME", "/root"), ".config"), "/etc")
    return next((path for home in homes if os.path.exists(path := f"{home}/containers/policy.json")), "")
