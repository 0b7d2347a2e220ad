# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's errors: one hierarchy, named after libpod's; and its warnings, which a result has beside its success."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Mapping, Sequence

if TYPE_CHECKING:
    from .types import PlanJson


class LibpodError(Exception):
    """Base of everything the engine raises on purpose; ``str()`` is one sentence for the user, of bounded length."""

    def __init__(self, message: str = "") -> None:
        """``message`` may quote any value."""
        super().__init__(printable(bounded(message), ""))


def note_done(error: Exception, actions: Sequence[str]) -> None:
    """Record with the error what had been done before it, and stays."""
    error.__dict__["done"] = tuple(actions)


def done(error: Exception) -> tuple[str, ...]:
    """Return what ``note_done`` recorded."""
    actions: tuple[str, ...] = error.__dict__.get("done", ())
    return actions


def not_yet(error: LibpodError) -> LibpodError:
    """Mark an error as one of something missing on the host that an earlier task of a play may make; return it."""
    error.__dict__["not_yet"] = True
    return error


def may_come(error: Exception) -> bool:
    """Return whether, in check mode, an earlier task of the play may be to make what is missing.

    A container's ID is none that an earlier task could have chosen.
    """
    if isinstance(error, (NoSuchContainer, NoSuchPod, NoSuchNetwork, ContainerStopped, ToolMissing)):
        return not re.search(r"'[0-9a-f]{12,64}'", str(error))
    return bool(error.__dict__.get("not_yet"))


def not_invoked(error: LibpodError, exit_code: int) -> LibpodError:
    """Mark an error as one of a command that is not found, 127, or cannot be invoked, 126; return it."""
    error.__dict__["not_invoked"] = exit_code
    return error


def exit_code_of(error: Exception) -> int:
    """Return the exit code that podman-run(1) has for the error: that of ``not_invoked``, else 125."""
    code: int = error.__dict__.get("not_invoked", 125)
    return code


# Sentence to whether it is of an option without effect.
_warnings: dict[str, bool] = {}


def warn(sentence: str, *, ineffective: bool = False) -> None:
    """Have this run's result carry a warning: a sentence that names the container, and what has no effect.

    ``ineffective``: it is of an option that was taken and has no effect, which ``strict`` makes an error.
    """
    sentence = printable(bounded(sentence), "")
    _warnings[sentence] = ineffective or _warnings.get(sentence, False)


def warn_of_missing(error: Exception) -> None:
    """Warn of what check mode does not find, and continues without."""
    warn(f"{error} (check mode continues, since an earlier task of the play may create it; the run would fail)")


def take_warnings() -> list[str]:
    """Return the warnings since the last call."""
    taken = list(_warnings)
    _warnings.clear()
    return taken


class NoSuchContainer(LibpodError):
    """No container has this name or ID."""


class NoSuchPod(LibpodError):
    """No pod has this name or ID."""


class NoSuchImage(LibpodError):
    """The image is neither in the store nor at its source."""


class ImageRejected(LibpodError):
    """The signature policy does not let the image be pulled."""


class LoginRefused(LibpodError):
    """A registry does not accept a user's password."""


class ImageInUse(LibpodError):
    """Containers use the image."""


class NoSuchNetwork(LibpodError):
    """No CNI configuration defines this network."""


class NoSuchVolume(LibpodError):
    """No volume has this name."""


class ContainerExists(LibpodError):
    """The name is taken by another container."""


class PodExists(LibpodError):
    """The name is taken by another pod."""


class InvalidState(LibpodError):
    """The container's status does not allow the operation."""


class RecreateRefused(LibpodError):
    """A new container is needed, and the task does not allow one; ``plan`` is what would have been done."""

    def __init__(self, name: str, plan: PlanJson) -> None:
        forcing = plan["recreated_because_of"]
        changes = ", ".join(
            f"{one['option']} ({one['before']!r} to {one['after']!r}{one['reason'] and '; ' + one['reason']})"
            for one in plan["differences"]
            if one["option"] in forcing
        )
        super().__init__(
            f"container {name} must be re-created for {changes}, and recreate_policy is never: nothing was changed; "
            "give these options the container's own values, exclude them with comparisons, or set it to auto"
        )
        self.plan = plan


