# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of an OCI image's ``config`` (image-spec config.md), for annotations; nothing imports this at run time."""

from __future__ import annotations

from typing import TypedDict


class ImageHealthcheck(TypedDict, total=False):
    """A health check, in Docker's words; durations in nanoseconds."""

    Test: list[str]
    Interval: int
    Timeout: int
    StartPeriod: int
    StartInterval: int
    Retries: int


class ImageConfig(TypedDict, total=False):
    """What an image says of its containers; it may have members beside these."""

    Cmd: list[str]
    Entrypoint: list[str]
    Shell: list[str]
    Env: list[str]
    User: str
    WorkingDir: str
    StopSignal: str
    Labels: dict[str, str]
    Volumes: dict[str, dict[str, object]]
    ExposedPorts: dict[str, dict[str, object]]
    Healthcheck: ImageHealthcheck
