# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A login to a registry, as it is stored and as it is asked for."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Login(NamedTuple):
    """Credentials for a registry; ``token`` is an identity token, which replaces user and password."""

    username: str
    password: str
    token: str = ""


class Access(NamedTuple):
    """Who logs in where, and how the registry is reached; ``tls_verify`` None is what registries.conf(5) says."""

    key: str
    username: str
    password: str
    cert_dir: str = ""
    tls_verify: Optional[bool] = None
