# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime spec of a container, for display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._drivers import foreign_files

if TYPE_CHECKING:
    from ..base import ContainerBase


def spec(container: ContainerBase) -> dict[str, object]:
    """Return the spec of this life as written, else what is known of the next one's without its root filesystem."""
    if container.state.config_path:
        return dict(foreign_files.read_json(container.state.config_path).mapping())
    from ..._spec.generate import generate
    from . import builder, lsm

    sources = {volume["target"]: volume["source"] for volume in container.config.volumes}
    labels = lsm.labels_of(container)
    facts = builder.draft(container)._replace(
        volume_sources=sources, process_label=labels.process, mount_label=labels.mount
    )
    return {**generate(container.config, facts)}
