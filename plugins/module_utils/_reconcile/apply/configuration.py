# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that a plan gives a container: a new one's, or the recorded one with what changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

from ..._container.container import Container
from ..._container.live_status import timestamp
from ..._container.network import host_ports
from ..._drivers.cgroups import manager
from ..._drivers.images.store import ImageStore
from ..._drivers.registries import short_names
from ..._model import caller
from ..._model.errors import NoSuchImage
from ..._model.options.network.ports import with_exposed
from ..._model.options.process_options import host_variables
from ..._model.options.table import Change, select
from ..._model.records.config import ContainerConfig
from ..._model.records.image import Image
from ..._runtime import anonymous_volumes
from ..._runtime.runtime import Runtime
from .. import dependencies
from ..desired import Desired
from ..plan import Plan, Verb

if TYPE_CHECKING:
    from ..._model.records.image_config import ImageConfig


def of_new(
    runtime: Runtime, desired: Desired, previous: Optional[Container], pulled: Optional[Image] = None
) -> ContainerConfig:
    """Return a new container's configuration, with an ID of its own.

    ``pulled`` is the image that was pulled for it, whatever its name leads to by now.

    :raises NoSuchImage: the image is not in the store.
    """
    options = desired.wanted
    kept = previous.config if previous is not None and not desired.image else None
    image_id, digest, image_name, image_config = _image_fields(runtime, desired, pulled, kept)
    container_id = os.urandom(32).hex()
    pod = dependencies.pod(runtime, options)
    return ContainerConfig(
        id=container_id,
        name=desired.name,
        created_time=timestamp(),
        options=options,
        static_dir=runtime.store.static_dir(container_id),
        rootfs_image_id=image_id,
        rootfs_image_digest=digest,
        rootfs_image_name=image_name,
        image_config=image_config,
        rootfs=desired.image if desired.rootfs else kept.rootfs if kept else "",
        overlay=desired.overlay or bool(kept and kept.overlay),
        namespace_containers=dependencies.namespace_containers(runtime, options),
        ports=host_ports.choose(with_exposed(options, image_config)),
        cgroup_manager=manager.manager_of(pod.cgroup) if pod else runtime.host.cgroup_manager,
        host_env=host_variables(options, caller.environment),
        borrowed_volumes=anonymous_volumes.borrowed(runtime, options),
        id_mappings=dependencies.id_mappings(runtime, options, image_id, previous.config if previous else None),
        requires=dependencies.requires(runtime, options),
        pod=pod.id if pod else "",
        pod_cgroup=pod.cgroup if pod else "",
        oci_runtime=runtime.host.oci.path,
        network_backend=runtime.host.network_backend,
    )


def _image_fields(
    runtime: Runtime, desired: Desired, pulled: Optional[Image], kept: Optional[ContainerConfig]
) -> tuple[str, str, str, ImageConfig]:
    """Return ID, digest, name and configuration of the image, or of that of the container that is replaced.

    :raises NoSuchImage: it is not in the store.
    """
    image = pulled
    if image is None and desired.image and not desired.rootfs:
        image = ImageStore(runtime.parts).get(desired.image)
    if image is not None:
        return image.id, image.digest, short_names.stored_name(desired.image, image), image.config
    if kept is not None:
        return kept.rootfs_image_id, kept.rootfs_image_digest, kept.rootfs_image_name, kept.image_config
    return "", "", "", {}


def of_changed(runtime: Runtime, container: Container, desired: Desired, plan: Plan) -> ContainerConfig:
    """Return the configuration of a container with the options that the plan changes."""
    names = [one.option for one in plan.differences if one.change != Change.RECREATE and not one.drift]
    if not names:
        return container.config  # as for a task by name only, which has no options
    config = container.config.with_options(select(desired.wanted, names))
    if "requires" in names:
        config = config._replace(requires=dependencies.requires(runtime, desired.wanted))
    if {"publish", "publish_all", "expose"} & set(names):
        ports = with_exposed(config.options, config.image_config)
        config = config._replace(ports=host_ports.choose(ports, config.ports))
    return config


def predicted(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> ContainerConfig:
    """Return the configuration that a container will have after the plan, as far as others need it: the ID stays."""
    if container is not None and not plan.has(Verb.RECREATE):
        return of_changed(runtime, container, desired, plan)
    try:
        made = of_new(runtime, desired, container)
    except NoSuchImage:  # it is to be pulled
        made = of_new(runtime, desired._replace(image="", rootfs=False), container)
    return made._replace(id=container.id) if container else made
