# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own program: subcommands that conmon, the host's boot and the operator run.

Roots and parts come from the environment, in the variables that the modules' options fall back on.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Callable, Sequence

from .._drivers import host_log
from .._drivers.engine.hardened import harden
from .._model.engine_config import EngineConfig
from .._model.errors import sentence, take_warnings
from .._model.options.parsers import natural

# subcommand: (module of this package, its function, what it does); the function takes the parts and the words after it.
COMMANDS = {
    "ps": ("_cli.ps", "ps", "list containers"),
    "inspect": ("_cli.ps", "inspect", "all there is to know of containers, as JSON"),
    "logs": ("_cli.logs", "logs", "what a container printed"),
    "exec": ("_cli.exec", "execute", "run a command in a running container"),
    "start": ("_cli.transitions", "start", "start containers"),
    "stop": ("_cli.transitions", "stop", "stop containers"),
    "restart": ("_cli.transitions", "restart", "stop containers that run, and start them"),
    "healthcheck": ("_cli.health", "healthcheck", "check a container's health now"),
    "stats": ("_cli.stats", "stats", "what containers use"),
    "top": ("_cli.stats", "top", "a container's processes"),
    "events": ("_cli.logs", "events", "what happens to containers"),
    "boot": ("_exit_command.boot", "boot", "start what is to run after a boot; run by the host's init"),
    "halt": ("_exit_command.boot", "halt", "end containers where the host goes down; run by the host's init"),
    "exit": ("_exit_command.exit", "on_exit", "clean up after a container's end; run by conmon"),
    "health": ("_exit_command.health", "watch", "check a container's health again and again; run by the engine"),
    "log-limit": ("_exit_command.log_limit", "keep", "keep a container's log at its size; run by the engine"),
}
# What each that nobody types takes, and nothing else.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "boot": (),
    "halt": (),
    "exit": ("ID",),
    "health": ("ID", "PID", "START"),
    "log-limit": ("ID", "PID", "START"),
}


def _usage(command: str, arguments: Sequence[str]) -> str:
    """How a command that programs run is used, where the words after it are others; argparse has the operator's."""
    names = _ARGUMENTS.get(command)
    if names is None:
        return ""
    fits = len(arguments) == len(names) and all(
        natural(word) is not None for name, word in zip(names, arguments) if name in ("PID", "START")
    )
    return "" if fits else " ".join(("usage: libpod", command, *names, f"({COMMANDS[command][2]})"))


def main(words: Sequence[str] = ()) -> int:
    """Run one subcommand and return the program's exit code: 2 for wrong words, 125 for what the engine refuses."""
    harden()
    words = words or sys.argv[1:]
    if words and words[0] in ("-h", "--help", "help"):
        sys.stdout.write("usage: libpod COMMAND [ARGUMENT ...]; libpod COMMAND --help tells more\n\n")
        sys.stdout.writelines(f"  {command:12} {what}\n" for command, (_module, _function, what) in COMMANDS.items())
        return 0
    if words and words[0] in ("--version", "version"):
        from .._model.version import VERSION

        sys.stdout.write(f"libpod (collection libpod.engine) version {VERSION}\n")
        return 0
    if not words or words[0] not in COMMANDS:
        sys.stderr.write(f"libpod: expected one of {', '.join(COMMANDS)}, or --help\n")
        return 2
    if usage := _usage(words[0], words[1:]):
        asked = words[1:2] in (["-h"], ["--help"])
        (sys.stdout if asked else sys.stderr).write(f"{usage}\n")
        return 0 if asked else 2
    module, function, _what = COMMANDS[words[0]]
    if words[0] in _ARGUMENTS:
        # Their standard error is /dev/null.
        host_log.enable(words[0])
        host_log.about(container_id="".join(words[1:2]))
    package = __package__.rpartition(".")[0]
    try:
        run: Callable[[EngineConfig, Sequence[str]], int] = getattr(
            importlib.import_module(f"{package}.{module}"), function
        )
        return run(EngineConfig.from_environment(os.environ), words[1:])
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has gone; what is still buffered must not fail once more at the end.
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


if __name__ == "__main__":
    raise SystemExit(main())
