# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux's labels of a container, and of the files that are mounted into it; imported only where SELinux is enabled.

A container's own level is that of its record in the image store, which other engines respect. One that is new there has
a level that follows from its ID, or the next one that no container of the store has. A container of a directory of the
host has no record: two of these have the same level once in half a million pairs.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Iterable, Iterator, NoReturn

from ..._drivers.kernel import selinux
from ..._drivers.storage.roots import UNLABELLED, Labels
from ..._model.errors import InvalidArgument, TreeChanged
from ..._model.failpoints import failpoint
from ..._model.records.namespaces import LinuxNS
from ..._spec import labels
from ..network.shared_namespaces import other

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Volume
    from ..base import ContainerBase


def of(container: ContainerBase) -> Labels:
    """Return the labels of the container's process and files; see ``labels.labels``.

    :raises LibpodError: a container that it joins is gone.
    """
    contexts = selinux.contexts()
    if not contexts:
        return UNLABELLED
    config = container.config
    # As with podman, what it joins counts more than its own options, and the IPC namespace more than that of PIDs.
    joined = filter(None, map(config.namespace_container, (LinuxNS.IPC, LinuxNS.PID)))
    theirs = next((of(other(container, one)).process for one in joined), "")
    disabled = _disabled(config.options)
    level = "" if disabled or theirs else _level(container)
    made = labels.labels(
        config.options["security_opt"], contexts, level, joined=theirs, init=config.systemd, disabled=disabled
    )
    return Labels(*made)


def _disabled(options: ContainerOptions) -> bool:
    """Return whether the options leave a process unconfined, which SELinux would keep from what is the host's."""
    return options["privileged"] or "host" in (options["pid"]["mode"], options["ipc"]["mode"])


def _level(container: ContainerBase) -> str:
    recorded = container.storage.labels(container.id)
    if recorded.process:
        return labels.level_of(recorded.process)
    others = [] if container.config.rootfs else container.host.storage.all_labels()
    return labels.level(container.id, {labels.level_of(one.process or one.mount) for one in others})


def check(options: ContainerOptions) -> None:
    """Check that the policy has the labels that security_opt asks for.

    :raises InvalidArgument: it has not.
    """
    wanted, contexts = options["security_opt"].get("label", {}), selinux.contexts()
    if not wanted or not contexts:
        return
    for label in labels.labels(options["security_opt"], contexts, "s0", disabled=_disabled(options)):
        if label and not selinux.known(label):
            given = ", ".join(f"label={key}:{value}" for key, value in wanted.items())
            raise InvalidArgument(
                f"security_opt: {given}: the policy of this host has no context {label}: name another"
            )


def check_volume(volume: Volume, name: str) -> None:
    """Check that a bind mount with the option z or Z is one that may be relabelled.

    :raises InvalidArgument: it is a directory of the system, whose services would lose access to it.
    """
    if volume["type"] == "bind" and {"z", "Z"} & {*volume["flags"]} and selinux.refuses(volume["source"]):
        raise InvalidArgument(_refusal(volume["source"], volume["target"], name))


def _refusal(path: str, target: str, name: str) -> str:
    return (
        f"volume: {path}, to be bound at {target} in container {name}, is a directory of the system, which is never "
        "relabelled: omit z and Z, and give security_opt label=disable where the container is to use it"
    )


def relabel(container: ContainerBase, volume: Volume, path: str) -> None:
    """Give a volume with the option z the label of all containers' files, one with Z that of this container's alone.

    :raises InvalidArgument: it is a directory of the system, or the policy lacks the label.
    """
    label, flags = container.state.mount_label, {"z", "Z"} & {*volume["flags"]}
    if not label or not flags:
        return
    failpoint("relabel volume")
    try:
        selinux.relabel(path, label if "Z" in flags else labels.shared(label))
    except ValueError:
        raise InvalidArgument(_refusal(path, volume["target"], container.name)) from None
    except TreeChanged as error:
        raise TreeChanged(f"volume: {path} of container {container.name}: {error}; run the task again") from error
    except OSError as error:
        _fail(error, f"volume: {path} of container {container.name} cannot be relabelled")


def label_volume(container: ContainerBase, data: str) -> None:
    """Give the new directory of a named volume the label of all containers' files."""
    label = container.state.mount_label
    if label:
        failpoint("label volume")
        selinux.set_label(data, labels.shared(label))


def label_new_volume(data: str) -> None:
    """Give the new directory of a named volume, which no container uses yet, the label of all containers' files."""
    label = labels.shared(selinux.contexts().get("file", ""))
    if label:
        failpoint("label volume")
        selinux.set_label(data, label)


def label_files(container: ContainerBase, paths: Iterable[str]) -> None:
    """Give the engine's files that are mounted in the container its label; another container's get a shared one.

    So has the root filesystem of a pod's infra container, which is a directory of the engine's.

    :raises InvalidArgument: the policy lacks the label.
    """
    label = container.state.mount_label
    if not label:
        return
    try:
        if container.config.infra:
            selinux.relabel(container.config.rootfs, label)
        for path, own in _engines(container, paths):
            selinux.set_label(path, label if own else labels.shared(label))
    except OSError as error:
        _fail(error, f"the files of container {container.name} cannot be labelled")


def _engines(container: ContainerBase, paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the files in the run root, and whether they are the container's own."""
    for path in paths:
        if path.startswith(f"{container.host.parts.run_root}/"):
            yield path, path.startswith(f"{container.run_dir}/")


def _fail(error: OSError, what: str) -> NoReturn:
    if error.errno == errno.EINVAL:
        raise InvalidArgument(
            f"{what}: the policy of this host has no such label: see label= in security_opt"
        ) from error
    raise OSError(error.errno, f"{what}: {error.strerror}") from error