class PlanDiffers(LibpodError):
    """The task is to do an approved plan, and would do another one, ``plan``.

    Nothing was changed, unless the task had ``begun`` when something else changed the host.
    """

    def __init__(self, what: str, plan: Mapping[str, object], *, begun: bool = False) -> None:
        ending = "nothing was changed: find out why, or approve plan.digest of this result"
        if begun:
            ending = (
                "something else has changed it while the task ran: find out what, and approve the plan of a new check"
            )
        super().__init__(f"{what}; {ending}")
        self.what = what
        self.plan = plan


class ContainerStopped(InvalidState):
    """The operation needs a running container."""


class Unhealthy(LibpodError):
    """The container did not become healthy."""


class NotBooted(LibpodError):
    """The system in the container did not come up, or not wholly."""


class ContainerRemoved(LibpodError):
    """The container was removed while the operation waited for it."""


class CleanupIncomplete(LibpodError):
    """Parts of a container could not be taken down; all others are. ``parts`` are what is left, each with its error."""

    def __init__(self, before: str, parts: Sequence[tuple[str, Exception]], after: str = "") -> None:
        left = " and ".join(f"{part} ({sentence(error)})" for part, error in parts)
        super().__init__(f"{before} {left}{after}".strip())
        self.parts = list(parts)


class RemovalIncomplete(CleanupIncomplete):
    """Parts of a removed container, pod or volume are still on the host; all others are gone."""


class DependencyExists(LibpodError):
    """Other containers depend on this one."""


class InvalidArgument(LibpodError):
    """An option's value cannot be used."""


def without_effect(sentence: str, strict: bool) -> None:
    """Warn of an option that is taken and has no effect.

    :raises InvalidArgument: that is ``strict``.
    """
    if strict:
        raise InvalidArgument(f"{sentence} (strict is true)")
    warn(sentence)


def refuse_ineffective() -> None:
    """Make an error of the first warning of an option without effect.

    :raises InvalidArgument: there is one.
    """
    for sentence, ineffective in _warnings.items():
        if ineffective:
            take_warnings()
            raise InvalidArgument(f"{sentence} (strict is true)")


class EmptyID(InvalidArgument):
    """A name or ID is empty."""


class NotRemoved(LibpodError):
    """Something that was to go is left on the host."""


class TreeChanged(LibpodError):
    """A directory was moved while the engine walked through what is in it."""


class TreeTooLarge(LibpodError):
    """What is in a directory could not be gone through in the time that there is for it."""


class StateCorrupt(LibpodError):
    """A record on disk cannot be read."""


class MalformedData(LibpodError):
    """What another program wrote, such as an image or an answer, lacks the shape its specification gives it."""


class ConfigMismatch(LibpodError):
    """The store was made by another configuration or a newer version of the engine."""


class Internal(LibpodError):
    """A promise of the engine to itself was broken."""


class NotImplementedByHost(LibpodError):
    """The kernel or the host lacks what was asked for (libpod's ErrNotImplemented)."""


_CHOOSING = {"runc": "oci_runtime", "crun": "oci_runtime", "conmon": "conmon_path", "catatonit": "init_path"}
_CHOOSING["containernetworking-plugins"] = "cni_plugin_dirs"


class ToolMissing(LibpodError):
    """A program the engine drives is not installed; ``option`` names another one, by default as its package has it.

    Of a program that few hosts need, ``need`` says for what, and what does without it. The role does not install it.
    """

    def __init__(self, tool: str, package: str, option: str = "", need: tuple[str, str] = ("", "")) -> None:
        option = option or _CHOOSING.get(package, "")
        purpose, instead = need
        if purpose:
            message = f"{purpose} needs {tool}, which is not installed or not executable: install the package {package}"
            message += f", or {instead}"
        else:
            message = f"{tool} is not installed or not executable: install the package {package} "
            message += "(the role libpod.engine.libpod_host does)"
            message += f", or say in {option} where one is" if option else ""
        super().__init__(message)
        self.tool = tool
        self.package = package


# Characters that an error keeps.
_SENTENCE, _MESSAGE, _STDERR, _ARGUMENT, _ARGUMENTS = 1 << 14, 2000, 1 << 16, 1000, 200
_VALUE = 400  # and of a value that it quotes, which is a long word or in quotes
# Each alternative takes linear time, whatever the value is.
_LONG = rf"(?<!\w)'[^']{{{_VALUE},}}'(?!\w)|(?<!\w)\"[^\"]{{{_VALUE},}}\"(?!\w)|(?<!\S)\S{{{_VALUE + 1},}}"


