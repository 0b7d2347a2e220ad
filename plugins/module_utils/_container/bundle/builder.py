# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI bundle of a container in its run directory: config.json, and the files bound over /etc."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Collection, Iterable, Mapping, Optional, Sequence

from ..._drivers import seccomp_profiles
from ..._drivers.cgroups import manager
from ..._drivers.kernel import securejoin
from ..._drivers.process import bounding_set
from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig
from ..._spec import capabilities, seccomp, users
from ..._spec.generate import Facts, generate
from ..lifecycle import notify
from ..live import kernel_limits
from ..mounts import tmpfs_modes, volumes
from ..network import shared_namespaces
from ..rootfs import device_nodes
from . import containerenv, etc_files, init_program, lsm

if TYPE_CHECKING:
    from ..._spec.types import Mount, Seccomp, Spec
    from ..base import ContainerBase


def draft(container: ContainerBase) -> Facts:
    """Return the facts that do not need the rootfs; ``rootfs``, ``user`` and volumes are added later.

    :raises InvalidArgument: an option names something that the host does not have.
    """
    config = container.config
    options = config.options
    granted = capabilities.compute(
        options["cap_add"], options["cap_drop"], capabilities.named(bounding_set()), privileged=options["privileged"]
    )
    hard_limits = check_ulimits(options["ulimit"])
    namespaces = shared_namespaces.paths(container)
    bound = device_nodes.bound(options) if config.id_mappings else {}
    return Facts(
        process_label=container.state.process_label,
        mount_label=container.state.mount_label,
        rootfs="",
        user=users.User(0, 0, (), "/", "root"),
        namespaces=namespaces,
        foreign=shared_namespaces.foreign(container, namespaces) if config.id_mappings else {},
        capabilities={"bounding": list(granted)},
        cgroups_path=manager.oci_path(config.cgroup_manager, config.cgroup_parent, config.id),
        hostname=shared_namespaces.hostname(container),
        seccomp=seccomp_filter(options["security_opt"]["seccomp"], granted, _image_profile(config)),
        shm=shared_namespaces.shm_dir(container),
        files={**etc_files.paths(container), **bound},
        hard_limits=hard_limits,
        open_files=_open_files(),
        devices=tuple(node for node in device_nodes.nodes(options, config.systemd) if node["path"] not in bound),
        device_rules=device_nodes.rules(options),
        swap=container.host.swap,
        device_numbers=kernel_limits.numbers(options),
        systemd_cgroup=_systemd_cgroup(container) if config.systemd else "",
        apparmor=lsm.apparmor_profile(options),
        init=init_program.path(options["init_path"]) if options["init"] else "",
    )


def seccomp_filter(value: str, granted: Collection[str], image: str = "") -> Optional[Seccomp]:
    """Return ``linux.seccomp`` for security_opt's ``seccomp=VALUE`` on this host; see ``seccomp_profiles.find``.

    :raises InvalidArgument: the profile cannot be used. :raises ToolMissing: the default one is not installed.
    """
    profile, host = seccomp_profiles.find(value, image), os.uname()
    if profile is None:
        return None
    return seccomp.compile_profile(profile, granted, machine=host.machine, kernel=host.release)


def _image_profile(config: ContainerConfig) -> str:
    """Return the seccomp profile in the image's label, where the option seccomp_policy allows it."""
    if config.options["seccomp_policy"] != "image":
        return ""
    return str((config.image_config.get("Labels") or {}).get("io.containers.seccomp.profile", ""))


def _systemd_cgroup(container: ContainerBase) -> str:
    """Return the container's own cgroup of systemd's v1 hierarchy, the only one that systemd in it should see."""
    mount = container.host.cgroups.controllers.get("systemd", "")
    return mount and mount + container.cgroup_top


def write(container: ContainerBase, drafted: Facts, rootfs: str) -> list[Mount]:
    """Write config.json for the mounted ``rootfs``, readable by root alone for its environment; return its mounts.

    :raises InvalidArgument: the user or a volume cannot be used.
    """
    facts = _completed(container, drafted, rootfs)
    etc_files.create(container)
    if facts.mount_label:
        from . import labels

        labels.label_files(container, facts.files.values())
    if container.config.id_mappings:
        from . import id_mappings

        id_mappings.prepare(container, rootfs)
    spec = generate(container.config, facts)
    _edit(container.config, spec)
    tmpfs_modes.prepare(container, spec["mounts"], rootfs)
    failpoint("write config.json")
    path = f"{container.run_dir}/config.json"
    text = json.dumps(spec, separators=(",", ":"))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
    return spec["mounts"]


