# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of what is inspected, for annotations; nothing imports this at run time."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, TypedDict

from .._model.records.defined_network import InspectedDefinition
from .._model.records.image_config import ImageHealthcheck


class InspectedVolume(TypedDict, total=False):
    """A volume as ``podman volume inspect`` shows it, and the containers that use it."""

    Name: str
    Driver: str
    Mountpoint: str
    CreatedAt: str
    Labels: dict[str, str]
    Scope: str
    Options: dict[str, str]
    UID: int
    GID: int
    Anonymous: bool
    MountCount: int
    NeedsCopyUp: bool
    UsedBy: list[str]


class _SecretDriver(TypedDict):
    Name: str
    Options: dict[str, str]


class _SecretSpec(TypedDict):
    Name: str
    Driver: _SecretDriver
    Labels: dict[str, str]


class InspectedSecret(TypedDict):
    """A secret as ``podman secret inspect`` shows it."""

    ID: str
    CreatedAt: str
    UpdatedAt: str
    Spec: _SecretSpec


class _GraphDriver(TypedDict):
    Name: str
    Data: dict[str, str]


class _RootFS(TypedDict):
    Type: str
    Layers: list[str]


class _InspectedImage(TypedDict):
    Id: str
    Digest: str
    RepoTags: list[str]
    RepoDigests: list[str]
    Parent: str
    Comment: object
    Created: str
    Config: Mapping[str, object]
    Version: str
    Author: str
    Architecture: str
    Os: str
    Size: int
    VirtualSize: int
    GraphDriver: _GraphDriver
    RootFS: _RootFS
    Labels: Optional[dict[str, str]]
    Annotations: dict[str, str]
    ManifestType: str
    User: str
    History: Sequence[Mapping[str, object]]
    NamesHistory: list[str]


class InspectedImage(_InspectedImage, total=False):
    """An image as ``podman image inspect`` shows it."""

    HealthCheck: ImageHealthcheck


class InspectedNetwork(InspectedDefinition, total=False):
    """A network as ``podman network inspect`` shows it, and the containers that are on it."""

    created: str
    containers: dict[str, dict[str, object]]
    used_by: list[str]
    default: bool
    file: str
    managed: bool