class ToolFailed(LibpodError):
    """A program the engine drives failed; its words are kept, shortened where they are very long."""

    def __init__(self, argv: Sequence[str], exit_code: int, stderr: str, doing: str = "") -> None:
        stderr = shortened(stderr, _STDERR)
        # Of a program that also logs, as containers-storage does, the error itself is a line of its own.
        own = [line for line in stderr.splitlines() if not line.startswith('time="')]
        words = shortened(" ".join((" ".join(own) or stderr).split()), _MESSAGE) or "no message"
        super().__init__(f"{doing + ': ' if doing else ''}{argv[0]} {self._how(exit_code)}: {words}")
        self.argv = [shortened(argument, _ARGUMENT) for argument in argv[:_ARGUMENTS]]
        self.exit_code = exit_code
        self.stderr = stderr

    def _how(self, exit_code: int) -> str:
        return f"ended with exit code {exit_code}" if exit_code >= 0 else f"was killed by signal {-exit_code}"


class ToolTimedOut(ToolFailed):
    """A program the engine drives took longer than its limit, and was ended."""

    def __init__(
        self, argv: Sequence[str], stderr: str, doing: str, tool: str, seconds: float, option: str = "tool_timeouts"
    ) -> None:
        self.tool, self.seconds, self.option = tool, seconds, option
        super().__init__(argv, 124, stderr, doing)  # as timeout(1)

    def _how(self, exit_code: int) -> str:
        return (
            f"did not end within {self.seconds:g} seconds and was killed (a longer limit: "
            f"{self.option}: {{{self.tool}: SECONDS}})"
        )


class HostExhausted(LibpodError):
    """The host has no more processes, threads, memory or descriptors for the engine."""

    def __init__(self, doing: str, number: int) -> None:
        super().__init__(
            f"{doing}: {os.strerror(number)}: a limit of this host is reached; see the limits on open files and "
            "processes (ulimit -n, ulimit -u), pids.max of the cgroup, and kernel.threads-max, fs.file-max"
        )
        self.errno = number


_FULL = ": make room there, for which libpod_prune and state=absent need none themselves"
_ADVICE = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL)
_ADVICE[errno.EROFS] = ": make that file system writable, or choose another static_root or run_root"
_EXHAUSTED = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def explained(error: BaseException) -> Exception:
    """Return the error as one that a user can act on: of this hierarchy, or the host's own word (OSError).

    What the engine did not foresee becomes ``Internal``, which names the place and no value: that may be a secret.
    """
    if isinstance(error, LibpodError):
        return error
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        number = errno.EAGAIN
    if number in _EXHAUSTED:
        filename = getattr(error, "filename", None)
        return HostExhausted("cannot go on" + (f" with {filename}" if filename else ""), number)
    if isinstance(error, OSError):
        return error
    trace, place = error.__traceback__, "an unknown place"
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_name} ({'/'.join(code.co_filename.split('/')[-2:])}:{trace.tb_lineno})"
        trace = trace.tb_next
    return Internal(
        f"the engine itself failed: {type(error).__name__} in {place}: this is a fault of the collection "
        "libpod.engine, please report it with this sentence and, if you can, the output at -vvv"
    )


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first ``most`` of the names and how many more there are, for a message."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def sentence(error: BaseException) -> str:
    """Return one sentence for the user on any error, printable."""
    known = explained(error)
    if isinstance(known, OSError):
        where = f"cannot access {known.filename}" if known.filename else "a system call failed"
        return printable(f"{where}: {known.strerror or known}{_ADVICE.get(known.errno or 0, '')}")
    return printable(str(known))


def printable(text: str, kept: str = "\n\t") -> str:
    """Return ``text`` with a question mark for each character that could move a terminal's cursor, or hide text there.

    Those are control characters, escape sequences' beginnings and Unicode's formats, such as changes of direction;
    ``kept`` are taken as they are.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in kept else "?" for letter in text)


def bounded(text: str) -> str:
    """Return ``text``, of bounded length, with the beginning and end of each long word and quoted value in it."""
    return shortened(re.sub(_LONG, lambda found: shortened(found[0], _VALUE), text), _SENTENCE)


def shortened(text: str, length: int) -> str:
    """Return ``text``, or its beginning and end where it has more characters than ``length``."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]} [{len(text) - 2 * half} characters left out] {text[-half:]}"
