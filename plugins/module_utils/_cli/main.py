# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own program: subcommands that conmon, the host's boot and the operator run.

Roots and parts come from the environment, in the variables that the modules' options fall back on.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import Callable, Optional, Sequence

from .._drivers import host_log
from .._drivers.engine.hardened import harden
from .._model.engine_config import EngineConfig
from .._model.errors import printable, sentence, take_warnings
from .._model.options.syntax.parsers import natural

# The modules of commands that are podman's of ``container`` too.
_CONTAINERS = re.compile(r"_cli\.(containers\.|transitions|ps|exec|cp|stats)")
# subcommand: (module, its function, what it does); the function takes the engine's configuration and the arguments.
COMMANDS = {
    "ps": ("_cli.ps", "ps", "list containers"),
    "inspect": ("_cli.containers.inspect", "inspect", "show all about containers or images, as JSON"),
    "logs": ("_cli.logs", "logs", "show what a container printed"),
    "exec": ("_cli.exec", "execute", "run a command in a running container"),
    "attach": (
        "_cli.containers.session",
        "attach",
        "pass on a running container's streams until its end",
    ),
    "cp": ("_cli.cp", "cp", "copy files into a container or out of it"),
    "connect": ("_cli.connect", "connect", "serve a connection plugin; run by libpod.engine.libpod_ssh"),
    "create": ("_cli.containers.run", "create", "create a container"),
    "run": ("_cli.containers.run", "run", "create a container and start it"),
    "start": ("_cli.transitions", "start", "start containers"),
    "stop": ("_cli.transitions", "stop", "stop containers"),
    "restart": ("_cli.transitions", "restart", "stop containers that run, and start them"),
    "update": ("_cli.containers.update", "update", "change limits of a container"),
    "rename": ("_cli.containers.update", "rename", "give a container another name"),
    "auto-update": ("_cli.containers.auto_update", "auto_update", "re-create containers whose image has changed"),
    "adopt": ("_cli.containers.adopt", "adopt", "take containers over from podman while they run, or give them back"),
    "rm": ("_cli.containers.removal", "rm", "remove containers"),
    "kill": ("_cli.containers.signals", "kill", "send a signal to containers"),
    "pause": ("_cli.containers.signals", "pause", "freeze all processes of containers"),
    "unpause": ("_cli.containers.signals", "unpause", "thaw all processes of containers"),
    "exists": ("_cli.containers.looks", "exists", "say by the exit code whether there is a container of a name"),
    "wait": ("_cli.containers.looks", "wait", "wait for the end of containers, and print their exit codes"),
    "port": ("_cli.containers.looks", "port", "list the published ports of containers"),
    "diff": ("_cli.containers.looks", "diff", "list the files that a container has changed"),
    "commit": ("_cli.containers.archives", "commit", "make an image of a container as it is"),
    "export": ("_cli.containers.archives", "export", "write a container's files as a tar archive"),
    "mark": ("_cli.transitions", "mark", "freeze the files of rewindable containers as they are"),
    "rewind": ("_cli.transitions", "rewind", "take containers back to their marks, and start them"),
    "healthcheck": ("_cli.health", "healthcheck", "check a container's health now"),
    "stats": ("_cli.stats", "stats", "show what containers use"),
    "top": ("_cli.stats", "top", "list a container's processes"),
    "container": ("_cli.prune", "container", "remove containers that have ended; may stand before a container's verb"),
    "system": ("_cli.system", "system", "show what is taken up on the disk, or remove what nothing uses"),
    "images": ("_cli.resources.image", "images", "list images"),
    "pull": ("_cli.resources.image", "pull", "pull images"),
    "push": ("_cli.resources.image_changes", "push", "push an image to a registry or an archive"),
    "rmi": ("_cli.resources.image_changes", "rmi", "remove images"),
    "tag": ("_cli.resources.image_changes", "tag", "give an image further names"),
    "untag": ("_cli.resources.image_changes", "untag", "take names from an image"),
    "save": ("_cli.resources.archives", "save", "write images as an archive"),
    "load": ("_cli.resources.archives", "load", "load the images of an archive"),
    "import": ("_cli.resources.archives", "import_tarball", "make an image of a tar file"),
    "image": ("_cli.resources.image", "image", "list, show, pull, push, save, load, name, remove or prune images"),
    "network": ("_cli.resources.network", "network", "list, show, make, connect or remove networks"),
    "pod": ("_cli.resources.pod", "pod", "list, show, make, start, stop, pause or remove pods"),
    "secret": ("_cli.resources.secret", "secret", "list, show, make or remove secrets"),
    "volume": ("_cli.resources.volume", "volume", "list, show, make or remove volumes"),
    "info": ("_cli.about", "info", "show the host, the engine's parts and its roots"),
    "version": ("_cli.about", "version", "show the engine's version"),
    "completion": ("_cli.completion.scripts", "completion", "print the completion of bash, zsh or fish"),
    "man": ("_cli.man", "man", "print the manual page"),
    "__complete": ("_cli.completion.candidates", "complete", "print what can follow; run by the shells' completion"),
    "login": ("_cli.login", "login", "log in to a registry"),
    "logout": ("_cli.login", "logout", "log out of a registry"),
    "events": ("_cli.logs", "events", "show what happens to containers"),
    "inventory": ("_cli.inventory", "inventory", "show all containers as JSON; run by the inventory plugin"),
    "boot": ("_exit_command.boot", "boot", "start containers after a boot; run by the host's init"),
    "halt": ("_exit_command.boot", "halt", "stop containers at a shutdown; run by the host's init"),
    "exit": ("_exit_command.exit", "on_exit", "clean up after a container's end; run by conmon"),
    "exec-end": ("_exit_command.exec_end", "end", "end what a killed task has left; run by the engine"),
    "health": ("_exit_command.health", "watch", "check a container's health at its interval; run by the engine"),
    "adopted": ("_exit_command.adopted", "watch", "clean up after an adopted container's end; run by the engine"),
    "log-limit": ("_exit_command.log_limit", "keep", "keep a container's log at its size; run by the engine"),
}
# What ``libpod container VERB`` runs, where it is not the command of that name; None: it is no container's.
_CONTAINER_VERBS: dict[str, Optional[tuple[str, ...]]] = {
    **dict.fromkeys(("ls", "list"), ("ps",)),
    "inspect": ("inspect", "--type", "container"),
    **{name: None for name, (module, _function, _what) in COMMANDS.items() if not _CONTAINERS.match(module)},
}
_GROUPS = ("container", "image", "network", "pod", "secret", "system", "volume")  # of verbs
# Arguments of the subcommands that programs run.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "boot": (),
    "halt": (),
    "exit": ("ID",),
    "exec-end": ("ID", "PID", "START"),
    "health": ("ID", "PID", "START"),
    "log-limit": ("ID", "PID", "START"),
    "adopted": ("ID", "PID", "START"),
}