def _completed(container: ContainerBase, drafted: Facts, rootfs: str) -> Facts:
    """Return the facts with those of the mounted root filesystem, and the files that are mounted over it."""
    config = container.config
    passwd, group = securejoin.user_files(rootfs)
    user = users.resolve(config.resolved["user"], passwd, group, config.options["group_add"])
    mounts = [one["target"] for one in (*config.volumes, *config.file_systems)]
    check_workdir(config.name, config.resolved["workdir"], mounts, rootfs)
    granted = drafted.capabilities["bounding"]
    facts = drafted._replace(
        rootfs=rootfs,
        user=user,
        capabilities=capabilities.oci_capabilities(granted, user.uid, config.options["cap_add"]),
        volume_sources=volumes.sources(container, rootfs, user),
        source_guards=volumes.source_guards(container, config),
        files={**drafted.files, **containerenv.write(container, rootfs)},
    )
    if not user.name or config.options["hostuser"] or config.options["passwd_entry"] or config.options["group_entry"]:
        from . import passwd as user_entries

        facts = facts._replace(files={**facts.files, **user_entries.write(container, user, passwd, group)})
    if config.options["secrets"]:
        from . import secrets

        files, variables = secrets.deliver(container)
        facts = facts._replace(files={**facts.files, **files}, variables=variables)
    if notify.relayed(config):
        # conmon binds a socket in it, to which any user of the container may write.
        os.makedirs(f"{container.run_dir}/notify", 0o755, exist_ok=True)
        facts = facts._replace(
            files={**facts.files, notify.TARGET: f"{container.run_dir}/notify"},
            variables={**facts.variables, notify.VARIABLE: f"{notify.TARGET}/notify.sock"},
        )
    return facts


def _edit(config: ContainerConfig, spec: Spec) -> None:
    """Add to the spec what the host's CDI files and hook definitions say."""
    if config.options["gpus"]:
        from . import cdi

        cdi.apply(spec, cdi.edits(config.options["gpus"]))
    if config.options["hooks_dir"]:
        from . import hooks

        bind_mounts = any(volume["type"] == "bind" for volume in config.volumes)
        for stage, programs in hooks.chosen(hooks.read(config.options["hooks_dir"]), spec, bind_mounts).items():
            spec.setdefault("hooks", {}).setdefault(stage, []).extend(programs)


def check_user(user: str, group_add: Sequence[str], rootfs: str) -> None:
    """Check that the user and groups are in the files of the root filesystem.

    :raises InvalidArgument: one is not.
    """
    users.resolve(user, *securejoin.user_files(rootfs), group_add)


def check_workdir(name: str, workdir: str, mounts: Iterable[str], rootfs: str) -> None:
    """Check that the working directory is one, or can be made; ``mounts`` are targets that may contain it.

    :raises InvalidArgument: there is a file in its place.
    """
    if not workdir.startswith("/"):
        raise InvalidArgument(
            f"workdir: the image of container {name} has {workdir!r}, which is not an absolute path: give workdir"
        )
    if any(f"{workdir}/".startswith(f"{target}/") for target in mounts):
        return
    try:
        path = securejoin.resolve(rootfs, workdir)
        if os.path.isdir(path) or not os.path.lexists(path):
            return
    except NotADirectoryError:
        pass
    raise InvalidArgument(f"workdir: {workdir} is not a directory in container {name}: name one")


def _hard_limits() -> dict[str, int]:
    import resource

    limits = {}
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            hard = resource.getrlimit(getattr(resource, name))[1]
            limits[name[7:].lower()] = -1 if hard == resource.RLIM_INFINITY else hard
    return limits


def _open_files() -> tuple[int, int]:
    import resource

    soft, hard = (-1 if one == resource.RLIM_INFINITY else one for one in resource.getrlimit(resource.RLIMIT_NOFILE))
    return soft, hard


def check_ulimits(wanted: Mapping[str, list[int]]) -> dict[str, int]:
    """Return the host's hard limits, after a check that the container may have the wanted ones.

    Only CAP_SYS_RESOURCE can raise a hard limit; without it the OCI runtime's error would name no option.

    :raises InvalidArgument: one is to be raised without it.
    """
    hard_limits = _hard_limits()
    if "host" in wanted or "CAP_SYS_RESOURCE" in capabilities.named(bounding_set()):
        return hard_limits
    for name, (_soft, hard) in wanted.items():
        ceiling = hard_limits.get(name, -1)
        if ceiling != -1 and not 0 <= hard <= ceiling:
            raise InvalidArgument(
                f"ulimit: {name}={hard} is above this host's hard limit {ceiling}, and the engine runs without "
                "CAP_SYS_RESOURCE: ask for less, or raise the limit of the process that starts it"
            )
    return hard_limits
