# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes YAML for tests, as the stack that the engine makes of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._inputs.kube import stack
from ansible_collections.libpod.engine.plugins.module_utils._inputs.stack import Stack
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign_yaml

OWN = {"libpod.engine.kube": "set"}
DATA = """
---
{kind: ConfigMap, metadata: {name: c}, data: {a: "1", b: two}, binaryData: {bin: "/w=="}}
---
{kind: Secret, metadata: {name: s}, data: {q: cXE=}, stringData: {p: pass}}
---
{kind: Secret, metadata: {name: nul}, stringData: {k: "a\\0b"}}
"""


def load(text: str, **more: Any) -> Stack:
    """Return the stack of a file's text."""
    documents = foreign_yaml.parse_core_all(text.encode(), "kube.yaml").value
    return stack.load(stack.Request(OWN, definition=documents, seccomp_root="/profiles", **more))


def pod_of(spec: str = "", container: str = "", meta: str = "") -> Stack:
    """Return the stack of a pod with these fields, of its container, and of its metadata."""
    one = f"{{name: c, image: example.org/i:1, {container}}}"
    comma = ", " if spec else ""
    return load(f"{{kind: Pod, metadata: {{name: p, {meta}}}, spec: {{{spec}{comma}containers: [{one}]}}}}{DATA}")
