# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired container: what a task describes, with all options normalised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, NamedTuple, Optional

from .._model.errors import Internal

if TYPE_CHECKING:
    from .._container.io.logs import Show
    from .._model.options.pulling import Pull
    from .._model.options.types import ContainerOptions

# The states that say whose a container is, the engine's or podman's.
HANDOVERS = ("adopted", "given_back")
STATES = ("absent", "present", "created", "started", "stopped", "paused", "marked", "rewound", *HANDOVERS)
# The states that leave the configuration alone, whatever options the task has.
BY_NAME = ("absent", "stopped", "marked", "rewound", *HANDOVERS)
SECRETS_CHANGED = ("ignore", "replace", "restart", "recreate")
WAITS = ("started", "healthy", "booted", "exited")


def by_name_only(state: str, *, options: bool, image: bool = False, force_restart: bool = False) -> bool:
    """Return whether a task names a container or a pod and a state, and leaves its configuration alone.

    ``options`` and ``image`` say that the task has some. Beside ``force_restart`` options without an image count for
    nothing, and beside ``stopped`` all of them count for a container alone that is not there yet.
    """
    return state in BY_NAME or not (image or options and not force_restart)


class Desired(NamedTuple):
    """One container as a task describes it.

    The configuration: ``options`` are normalised (see ``normalise``), None where the task is by name only, and
    ``specified`` the names of those that the task has. ``image`` is as the task spells it; with ``rootfs`` it is a host
    directory, used under an overlay where ``overlay``. ``pulling`` is when and how the image is pulled.

    What prevents it: ``unusable`` is why no container can be created with the options, reported only where one is to
    be created. ``missing`` is why options of a file are not in ``options``. ``strict``: an option without effect is
    an error.

    How it is compared: ``comparisons`` are the modes of options that are not compared strictly, and ``compared`` the
    options that they name. ``forcing`` are those that need a new container in spite of them. ``drift`` is ``auto``,
    what is seen without starting a program, or ``full``. ``secrets_changed``, one of ``SECRETS_CHANGED``, is what is
    done where a secret has another content than when the container started. ``expect_plan`` is the digest of the
    approved plan, see ``approval``.

    How it is stopped and removed: ``stop_time``, ``restart_time`` and ``delete_time`` are the seconds until a stop
    kills, in place of the container's own. ``rmi``: the image is removed with the container.

    ``once``: a container that has ended with exit code 0, and need not be changed, is not started again.

    What the task waits for: ``wait``, for at most ``wait_timeout`` seconds, 0 and less for no limit. With
    ``wait_for_healthy`` a new container must be healthy before the old one is removed. Without ``detach`` the streams
    ``attach`` are returned, or all is passed to ``show`` as it is printed.

    None stands for a value that the task omits.
    """

    name: str
    state: str = "started"
    options: Optional[ContainerOptions] = None
    specified: frozenset[str] = frozenset()
    image: str = ""
    rootfs: bool = False
    overlay: bool = False
    image_strict: bool = False
    force_restart: bool = False
    recreate: bool = False
    force_delete: Optional[bool] = None
    delete_depend: bool = False
    delete_volumes: bool = False
    detach: bool = True
    stop_time: Optional[int] = None
    restart_time: Optional[int] = None
    delete_time: Optional[int] = None
    drift: str = "auto"
    secrets_changed: str = "ignore"
    recreate_policy: str = "auto"
    expect_plan: str = ""
    comparisons: Mapping[str, str] = {}
    compared: frozenset[str] = frozenset()
    strict: bool = False
    forcing: Optional[frozenset[str]] = None
    wait: str = "started"
    wait_timeout: float = 300.0
    wait_for_healthy: bool = False
    unusable: Optional[Exception] = None
    missing: Optional[Exception] = None
    pulling: Optional[Pull] = None
    rmi: Optional[bool] = None
    attach: tuple[str, ...] = ("stdout", "stderr")
    once: bool = False
    show: Optional[Show] = None

    @property
    def wanted(self) -> ContainerOptions:
        """The normalised options of a task that has any.

        :raises Internal: it is by name only.
        """
        if self.options is None:
            raise Internal(f"the options of {self.name} are asked for, and the task has none")
        return self.options

    @property
    def replace_time(self) -> Optional[int]:
        """Seconds until the stop of a container that is re-created kills, where the task says so."""
        return next((one for one in (self.delete_time, self.stop_time, self.restart_time) if one is not None), None)

    @property
    def abandon(self) -> bool:
        """Whether a removal drops the records of what it cannot take away."""
        return self.force_delete is True

    @property
    def by_name(self) -> bool:
        """See ``by_name_only``."""
        return by_name_only(
            self.state,
            options=self.options is not None,
            image=bool(self.image),
            force_restart=self.force_restart,
        )