def _usage(command: str, arguments: Sequence[str]) -> str:
    """Return the usage of a subcommand that programs run, where its arguments do not fit; else nothing."""
    names = _ARGUMENTS.get(command)
    if names is None:
        return ""
    fits = len(arguments) == len(names) and all(
        natural(value) is not None for name, value in zip(names, arguments) if name in ("PID", "START")
    )
    return "" if fits else " ".join(("usage: libpod", command, *names, f"({COMMANDS[command][2]})"))


def main(arguments: Sequence[str] = ()) -> int:
    """Run one subcommand; return its exit code, or 125 for wrong arguments and for an error of the engine.

    Wrong arguments of a subcommand that programs run are 2.
    """
    harden()
    arguments = _without_noun(arguments or sys.argv[1:])
    if (status := _answered(arguments)) is not None:
        return status
    module, function, _what = COMMANDS[arguments[0]]
    if arguments[0] in _ARGUMENTS:
        # Their standard error is /dev/null.
        host_log.enable(arguments[0])
        host_log.about(container_id="".join(arguments[1:2]))
    package = __package__.rpartition(".")[0]
    try:
        run: Callable[..., int] = getattr(importlib.import_module(f"{package}.{module}"), function)
        # Completion and the manual are of the commands themselves.
        more = (COMMANDS,) if arguments[0] in ("__complete", "man") else ()
        return run(EngineConfig.from_environment(os.environ), arguments[1:], *more)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe; what is still buffered must not fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as error:  # pylint: disable=broad-exception-caught
        sys.stderr.write(f"libpod: {sentence(error)}\n")
        host_log.write_error(error)
    finally:
        for warning in take_warnings():
            host_log.write("warn", warning)
            sys.stderr.write(f"libpod: warning: {warning}\n")
    return 125


def _without_noun(arguments: Sequence[str]) -> Sequence[str]:
    """Return the command line that does what podman's ``container VERB`` does, where there is one."""
    if len(arguments) < 2 or arguments[0] != "container":
        return arguments
    verb = arguments[1]
    command = _CONTAINER_VERBS.get(verb, (verb,) if verb in COMMANDS else None)
    return [*command, *arguments[2:]] if command else arguments


def _answered(arguments: Sequence[str]) -> Optional[int]:
    """Print what needs no subcommand, such as help or the version, and return the exit code; None for a subcommand."""
    if arguments and arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write("usage: libpod COMMAND [ARGUMENT ...]; libpod COMMAND --help shows more\n\n")
        sys.stdout.writelines(f"  {command:12} {what}\n" for command, (_module, _function, what) in COMMANDS.items())
        return 0
    if arguments and arguments[0] in ("--version", "-v"):
        from .._model.version import VERSION

        sys.stdout.write(f"libpod (collection libpod.engine) version {VERSION}\n")
        return 0
    if not arguments or arguments[0] not in COMMANDS or arguments[0] in _GROUPS:
        from .unknown import remedy

        operators = [name for name, (_module, _function, what) in COMMANDS.items() if "; run by " not in what]
        if message := remedy(arguments, operators):
            sys.stderr.write(f"libpod: {printable(message, '')}\n")
            return 125
    if usage := _usage(arguments[0], arguments[1:]):
        help_asked = arguments[1:2] in (["-h"], ["--help"])
        (sys.stdout if help_asked else sys.stderr).write(f"{usage}\n")
        return 0 if help_asked else 2
    return None


if __name__ == "__main__":
    raise SystemExit(main())
